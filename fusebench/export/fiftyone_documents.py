"""Documents of FiftyOne's own format: fields, samples and labels, as its importer reads them.

FiftyOne writes its MongoDB documents as extended JSON: an ObjectId is ``{"$oid": ...}`` with 24 hex
digits, a time ``{"$date": ...}``. Ids are computed from names, so that the same export gives the
same bytes. The documents have the form of FiftyOne 1.0; later versions upgrade it.
Source: FiftyOneDatasetImporter and FiftyOneDatasetExporter of FiftyOne 1.22.
"""

import hashlib
from collections.abc import Mapping, Sequence
from typing import Any

from fusebench.data.boxes import Boxes

VERSION = "1.0.0"  # of the documents' form
TIME = {"$date": "2000-01-01T00:00:00Z"}  # the importer writes its own
GROUP_FIELD = "group"
_FIELDS = "fiftyone.core.fields"
_EMBEDDED = f"{_FIELDS}.EmbeddedDocumentField"
Document = dict[str, Any]


def make_id(*names: str) -> Document:
    """Return an ObjectId computed from names: the same names give the same id."""
    return {"$oid": hashlib.sha256("\0".join(names).encode()).hexdigest()[:24]}


def make_random_number(*names: str) -> float:
    """Return a number in [0, 1) computed from names; FiftyOne samples with it."""
    digest = hashlib.sha256("\0".join(names).encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def build_detections(
    boxes: Boxes,
    classes: Sequence[str],
    size: tuple[int, int],
    id_names: Sequence[str],
    crowd_flags: Sequence[int] = (),
) -> Document:
    """Build the value of a field of boxes.

    Args:
        boxes: True or predicted boxes of one image.
        classes: Class names in the order of their ids.
        size: (width, height) of the image, in pixels.
        id_names: Names that the ids are computed from.
        crowd_flags: COCO's ``iscrowd`` of each box; empty for predictions.
    """
    width, height = size
    detections = []
    for i, (corners, class_id) in enumerate(zip(boxes.corners, boxes.class_ids, strict=True)):
        left, top, right, bottom = map(float, corners)
        detection: Document = {
            "_id": make_id(*id_names, str(i)),
            "_cls": "Detection",
            "attributes": {},
            "tags": [],
            "label": classes[int(class_id)],
            "bounding_box": [
                left / width,
                top / height,
                (right - left) / width,
                (bottom - top) / height,
            ],
        }
        if len(boxes.scores):
            detection["confidence"] = float(boxes.scores[i])
        if len(crowd_flags):
            detection["iscrowd"] = int(crowd_flags[i])
        detections.append(detection)
    return {"_cls": "Detections", "detections": detections}


def build_segmentation(mask_path: str, id_names: Sequence[str]) -> Document:
    """Build the value of a field of label maps; the path is relative to the export."""
    return {
        "_id": make_id(*id_names),
        "_cls": "Segmentation",
        "tags": [],
        "mask_path": mask_path,
    }


def build_dataset(
    name: str, slices: Sequence[str], classes: Sequence[str], label_fields: Mapping[str, str]
) -> Document:
    """Build ``metadata.json``: the grouped data set and its fields.

    Args:
        name: Name of the data set.
        slices: Names of the slices; the first is shown first.
        classes: Class names in the order of their ids.
        label_fields: ``Detections`` or ``Segmentation`` by name of the field.
    """
    has_masks = "Segmentation" in label_fields.values()
    mask_targets = {str(i): label for i, label in enumerate(classes)} if has_masks else {}
    return {
        "name": name,
        "slug": name,
        "version": VERSION,
        "created_at": TIME,
        "last_modified_at": TIME,
        "last_loaded_at": TIME,
        "persistent": False,
        "media_type": "group",
        "group_field": GROUP_FIELD,
        "group_media_types": dict.fromkeys(slices, "image"),
        "default_group_slice": slices[0],
        "tags": [],
        "info": {},
        "app_config": {},
        "classes": {},
        "default_classes": list(classes),
        "mask_targets": {},
        "default_mask_targets": mask_targets,
        "skeletons": {},
        "sample_fields": _build_sample_fields(label_fields),
        "frame_fields": [],
        "saved_views": [],
        "workspaces": [],
        "annotation_runs": {},
        "brain_methods": {},
        "evaluations": {},
        "runs": {},
    }


def _build_sample_fields(label_fields: Mapping[str, str]) -> list[Document]:
    return [
        _field("id", "ObjectIdField", db_field="_id"),
        _field("filepath", "StringField"),
        _list_field("tags", "StringField"),
        _embedded("metadata", "fiftyone.core.metadata.ImageMetadata", _METADATA_FIELDS),
        _field("created_at", "DateTimeField", read_only=True),
        _field("last_modified_at", "DateTimeField", read_only=True),
        _field("_media_type", "StringField"),
        _field("_rand", "FloatField"),
        _field("_dataset_id", "ObjectIdField"),
        _embedded(
            GROUP_FIELD,
            "fiftyone.core.groups.Group",
            [_field("id", "ObjectIdField", db_field="_id"), _field("name", "StringField")],
        ),
        *(_field(name, "StringField") for name in ("key", "condition", "sequence")),
        *(
            _embedded(name, f"fiftyone.core.labels.{kind}", _LABEL_FIELDS[kind])
            for name, kind in label_fields.items()
        ),
    ]


def _field(
    name: str, kind: str, *, db_field: str | None = None, read_only: bool = False, **more: Any
) -> Document:
    return {
        "name": name,
        "ftype": f"{_FIELDS}.{kind}",
        "embedded_doc_type": None,
        "subfield": None,
        "fields": [],
        "db_field": db_field or name,
        "description": None,
        "info": None,
        "read_only": read_only,
        "created_at": TIME,
        **more,
    }


def _list_field(name: str, subfield: str) -> Document:
    return _field(name, "ListField", subfield=f"{_FIELDS}.{subfield}")


def _embedded(name: str, document_type: str, fields: Sequence[Document]) -> Document:
    return _field(
        name, "EmbeddedDocumentField", embedded_doc_type=document_type, fields=list(fields)
    )


_METADATA_FIELDS = [
    _field("size_bytes", "IntField"),
    _field("mime_type", "StringField"),
    _field("width", "IntField"),
    _field("height", "IntField"),
    _field("num_channels", "IntField"),
]
_MASK_FIELDS = [
    _field("id", "ObjectIdField", db_field="_id"),
    _list_field("tags", "StringField"),
    _field("mask", "ArrayField"),
    _field("mask_path", "StringField"),
]
_DETECTION_FIELDS = [
    *_MASK_FIELDS,
    _field(
        "attributes",
        "DictField",
        embedded_doc_type="fiftyone.core.labels.Attribute",
        subfield=_EMBEDDED,
    ),
    _field("label", "StringField"),
    _list_field("bounding_box", "FloatField"),
    _field("confidence", "FloatField"),
    _field("index", "IntField"),
    _field("iscrowd", "IntField"),
]
_LABEL_FIELDS = {
    "Segmentation": _MASK_FIELDS,
    "Detections": [
        _field(
            "detections",
            "ListField",
            embedded_doc_type="fiftyone.core.labels.Detection",
            subfield=_EMBEDDED,
            fields=_DETECTION_FIELDS,
        )
    ],
}
