"""Ground-truth boxes of COCO JSON files, by the images that they name.

Only boxes are read: ``images`` (``id``, ``file_name``, and ``width`` and ``height`` if they are
there), ``categories`` and ``annotations`` (``image_id``, ``category_id``, ``bbox``). Ids can be
numbers or texts.
"""

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.data.box_annotations import fit_to_image
from fusebench.data.box_labels import label_notes
from fusebench.data.box_labels.label_notes import BoxLabels, build_labels
from fusebench.data.boxes import make_boxes
from fusebench.errors import UserError, format_value, shorten
from fusebench.runtime.reading import json_files


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
        UserError: If it is not JSON of this form, an image is listed twice, or an annotation names
            an image or a category that is not in the file.
    """
    document = json_files.read_json(path)
    try:
        categories = {entry["id"]: str(entry["name"]) for entry in document["categories"]}
        names = {image["id"]: str(image["file_name"]) for image in document["images"]}
        annotations: dict[Any, list[Mapping[str, Any]]] = {image_id: [] for image_id in names}
        for number, annotation in enumerate(document["annotations"]):
            image_id, category_id = annotation["image_id"], annotation["category_id"]
            if image_id not in annotations or category_id not in categories:
                raise UserError(
                    f"{path}: annotation {number}: image_id {format_value(image_id)} or "
                    f"category_id {format_value(category_id)} is not in the file; correct or "
                    "delete it"
                )
            annotations[image_id].append(annotation)
        images = tuple(
            CocoImage(
                names[image["id"]].replace("\\", "/"),
                _read_size(image),
                tuple(annotations[image["id"]]),
            )
            for image in document["images"]
        )
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise UserError(
            f"{path}: not COCO's form of ground truth: images, categories and annotations "
            f"({shorten(format_value(error))})"
        ) from None
    if len(names) < len(images):
        raise UserError(f"{path}: two images have one id; correct the file")
    return CocoFile(path, images, dict(sorted(categories.items(), key=_get_order)))


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
    corners, ids = [], []
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
    return build_labels(make_boxes(corners, ids), size, counts)


def _read_corners(
    annotation: Mapping[str, Any], where: str, size: tuple[int, int], counts: Counter[str]
) -> Sequence[float]:
    box = annotation.get("bbox")
    try:
        x, y, width, height = map(float, box if isinstance(box, list) else ())
    except (TypeError, ValueError):
        x = y = width = height = math.nan
    edges = None
    if width > 0 and height > 0:
        edges = fit_to_image((x, y, x + width, y + height), size, counts)
    if edges is None:
        raise UserError(
            f"{where}: bbox {format_value(box)}: expected x, y, width and height in pixels of a "
            f"box inside {size[0]}x{size[1]}; correct or delete annotation "
            f"{format_value(annotation.get('id'))}"
        )
    return edges


def _read_size(image: Mapping[str, Any]) -> tuple[float, float] | None:
    width, height = image.get("width"), image.get("height")
    if not width or not height:
        return None
    return float(width), float(height)


def _get_order(item: tuple[Any, str]) -> tuple[bool, Any]:
    """Order numbers before texts."""
    return isinstance(item[0], str), item[0]
