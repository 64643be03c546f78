"""What is wrong with every wrong prediction, and which true boxes nothing comes near.

Source: Bolya, Foley, Hays, Hoffman, "TIDE: a general toolbox for identifying object detection
errors", ECCV 2020, with its overlaps (IoU) of 0.5 for a hit and 0.1 for being near. Of a
prediction that is no hit, in this order:

    localization    it overlaps a true box of its class by 0.1 to 0.5, and none by more
    classification  it overlaps one of another class by at least 0.5
    duplicate       it overlaps one of its class by at least 0.5, which a surer prediction has
    background      it overlaps no true box by more than 0.1
    both            anything else: near one of another class

A true box is missed if nothing takes it, and no localization or classification error would if it
were mended. As in the authors' program, the surest of the errors at one free true box is the one
that would take it.
"""

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes
from fusebench.evaluation.box_matching import IOU_THRESHOLD, match_boxes, pairwise_iou

ERROR_TYPES = ("classification", "localization", "both", "duplicate", "background", "missed")
CLASSIFICATION, LOCALIZATION, BOTH, DUPLICATE, BACKGROUND, MISSED = range(len(ERROR_TYPES))
TRUE_POSITIVE = -1
BACKGROUND_IOU = 0.1


def classify_image(
    truth: Boxes, predicted: Boxes
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Classify the errors of one image.

    Args:
        truth: M true boxes.
        predicted: N predictions with scores, in falling score.

    Returns:
        int64 (N,): error type, an index into `ERROR_TYPES`, or `TRUE_POSITIVE`.
        int64 (N,): the class of the true box it takes once its error is fixed; -1 if the fix
        removes it. True positives have their own class.
        bool (M,): whether a true box is missed.
    """
    if not len(truth) or not len(predicted):
        kinds = np.full(len(predicted), BACKGROUND, np.int64)
        return kinds, np.full(len(predicted), -1, np.int64), np.ones(len(truth), np.bool_)
    taken = match_boxes(truth, predicted)
    hits = taken >= 0
    free = np.ones(len(truth), np.bool_)
    free[taken[hits]] = False
    kinds, aim = _classify_predictions(truth, predicted, hits, free)
    mending = np.flatnonzero((aim >= 0) & free[aim])
    boxes, first = np.unique(aim[mending], return_index=True)  # the first is the surest
    mended = np.where(hits, predicted.class_ids, -1)
    mended[mending[first]] = truth.class_ids[boxes]
    free[boxes] = False
    return kinds, mended, free


def _classify_predictions(
    truth: Boxes, predicted: Boxes, hits: NDArray[np.bool_], free: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Kind of every prediction, and the true box that it takes for another or misplaces, or -1."""
    shares = pairwise_iou(predicted.corners, truth.corners)
    same = predicted.class_ids[:, None] == truth.class_ids[None, :]
    own, other = np.where(same, shares, 0.0), np.where(same, 0.0, shares)
    nearest = own.max(axis=1)
    kinds = np.select(
        [
            hits,
            (nearest >= BACKGROUND_IOU) & (nearest <= IOU_THRESHOLD),
            other.max(axis=1) >= IOU_THRESHOLD,
            (own * ~free).max(axis=1) >= IOU_THRESHOLD,
            shares.max(axis=1) <= BACKGROUND_IOU,
        ],
        [TRUE_POSITIVE, LOCALIZATION, CLASSIFICATION, DUPLICATE, BACKGROUND],
        BOTH,
    ).astype(np.int64)
    aims = [own.argmax(axis=1), other.argmax(axis=1)]
    aim = np.select([kinds == LOCALIZATION, kinds == CLASSIFICATION], aims, -1)
    return kinds, aim.astype(np.int64)
