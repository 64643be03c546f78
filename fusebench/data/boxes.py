"""Boxes as arrays, and their conversion to and from COCO's format."""

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.data.matching.keys import index_keys, remove_folders_and_extension, resolve_key
from fusebench.errors import UserError, format_value

NO_SCORES = np.zeros(0)  # shared by the true boxes of all images
NO_FLAGS = np.zeros(0, np.bool_)


@dataclass(frozen=True, eq=False)
class Boxes:
    """N ground-truth or predicted boxes of one image.

    Attributes:
        corners: float64 (N, 4): left, top, right, bottom in pixels; right > left, bottom > top.
            Continuous coordinates: the whole image is (0, 0, width, height).
        class_ids: int64 (N,), indices into the class names of the split.
        scores: float64 (N,) in 0..1 for predicted boxes; empty for ground truth.
        ignored: bool (N,), true boxes that do not count: COCO's crowd regions, the ignore regions
            of Caltech and KAIST. An ignored box is neither to be detected, nor is a prediction on
            it a false positive; see `fusebench.evaluation.box_matching`. All False by default.
    """

    corners: NDArray[np.float64]
    class_ids: NDArray[np.int64]
    scores: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    ignored: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, np.bool_))

    def __post_init__(self) -> None:
        if self.corners.shape != (len(self.class_ids), 4):
            raise ValueError(f"{len(self.class_ids)} classes for corners {self.corners.shape}")
        if len(self.scores) not in (0, len(self.class_ids)):
            raise ValueError(f"{len(self.scores)} scores for {len(self.class_ids)} boxes")
        if len(self.ignored) == 0 < len(self):
            object.__setattr__(self, "ignored", np.zeros(len(self), np.bool_))
        if self.ignored.shape != (len(self),) or self.ignored.dtype != np.bool_:
            raise ValueError(
                f"ignored has shape {self.ignored.shape} and dtype {self.ignored.dtype}, expected "
                f"bool ({len(self)},)"
            )
        if len(self.scores) and self.ignored.any():
            raise ValueError("predicted boxes cannot be ignored")

    def __len__(self) -> int:
        return len(self.class_ids)

    def select(self, chosen: NDArray[np.int64] | NDArray[np.bool_]) -> "Boxes":
        """Return some of the boxes, by their indices or by a mask."""
        return Boxes(
            self.corners[chosen],
            self.class_ids[chosen],
            self.scores[chosen] if len(self.scores) else self.scores,
            self.ignored[chosen],
        )

    def drop_ignored(self) -> "Boxes":
        """Return the boxes that are not ignored."""
        return self.select(~self.ignored) if self.ignored.any() else self


def make_boxes(
    corners: Sequence[Sequence[float]] | NDArray[Any],
    class_ids: Sequence[int] | NDArray[Any],
    scores: Sequence[float] | NDArray[Any] = (),
    ignored: Sequence[bool] | NDArray[Any] = (),
) -> Boxes:
    """Build `Boxes` from array-likes; empty ones give N = 0.

    Raises:
        ValueError: If numbers of boxes differ, a class id is no whole number, or a predicted box
            is ignored.
    """
    ids = np.asarray(class_ids)
    if ids.dtype.kind not in "iub" and (ids != np.trunc(ids.astype(np.float64))).any():
        raise ValueError(f"class ids {ids.tolist()}: expected whole numbers")
    return Boxes(
        np.asarray(corners, np.float64).reshape(-1, 4),
        ids.astype(np.int64, copy=False).reshape(-1),
        np.asarray(scores, np.float64).reshape(-1) if len(scores) else NO_SCORES,
        np.asarray(ignored, np.bool_).reshape(-1) if len(ignored) else NO_FLAGS,
    )


