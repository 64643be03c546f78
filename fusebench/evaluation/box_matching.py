"""Matching of predicted and true boxes.

COCO's rule: per image and class, predictions are matched in falling score, each to the unmatched
true box with the largest IoU (on ties the last, as in pycocotools) if that IoU reaches the
threshold. So a match does not depend on predictions with lower scores. `detection.coco_matching`
does the same for many thresholds with pycocotools itself.

Ignored true boxes (COCO's crowd regions, the ignore regions of the Caltech and KAIST evaluations)
are never matched. A prediction that is matched to no other true box counts for nothing, as neither
true nor false positive, if it lies on an ignored box of its class:

    area of the intersection / area of the prediction >= the IoU threshold

One ignored box takes any number of predictions.
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
    intersection = _intersect(first, second)
    union = _area(first)[:, None] + _area(second)[None, :] - intersection
    iou: NDArray[np.float64] = intersection / union
    return iou


def match_boxes(
    truth: Boxes, predicted: Boxes, threshold: float = IOU_THRESHOLD
) -> NDArray[np.int64]:
    """Match the boxes of one image; classes must agree.

    Args:
        truth: True boxes; ignored ones are not matched.
        predicted: N predictions with scores.
        threshold: Smallest IoU of a match.

    Returns:
        int64 (N,): the index of the true box that each prediction is matched to, or -1.
    """
    matches = np.full(len(predicted), -1, np.int64)
    iou = pairwise_iou(predicted.corners, truth.corners)
    iou[predicted.class_ids[:, None] != truth.class_ids[None, :]] = -1.0
    iou[:, truth.ignored] = -1.0
    order = np.argsort(-predicted.scores, kind="stable")
    is_near = iou.max(axis=1, initial=-1.0) >= threshold
    for i in order[is_near[order]]:
        best = len(truth) - 1 - int(iou[i, ::-1].argmax())  # on ties the last
        if iou[i, best] >= threshold:
            matches[i] = best
            iou[:, best] = -1.0
    return matches


def lie_on_ignored_boxes(
    truth: Boxes,
    predicted: Boxes,
    threshold: float = IOU_THRESHOLD,
    *,
    is_class_ignored: bool = False,
) -> NDArray[np.bool_]:
    """Find the predictions that lie on an ignored true box of one image.

    Args:
        truth: True boxes.
        predicted: N predictions.
        threshold: Smallest share of a prediction's area within the ignored box.
        is_class_ignored: Whether the box may be of another class.

    Returns:
        bool (N,). Those of them that are matched to no true box count for nothing.
    """
    regions = truth.select(truth.ignored)
    shares = _intersect(predicted.corners, regions.corners) / _area(predicted.corners)[:, None]
    if not is_class_ignored:
        shares[predicted.class_ids[:, None] != regions.class_ids[None, :]] = -1.0
    lies_on: NDArray[np.bool_] = shares.max(axis=1, initial=-1.0) >= threshold
    return lies_on


def drop_predictions_on_ignored_boxes(truth: Boxes, predicted: Boxes) -> Boxes:
    """Drop the predictions of one image that count for nothing at an IoU of `IOU_THRESHOLD`."""
    if not truth.ignored.any():
        return predicted
    is_matched = match_boxes(truth, predicted) >= 0
    return predicted.select(is_matched | ~lie_on_ignored_boxes(truth, predicted))


def match_any_class(iou: NDArray[np.float64]) -> NDArray[np.int64]:
    """Match the boxes of one image regardless of class.

    Pairs with an IoU of at least `IOU_THRESHOLD` are visited in falling IoU (on ties, the higher
    score first); a pair is matched if both boxes are still unmatched.

    Args:
        iou: (N, M), predictions in falling score by true boxes.

    Returns:
        int64 (N,): the index of the true box that each prediction is matched to, or -1.
    """
    matches = np.full(len(iou), -1, np.int64)
    free = np.ones(iou.shape[1], np.bool_)
    pairs = np.argwhere(iou >= IOU_THRESHOLD)
    for i, j in pairs[np.argsort(-iou[tuple(pairs.T)], kind="stable")]:
        if matches[i] < 0 and free[j]:
            matches[i] = j
            free[j] = False
    return matches


def select_top_scoring(predicted: Boxes, max_detections: int) -> Boxes:
    """Select the highest scores of one image, at most ``max_detections`` per class, sorted."""
    order = np.argsort(-predicted.scores, kind="stable")
    classes = predicted.class_ids[order]
    same_class = classes[:, None] == classes[None, :]
    kept = order[np.tril(same_class, -1).sum(axis=1) < max_detections]
    return predicted.select(kept)


def _intersect(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the area of the intersection of every pair of boxes, (N, M)."""
    top_left = np.maximum(first[:, None, :2], second[None, :, :2])
    bottom_right = np.minimum(first[:, None, 2:], second[None, :, 2:])
    areas: NDArray[np.float64] = (bottom_right - top_left).clip(min=0).prod(axis=2)
    return areas


def _area(corners: NDArray[np.float64]) -> NDArray[np.float64]:
    areas: NDArray[np.float64] = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    return areas
