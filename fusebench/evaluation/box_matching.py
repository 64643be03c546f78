"""Matching of predicted and true boxes.

COCO's rule: per image and class, predictions in falling score; each takes the free true box with
the largest IoU (of equals the last, as pycocotools) if the IoU reaches the threshold. The match of
a prediction does not depend on predictions with lower scores. `detection.coco_matching` does the
same for many thresholds with pycocotools itself.
"""

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes

IOU_THRESHOLD = 0.5


def pairwise_iou(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the IoU of every box of ``first`` (N, 4) with every box of ``second`` (M, 4).

    Args:
        first: Corners: left, top, right, bottom in pixels.
        second: The same.

    Returns:
        float64 (N, M), 0 to 1.
    """
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    intersection = (bottom_right - top_left).clip(min=0).prod(axis=2)
    areas = [(corners[:, 2:] - corners[:, :2]).prod(axis=1) for corners in (first, second)]
    union = areas[0][:, None] + areas[1][None, :] - intersection
    iou: NDArray[np.float64] = intersection / union
    return iou


def match_boxes(
    truth: Boxes, predicted: Boxes, threshold: float = IOU_THRESHOLD
) -> NDArray[np.int64]:
    """Match the boxes of one image; classes must agree.

    Args:
        truth: True boxes.
        predicted: N predictions with scores.
        threshold: Least IoU.

    Returns:
        int64 (N,): the index of the true box that each prediction takes, or -1.
    """
    taken = np.full(len(predicted), -1, np.int64)
    iou = pairwise_iou(predicted.corners, truth.corners)
    iou[predicted.class_ids[:, None] != truth.class_ids[None, :]] = -1.0
    order = np.argsort(-predicted.scores, kind="stable")
    is_near = iou.max(axis=1, initial=-1.0) >= threshold
    for i in order[is_near[order]]:
        best = len(truth) - 1 - int(iou[i, ::-1].argmax())  # of equals the last
        if iou[i, best] >= threshold:
            taken[i] = best
            iou[:, best] = -1.0
    return taken


def match_any_class(iou: NDArray[np.float64]) -> NDArray[np.int64]:
    """The index of the true box that each prediction takes whatever its class, or -1.

    Pairs with an IoU of at least `IOU_THRESHOLD` are taken from the largest IoU down (of equals,
    the prediction with the higher score first) where both boxes are still free.

    Args:
        iou: (N, M), predictions in falling score by true boxes.

    Returns:
        int64 (N,).
    """
    taken = np.full(len(iou), -1, np.int64)
    free = np.ones(iou.shape[1], np.bool_)
    pairs = np.argwhere(iou >= IOU_THRESHOLD)
    for i, j in pairs[np.argsort(-iou[tuple(pairs.T)], kind="stable")]:
        if taken[i] < 0 and free[j]:
            taken[i] = j
            free[j] = False
    return taken


def select_top_scoring(predicted: Boxes, most: int) -> Boxes:
    """At most ``most`` predictions of every class of one image, in falling score."""
    order = np.argsort(-predicted.scores, kind="stable")
    classes = predicted.class_ids[order]
    same_class = classes[:, None] == classes[None, :]
    kept = order[np.tril(same_class, -1).sum(axis=1) < most]
    return Boxes(predicted.corners[kept], predicted.class_ids[kept], predicted.scores[kept])
