"""Ground-truth boxes of COCO JSON files, by the images that they name.

Only boxes are read: ``images`` (``id``, ``file_name``, and ``width`` and ``height`` if they are
there), ``categories`` (``id``, ``name``) and ``annotations`` (``image_id``, ``category_id``,
``bbox``). Ids can be numbers or texts, in any order, and may begin at 0.

A crowd region (``iscrowd: 1``, or ``ignore: 1``) is an ignored box, see `fusebench.data.boxes`.
"""

import math
from collections import Counter
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.data.box_annotations import fit_to_image
from fusebench.data.box_labels import label_notes
from fusebench.data.box_labels.label_notes import BoxLabels, build_labels
from fusebench.data.boxes import make_boxes
from fusebench.errors import UserError, format_value, shorten
from fusebench.runtime.reading import json_files

CROWD_FLAGS = ("iscrowd", "ignore")


@dataclass(frozen=True)
class CocoImage:
    """One image of a COCO file.

    Attributes:
        file_name: As the file has it, with slashes.
        size: (width, height) that the file states, or None.
        annotations: Its annotations.
    """

    file_name: str
    size: tuple[float, float] | None
    annotations: tuple[Mapping[str, Any], ...]


@dataclass(frozen=True)
class CocoFile:
    """A COCO file.

    Attributes:
        path: The file.
        images: Its images.
        categories: Category id to name, in the order of the ids.
    """

    path: Path
    images: tuple[CocoImage, ...]
    categories: Mapping[Any, str]


def read_coco_file(path: Path) -> CocoFile:
    """Read a COCO file of ground truth.

    Raises:
        UserError: If it is not JSON of this form, an id is there twice, or an annotation names an
            image or a category that is not in the file.
    """
    document = json_files.read_json(path)
    sections = {
        name: _read_section(document, name, path)
        for name in ("images", "categories", "annotations")
    }
    categories = {
        category_id: _read_text(entry, "name", f"{path}: category {format_value(category_id)}")
        for category_id, entry in _index_by_id(sections["categories"], "category", path).items()
    }
    images = _index_by_id(sections["images"], "image", path)
    annotations: dict[Any, list[Mapping[str, Any]]] = {image_id: [] for image_id in images}
    for number, annotation in enumerate(sections["annotations"], 1):
        for name, known in (("image_id", images), ("category_id", categories)):
            value = annotation.get(name)
            if not isinstance(value, Hashable) or value not in known:
                known_id = format_value(next(iter(known), None))
                raise UserError(
                    f"{path}: annotation {number}: {name} {format_value(value)} is not in the "
                    f"file, where ids are e.g. {known_id}; correct or delete it"
                )
        annotations[annotation["image_id"]].append(annotation)
    return CocoFile(
        path,
        tuple(
            _read_image(image, tuple(annotations[image_id]), path)
            for image_id, image in images.items()
        ),
        dict(sorted(categories.items(), key=_get_order)),
    )


def read_coco_boxes(
    file: CocoFile,
    image: CocoImage,
    class_ids: Mapping[str, int | None],
    size: tuple[int, int],
) -> BoxLabels:
    """Read the boxes of one image.

    Args:
        file: The file.
        image: One of its images.
        class_ids: Category name to class id; None: its boxes are left out.
        size: (width, height) of the image, in pixels.

    Raises:
        UserError: If the file states another size, or a category or a box cannot be used.
    """
    where = f"{file.path}: {shorten(image.file_name)}"
    if image.size is not None and image.size != size:
        raise UserError(
            f"{where}: made for an image of {image.size[0]:g}x{image.size[1]:g}, but the image is "
            f"{size[0]}x{size[1]}; use the images and labels of the same release"
        )
    counts: Counter[str] = Counter()
    corners, ids, ignored = [], [], []
    for annotation in image.annotations:
        name = file.categories[annotation["category_id"]]
        if name not in class_ids:
            raise UserError(
                f"{where}: category {format_value(name)} is no class; known: "
                f"{', '.join(class_ids)}. Add it to classes, or to boxes.rename with the name of "
                "its class, or null to leave it out"
            )
        class_id = class_ids[name]
        if class_id is None:
            counts[label_notes.LEFT_OUT] += 1
            continue
        corners.append(_read_corners(annotation, where, size, counts))
        ids.append(class_id)
        ignored.append(any(annotation.get(flag) in (1, "1") for flag in CROWD_FLAGS))
    return build_labels(make_boxes(corners, ids, ignored=ignored), size, counts)


def _read_section(document: Any, name: str, path: Path) -> Sequence[Mapping[str, Any]]:
    section = document.get(name) if isinstance(document, dict) else None
    if not isinstance(section, list) or not all(isinstance(entry, dict) for entry in section):
        content = ", ".join(document) if isinstance(document, dict) else type(document).__name__
        raise UserError(
            f"{path}: has no list {name!r} of entries (found: {shorten(content) or 'nothing'}); "
            "expected COCO's form of ground truth: lists images, categories and annotations"
        )
    return section


def _index_by_id(
    entries: Sequence[Mapping[str, Any]], kind: str, path: Path
) -> dict[Any, Mapping[str, Any]]:
    by_id: dict[Any, Mapping[str, Any]] = {}
    for number, entry in enumerate(entries, 1):
        value = entry.get("id")
        if isinstance(value, bool) or not isinstance(value, int | float | str):
            raise UserError(
                f"{path}: {kind} {number}: id {format_value(value)}; expected a number or a text"
            )
        if value in by_id:
            raise UserError(
                f"{path}: {kind} {number}: id {format_value(value)} is there twice; correct the "
                "file"
            )
        by_id[value] = entry
    return by_id


def _read_text(entry: Mapping[str, Any], name: str, where: str) -> str:
    value = entry.get(name)
    if not isinstance(value, str) or not value.strip():
        raise UserError(f"{where}: {name} {format_value(value)}; expected a text")
    return value


def _read_image(
    image: Mapping[str, Any], annotations: tuple[Mapping[str, Any], ...], path: Path
) -> CocoImage:
    where = f"{path}: image {format_value(image['id'])}"
    file_name = _read_text(image, "file_name", where).replace("\\", "/")
    width, height = image.get("width"), image.get("height")
    if not width or not height:
        return CocoImage(file_name, None, annotations)
    try:
        size = float(width), float(height)
    except (TypeError, ValueError):
        raise UserError(
            f"{where}: width {format_value(width)} and height {format_value(height)}; expected "
            "numbers of pixels"
        ) from None
    return CocoImage(file_name, size, annotations)


def _read_corners(
    annotation: Mapping[str, Any], where: str, size: tuple[int, int], counts: Counter[str]
) -> Sequence[float]:
    box = annotation.get("bbox")
    x, y, width, height = (math.nan,) * 4
    if isinstance(box, list) and len(box) == 4 and all(map(_is_number, box)):
        x, y, width, height = map(float, box)
    edges = None
    if width > 0 and height > 0:
        edges = fit_to_image((x, y, x + width, y + height), size, counts)
    if edges is None:
        advice = "correct or delete"
        if not box and annotation.get("segmentation"):
            advice = "write the box around its segmentation as the bbox of"
        raise UserError(
            f"{where}: bbox {format_value(box)}: expected x, y, width and height in pixels of a "
            f"box inside {size[0]}x{size[1]}; {advice} annotation "
            f"{format_value(annotation.get('id'))}"
        )
    return edges


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _get_order(item: tuple[Any, str]) -> tuple[bool, Any]:
    """Order numbers before texts."""
    return isinstance(item[0], str), item[0]
