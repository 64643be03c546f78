"""Checks of predicted boxes against the images: units, box format, image size, edges, scores."""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes
from fusebench.data.pairs import CAUTION_PREFIX, Split
from fusebench.errors import UserError
from fusebench.evaluation.box_matching import IOU_THRESHOLD, pairwise_iou

MAX_FRACTION = 2.0  # pixel coordinates of all images together exceed this
EDGE_TOLERANCE_PIXELS = 1.0  # beyond the edge, as rounding or counting from 1 gives
MAX_SHARE_OUTSIDE = 0.1  # of boxes without any overlap with their image
CAUTION_SHARE = 0.1  # of boxes beyond the edge
MIN_BOXES = 10  # fewer boxes can look like another format by chance
MIN_MORE_FOUND = 3  # true boxes that another reading has to find beyond twice as many


def check_box_format(where: str, boxes: Mapping[str, Boxes], split: Split) -> None:
    """Refuse boxes that are not left, top, width, height in pixels of the images.

    Args:
        where: File of the boxes, for messages.
        boxes: Predicted boxes of every image of the split.
        split: The images.

    Raises:
        UserError: If the boxes are fractions of the image, have right and bottom edges in place of
            width and height, or belong to images of another size.
    """
    corners, sizes = _stack(boxes, split)
    if not len(corners):
        return
    if corners.max() <= MAX_FRACTION:
        raise UserError(
            f"{where}: no coordinate is above {MAX_FRACTION:g}: they look like fractions of the "
            "image; expected pixels"
        )
    beyond = _get_overhang(corners, sizes) > EDGE_TOLERANCE_PIXELS
    if _fits_as_corners(corners, sizes) and (
        2 * beyond.sum() >= len(beyond) or (beyond.any() and len(beyond) >= MIN_BOXES)
    ):
        raise UserError(
            f"{where}: the boxes look like left, top, right, bottom: so all {len(beyond)} lie in "
            f"their image, but as left, top, width, height {beyond.sum()} reach beyond the edge; "
            "COCO format is the latter: subtract left from right and top from bottom"
        )
    _check_overlap(where, boxes, split)


def describe_predictions(boxes: Mapping[str, Boxes], split: Split) -> dict[str, str]:
    """Describe what a reader of the scores has to know of a user's boxes, as protocol facts.

    Args:
        boxes: Predicted boxes of every image of the split.
        split: The images.

    Returns:
        Name to text.
    """
    corners, sizes = _stack(boxes, split)
    count = int((_get_overhang(corners, sizes) > EDGE_TOLERANCE_PIXELS).sum())
    text = f"{count} of {len(corners)} predicted boxes"
    facts = {"boxes beyond the edge": f"{text}, scored as they are, as in pycocotools"}
    if count > CAUTION_SHARE * len(corners):
        facts[f"{CAUTION_PREFIX}boxes beyond the edge"] = (
            f"{text}; are they left, top, width, height in pixels of these images?"
        )
    facts |= _compare_readings(boxes, split)
    scores = np.concatenate([np.zeros(0), *(boxes[key].scores for key in split.keys)])
    if len(scores) > 1 and scores.min() == scores.max():
        facts[f"{CAUTION_PREFIX}scores"] = (
            f"all {len(scores)} predicted boxes have the score {scores[0]:g}, so their order in "
            "the ranking is arbitrary"
        )
    return facts


