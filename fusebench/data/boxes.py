"""Boxes as arrays: the true ones of an image, or predicted ones with their scores."""

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
    """N boxes of one image.

    Attributes:
        corners: float64 (N, 4): left, top, right, bottom in pixels; right > left, bottom > top.
            Continuous coordinates: the whole image is (0, 0, width, height).
        classes: int64 (N,), indices into the class names of the split.
        scores: float64 (N,) in 0..1 for predictions; empty for true boxes.
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
    classes: Sequence[int] | NDArray[Any],
    scores: Sequence[float] | NDArray[Any] = (),
) -> Boxes:
    """Boxes from anything array-like; nothing at all gives an empty `Boxes`."""
    return Boxes(
        np.asarray(corners, np.float64).reshape(-1, 4),
        np.asarray(classes, np.int64).reshape(-1),
        np.asarray(scores, np.float64).reshape(-1),
    )


def to_coco(
    boxes: Mapping[str, Boxes], classes: Sequence[str], sizes: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    """COCO's detection form of true or predicted boxes, ready for JSON and pycocotools.

    Image ids are 1, 2, ... in key order, ``file_name`` is the key, category ids start at 1.

    Args:
        boxes: Boxes per key; every key is listed as an image, with boxes or without.
        classes: Class names in the order of the boxes' ids.
        sizes: (width, height) per key.
    """
    keys = sorted(boxes)
    annotations: list[dict[str, Any]] = []
    for image, key in enumerate(keys, 1):
        for i in range(len(boxes[key])):
            left, top, right, bottom = map(float, boxes[key].corners[i])
            row = {
                "id": len(annotations) + 1,
                "image_id": image,
                "category_id": int(boxes[key].class_ids[i]) + 1,
                "bbox": [left, top, right - left, bottom - top],
                "area": (right - left) * (bottom - top),
                "iscrowd": 0,
            }
            if len(boxes[key].scores):
                row["score"] = float(boxes[key].scores[i])
            annotations.append(row)
    return {
        "images": [
            {"id": i, "file_name": key, "width": sizes[key][0], "height": sizes[key][1]}
            for i, key in enumerate(keys, 1)
        ],
        "categories": [{"id": i, "name": name} for i, name in enumerate(classes, 1)],
        "annotations": annotations,
    }


def from_coco(document: Mapping[str, Any], classes: Sequence[str]) -> dict[str, Boxes]:
    """Boxes per key of COCO's form; the inverse of `to_coco`.

    The key is ``file_name`` without folders and without the extension of an image: dots in a key
    stay. Categories are matched by name, so their ids and order may be any.

    Raises:
        UserError: If a category is unknown, an image is listed twice, an annotation points
            nowhere, a box has no area, or only some annotations have a score.
    """
    try:
        keys = {image["id"]: _file_name_to_key(image["file_name"]) for image in document["images"]}
        if len(set(keys.values())) < len(document["images"]):
            raise UserError("COCO boxes: an image is listed twice, by its id or its file_name")
        ids = {
            entry["id"]: _find_class_id(entry["name"], classes) for entry in document["categories"]
        }
        rows = [
            (keys[row["image_id"]], ids[row["category_id"]], row) for row in document["annotations"]
        ]
        scored = {"score" in row for _, _, row in rows}
        if len(scored) > 1:
            raise UserError("COCO boxes: some annotations have a score and some have none")
        found: dict[str, list[tuple[list[float], int, float]]] = {key: [] for key in keys.values()}
        for key, index, row in rows:
            x, y, width, height = map(float, row["bbox"])
            if not (width > 0 and height > 0 and math.isfinite(x + y + width + height)):
                raise UserError(f"COCO boxes: {key}: bbox {row['bbox']} has no area")
            found[key].append(([x, y, x + width, y + height], index, float(row.get("score", 0))))
    except (KeyError, TypeError, ValueError) as fault:
        raise UserError(f"COCO boxes: not the expected form ({fault!r})") from None
    return {
        key: make_boxes(
            [f[0] for f in some],
            [f[1] for f in some],
            [f[2] for f in some] if scored == {True} else (),
        )
        for key, some in found.items()
    }


def _file_name_to_key(file_name: str) -> str:
    path = Path(file_name)
    return path.stem if path.suffix.lower() in IMAGE_EXTENSIONS else path.name


def _find_class_id(name: str, classes: Sequence[str]) -> int:
    if name not in classes:
        raise UserError(f"COCO boxes: class {name!r} is none of {', '.join(classes)}")
    return list(classes).index(name)
