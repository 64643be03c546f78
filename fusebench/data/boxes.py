"""Boxes as arrays, and their conversion to and from COCO's format."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.data.images import IMAGE_EXTENSIONS
from fusebench.errors import UserError


@dataclass(frozen=True, eq=False)
class Boxes:
    """N ground-truth or predicted boxes of one image.

    Attributes:
        corners: float64 (N, 4): left, top, right, bottom in pixels; right > left, bottom > top.
            Continuous coordinates: the whole image is (0, 0, width, height).
        class_ids: int64 (N,), indices into the class names of the split.
        scores: float64 (N,) in 0..1 for predicted boxes; empty for ground truth.
    """

    corners: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    scores: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))

    def __post_init__(self) -> None:
        if self.corners.shape != (len(self.class_ids), 4):
            raise ValueError(f"{len(self.class_ids)} classes for corners {self.corners.shape}")
        if len(self.scores) not in (0, len(self.class_ids)):
            raise ValueError(f"{len(self.scores)} scores for {len(self.class_ids)} boxes")

    def __len__(self) -> int:
        return len(self.class_ids)


def make_boxes(
    corners: Sequence[Sequence[float]] | NDArray[Any],
    class_ids: Sequence[int] | NDArray[Any],
    scores: Sequence[float] | NDArray[Any] = (),
) -> Boxes:
    """Build `Boxes` from array-likes; empty ones give N = 0.

    Raises:
        ValueError: If numbers of boxes differ, or a class id is no whole number.
    """
    ids = np.asarray(class_ids)
    if (ids != np.trunc(ids.astype(np.float64))).any():
        raise ValueError(f"class ids {ids.tolist()}: expected whole numbers")
    return Boxes(
        np.asarray(corners, np.float64).reshape(-1, 4),
        np.asarray(class_ids, np.int64).reshape(-1),
        np.asarray(scores, np.float64).reshape(-1),
    )


def to_coco(
    boxes: Mapping[str, Boxes], classes: Sequence[str], sizes: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    """Convert boxes to COCO's detection format, ready for JSON and pycocotools.

    Image ids are 1, 2, ... in key order, ``file_name`` is the key, category ids start at 1.

    Args:
        boxes: Ground-truth or predicted boxes per key; every key becomes an image, even without
            boxes.
        classes: Class names in the order of their ids.
        sizes: (width, height) per key, in pixels.
    """
    keys = sorted(boxes)
    annotations: list[dict[str, Any]] = []
    for image_id, key in enumerate(keys, 1):
        for i in range(len(boxes[key])):
            left, top, right, bottom = map(float, boxes[key].corners[i])
            annotation = {
                "id": len(annotations) + 1,
                "image_id": image_id,
                "category_id": int(boxes[key].class_ids[i]) + 1,
                "bbox": [left, top, right - left, bottom - top],
                "area": (right - left) * (bottom - top),
                "iscrowd": 0,
            }
            if len(boxes[key].scores):
                annotation["score"] = float(boxes[key].scores[i])
            annotations.append(annotation)
    return {
        "images": [
            {"id": image_id, "file_name": key, "width": sizes[key][0], "height": sizes[key][1]}
            for image_id, key in enumerate(keys, 1)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(classes, 1)],
        "annotations": annotations,
    }


def from_coco(document: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Boxes]:
    """Convert COCO's format to boxes per key; the inverse of `to_coco`.

    The key is ``file_name`` without folders and without an image extension; other dots stay.
    Categories are matched by name, so that their ids and order do not matter.

    Raises:
        UserError: If a category is unknown, an image is listed twice, an annotation refers to an
            unknown image or category, a box has no area, or only some annotations have a score.
    """
    try:
        keys = {image["id"]: _file_name_to_key(image["file_name"]) for image in document["images"]}
        if len(set(keys.values())) < len(document["images"]):
            raise UserError("COCO boxes: an image is listed twice, by its id or its file_name")
        class_ids = {
            category["id"]: _find_class_id(category["name"], classes)
            for category in document["categories"]
        }
        rows = [
            (keys[annotation["image_id"]], class_ids[annotation["category_id"]], annotation)
            for annotation in document["annotations"]
        ]
        have_score = {"score" in annotation for _, _, annotation in rows}
        if len(have_score) > 1:
            raise UserError("COCO boxes: some annotations have a score and some have none")
        # Per key: corners, class id and score of each box.
        values: dict[str, list[tuple[list[float], int, float]]] = {k: [] for k in keys.values()}
        for key, class_id, annotation in rows:
            x, y, width, height = map(float, annotation["bbox"])
            if not (width > 0 and height > 0 and math.isfinite(x + y + width + height)):
                raise UserError(f"COCO boxes: {key}: bbox {annotation['bbox']} has no area")
            score = float(annotation.get("score", 0))
            values[key].append(([x, y, x + width, y + height], class_id, score))
    except (KeyError, TypeError, ValueError) as error:
        raise UserError(f"COCO boxes: not the expected form ({error!r})") from None
    return {
        key: make_boxes(
            [corners for corners, _, _ in boxes],
            [class_id for _, class_id, _ in boxes],
            [score for _, _, score in boxes] if have_score == {True} else (),
        )
        for key, boxes in values.items()
    }


def _file_name_to_key(file_name: str) -> str:
    path = Path(file_name)
    return path.stem if path.suffix.lower() in IMAGE_EXTENSIONS else path.name


def _find_class_id(name: str, classes: Sequence[str]) -> int:
    if name not in classes:
        raise UserError(f"COCO boxes: class {name!r} is none of {', '.join(classes)}")
    return list(classes).index(name)