def to_coco(
    boxes: Mapping[str, Boxes], classes: Sequence[str], sizes: Mapping[str, tuple[int, int]]
) -> dict[str, Any]:
    """Convert boxes to COCO's detection format, ready for JSON and pycocotools.

    Image ids are 1, 2, ... in key order, ``file_name`` is the key, category ids start at 1. Ignored
    boxes have ``iscrowd`` 1.

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
                "iscrowd": int(boxes[key].ignored[i]),
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


def from_coco(
    document: Mapping[str, Any], classes: Sequence[str], keys: Collection[str] = ()
) -> dict[str, Boxes]:
    """Convert COCO's format to boxes per key; the inverse of `to_coco`.

    Categories are matched by name, so that their ids and order do not matter. True boxes with
    ``iscrowd`` 1 are ignored boxes.

    Args:
        document: COCO's format, as read from JSON.
        classes: Class names in the order of their ids.
        keys: Known keys, to which the values of ``file_name`` are resolved, see `get_image_key`.

    Raises:
        UserError: If a category is unknown, an image is listed twice, an annotation refers to an
            unknown image or category, a box has no area, a number is not finite, only some
            annotations have a score, ``iscrowd`` is neither 0 nor 1, or is 1 for a prediction.
    """
    known_keys = index_keys(keys)
    try:
        keys_by_id = {
            image["id"]: get_image_key(image["file_name"], known_keys)
            for image in document["images"]
        }
        if len(set(keys_by_id.values())) < len(document["images"]):
            raise UserError("COCO boxes: an image is listed twice, by its id or its file_name")
        class_ids = {
            category["id"]: _find_class_id(category["name"], classes)
            for category in document["categories"]
        }
        rows = [
            (keys_by_id[annotation["image_id"]], class_ids[annotation["category_id"]], annotation)
            for annotation in document["annotations"]
        ]
        have_score = {"score" in annotation for _, _, annotation in rows}
        if len(have_score) > 1:
            raise UserError("COCO boxes: some annotations have a score and some have none")
        # Per key: corners, class id, score and whether it is ignored, of each box.
        values: dict[str, list[tuple[list[float], int, float, bool]]] = {
            key: [] for key in keys_by_id.values()
        }
        for key, class_id, annotation in rows:
            corners, score = _convert_annotation(key, annotation)
            values[key].append((corners, class_id, score, _is_crowd(key, annotation)))
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        raise UserError(f"COCO boxes: not the expected form ({format_value(error)})") from None
    return {
        key: make_boxes(
            [corners for corners, _, _, _ in boxes],
            [class_id for _, class_id, _, _ in boxes],
            [score for _, _, score, _ in boxes] if have_score == {True} else (),
            [is_ignored for _, _, _, is_ignored in boxes],
        )
        for key, boxes in values.items()
    }


def get_image_key(file_name: str, known_keys: Mapping[str, str]) -> str:
    """Return the key of an image from its file name in a COCO file, known or not.

    Args:
        file_name: E.g. ``images/00001.png`` or ``00001``.
        known_keys: See `fusebench.data.matching.keys.index_keys`; empty if none are known.
    """
    return resolve_key(file_name, known_keys) or remove_folders_and_extension(file_name)


def _convert_annotation(key: str, annotation: Mapping[str, Any]) -> tuple[list[float], float]:
    """Return the corners of a box, and its score or 0."""
    x, y, width, height = map(float, annotation["bbox"])
    score = float(annotation.get("score", 0))
    corners = [x, y, x + width, y + height]
    has_area = width > 0 and height > 0 and corners[2] > x and corners[3] > y
    if not (has_area and all(map(math.isfinite, corners))):
        raise UserError(
            f"COCO boxes: {key}: bbox {format_value(annotation['bbox'])} has no area or is not "
            "finite"
        )
    if not math.isfinite(score):
        raise UserError(f"COCO boxes: {key}: score {score} is not finite")
    return corners, score


def _is_crowd(key: str, annotation: Mapping[str, Any]) -> bool:
    """Return whether an annotation is a crowd region, which is to be ignored."""
    value = annotation.get("iscrowd", 0)
    if value not in (0, 1):
        raise UserError(f"COCO boxes: {key}: iscrowd {format_value(value)}, expected 0 or 1")
    if value and "score" in annotation:
        raise UserError(
            f"COCO boxes: {key}: a box with a score has iscrowd 1; only true boxes can be crowd "
            "regions: remove iscrowd from the predictions"
        )
    return bool(value)


def _find_class_id(name: str, classes: Sequence[str]) -> int:
    if name not in classes:
        raise UserError(f"COCO boxes: class {format_value(name)} is none of {', '.join(classes)}")
    return list(classes).index(name)