def _compare_readings(boxes: Mapping[str, Boxes], split: Split) -> dict[str, str]:
    """Caution if the numbers, read in another order, find more than twice as many true boxes."""
    counts = dict.fromkeys(READINGS, 0)
    true_count = 0
    for pair in split.pairs:
        if pair.boxes is None or not len(pair.boxes) or not len(boxes[pair.key]):
            continue
        true_count += len(pair.boxes)
        numbers = boxes[pair.key].corners.copy()
        numbers[:, 2:] -= numbers[:, :2]  # as they stand in the file
        for name, reading in READINGS.items():
            corners = reading(numbers)
            corners = corners[(corners[:, 2:] > corners[:, :2]).all(axis=1)]
            iou = pairwise_iou(pair.boxes.corners, corners)
            counts[name] += int((iou.max(axis=1, initial=0) >= IOU_THRESHOLD).sum())
    best = max(counts, key=lambda name: counts[name])
    if counts[best] < 2 * counts[AS_GIVEN] + MIN_MORE_FOUND:
        return {}
    text = (
        f"as {AS_GIVEN}, they find {counts[AS_GIVEN]} of {true_count} true boxes; as {best}, "
        f"{counts[best]}. COCO format is the former"
    )
    return {f"{CAUTION_PREFIX}box format": text}


def _read_as_given(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.hstack([numbers[:, :2], numbers[:, :2] + numbers[:, 2:]])


def _read_as_center(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    half = numbers[:, 2:] / 2
    return np.hstack([numbers[:, :2] - half, numbers[:, :2] + half])


def _read_as_corners(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    return numbers


def _read_as_rows_first(numbers: NDArray[np.float64]) -> NDArray[np.float64]:
    return _read_as_given(numbers[:, [1, 0, 3, 2]])


AS_GIVEN = "left, top, width, height"
READINGS = {  # of the four numbers of a box, to corners
    AS_GIVEN: _read_as_given,
    "center x, center y, width, height": _read_as_center,
    "left, top, right, bottom": _read_as_corners,
    "top, left, height, width": _read_as_rows_first,
}


def _stack(
    boxes: Mapping[str, Boxes], split: Split
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Return the corners (N, 4) of all boxes, and width and height (N, 2) of their images."""
    corners = [boxes[pair.key].corners for pair in split.pairs]
    sizes = [np.tile(np.array(pair.size, float), (len(boxes[pair.key]), 1)) for pair in split.pairs]
    return np.concatenate([np.zeros((0, 4)), *corners]), np.concatenate([np.zeros((0, 2)), *sizes])


def _get_overhang(corners: NDArray[np.float64], sizes: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return how far each box reaches beyond its image, in pixels (N,); 0 if it does not."""
    overhang: NDArray[np.float64] = np.concatenate(
        [-corners[:, :2], corners[:, 2:] - sizes], axis=1
    )
    largest: NDArray[np.float64] = overhang.max(axis=1, initial=0)
    return largest


def _fits_as_corners(corners: NDArray[np.float64], sizes: NDArray[np.float64]) -> bool:
    """Return whether all boxes are in their image if width and height are right and bottom."""
    start, end = corners[:, :2], corners[:, 2:] - corners[:, :2]
    fits = (
        (start < end) & (start >= -EDGE_TOLERANCE_PIXELS) & (end <= sizes + EDGE_TOLERANCE_PIXELS)
    )
    return bool(fits.all())


def _check_overlap(where: str, boxes: Mapping[str, Boxes], split: Split) -> None:
    """Raise if many boxes lie wholly outside: then the file is for images of another size."""
    outside = []
    for pair in split.pairs:
        corners = boxes[pair.key].corners
        clipped = corners.clip(0, [*pair.size, *pair.size])
        is_outside = ~(clipped[:, 2:] > clipped[:, :2]).all(axis=1)
        outside += [(pair, corners[i]) for i in np.flatnonzero(is_outside)]
    if len(outside) > MAX_SHARE_OUTSIDE * sum(len(boxes[key]) for key in split.keys):
        pair, (left, top, right, bottom) = outside[0]
        raise UserError(
            f"{where}: {pair.key}: a box from ({left:g}, {top:g}) to ({right:g}, {bottom:g}) lies "
            f"outside the image of {pair.size[0]}x{pair.size[1]} pixels, like {len(outside)} boxes "
            "in all; expected boxes in pixels of this image"
        )
