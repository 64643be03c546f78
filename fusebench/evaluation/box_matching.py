"""Which predicted box is which true box: the rule that metrics count by and pictures show.

COCO's: per image and class, predictions in falling score; each takes the free true box that it
overlaps most (of equals the last, as pycocotools), if the overlap (intersection over union) reaches
the threshold. What a prediction gets does not depend on the less sure ones after it.
"""

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes

IOU_THRESHOLD = 0.5


def pairwise_iou(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of every box of ``left`` (N, 4) with every one of ``right`` (M, 4).

    Returns:
        float64 (N, M), 0 to 1.
    """
    near = np.maximum(left[:, None, :2], right[None, :, :2])
    far = np.minimum(left[:, None, 2:], right[None, :, 2:])
    both = (far - near).clip(min=0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (left, right)]
    shares: NDArray[np.float64] = both / (areas[0][:, None] + areas[1][None, :] - both)
    return shares


def match_boxes(
    truth: Boxes, predicted: Boxes, threshold: float = IOU_THRESHOLD
) -> NDArray[np.int64]:
    """The index of the true box that each prediction takes, or -1; classes must agree.

    Args:
        truth: True boxes of one image.
        predicted: Predictions for it, with scores.
        threshold: Least overlap.
    """
    taken = np.full(len(predicted), -1, np.int64)
    shares = pairwise_iou(predicted.corners, truth.corners)
    shares[predicted.class_ids[:, None] != truth.class_ids[None, :]] = -1.0
    order = np.argsort(-predicted.scores, kind="stable")
    near = shares.max(axis=1, initial=-1.0) >= threshold
    for i in order[near[order]]:
        best = len(truth) - 1 - int(shares[i, ::-1].argmax())
        if shares[i, best] >= threshold:
            taken[i] = best
            shares[:, best] = -1.0
    return taken


def match_any_class(ious: NDArray[np.float64]) -> NDArray[np.int64]:
    """The index of the true box that each prediction takes whatever its class, or -1.

    Pairs with an IoU of at least `IOU_THRESHOLD` are taken from the largest IoU down (of equals,
    the prediction with the higher score first) where both boxes are still free.

    Args:
        ious: (N, M), predictions in falling score by true boxes.

    Returns:
        int64 (N,).
    """
    taken = np.full(len(ious), -1, np.int64)
    free = np.ones(ious.shape[1], np.bool_)
    pairs = np.argwhere(ious >= IOU_THRESHOLD)
    for i, j in pairs[np.argsort(-ious[tuple(pairs.T)], kind="stable")]:
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
