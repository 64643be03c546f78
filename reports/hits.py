"""Which predicted boxes of one image are hits: enough to draw them, not to score them."""

import numpy as np
from numpy.typing import NDArray

from bench.boxes import Boxes

CONFIDENCE = 0.25  # predictions below it are not drawn
OVERLAP = 0.5  # intersection over union from which a prediction is a hit


def confident(predicted: Boxes) -> Boxes:
    """The predictions with a score of at least `CONFIDENCE`, best first."""
    order = np.argsort(-predicted.scores, kind="stable")
    kept = order[predicted.scores[order] >= CONFIDENCE]
    return Boxes(predicted.corners[kept], predicted.classes[kept], predicted.scores[kept])


def match(truth: Boxes, predicted: Boxes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell hits from false positives, and found objects from missed ones.

    Best score first, each prediction takes the free true box of its class that it overlaps most,
    if that is at least `OVERLAP`.

    Args:
        truth: True boxes.
        predicted: Predictions, best first.

    Returns:
        For every prediction whether it is a hit; for every true box whether it was found.
    """
    overlaps = intersection_over_union(predicted.corners, truth.corners)
    overlaps[predicted.classes[:, None] != truth.classes[None, :]] = 0
    hit = np.zeros(len(predicted), bool)
    found = np.zeros(len(truth), bool)
    for i in range(len(predicted)):
        free = np.where(found, 0.0, overlaps[i])
        if len(free) and free.max() >= OVERLAP:
            found[free.argmax()] = True
            hit[i] = True
    return hit, found


def f1(truth: Boxes, predicted: Boxes) -> float | None:
    """2 TP / (2 TP + FP + FN) of one image; None where there is nothing and nothing was found."""
    hit, found = match(truth, predicted)
    total = len(hit) + len(found)
    return 2 * int(hit.sum()) / total if total else None


def intersection_over_union(
    left: NDArray[np.float64], right: NDArray[np.float64]
) -> NDArray[np.float64]:
    """IoU of every left box (N, 4) with every right box (M, 4), shape (N, M)."""
    corner = np.maximum(left[:, None, :2], right[None, :, :2])
    other = np.minimum(left[:, None, 2:], right[None, :, 2:])
    common = (other - corner).clip(0).prod(axis=-1)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=-1) for boxes in (left, right)]
    overlap: NDArray[np.float64] = common / (areas[0][:, None] + areas[1][None, :] - common)
    return overlap
