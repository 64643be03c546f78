"""Type of error of every false positive (TIDE), and the true boxes that are missed.

Source: Bolya, Foley, Hays, Hoffman, "TIDE: a general toolbox for identifying object detection
errors", ECCV 2020, with its IoU thresholds of 0.5 for a true positive and 0.1 for background. The
error type of a false positive is the first that applies:

    localization    IoU with a true box of its class 0.1 to 0.5, and none higher
    classification  IoU with a true box of another class at least 0.5
    duplicate       IoU at least 0.5 with a true box of its class that is already matched
    background      IoU with every true box at most 0.1
    both            anything else: near a true box of another class

A true box is missed if it is unmatched and no localization or classification error, once fixed,
would match it. As in the authors' program, of several errors at one free true box the one with the
highest score would match it.
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
    """Classify the predictions of one image.

    Args:
        truth: M true boxes.
        predicted: N predictions in falling score.

    Returns:
        int64 (N,): error type, an index into `ERROR_TYPES`, or `TRUE_POSITIVE`.
        int64 (N,): the class of the true box that the prediction matches once its error is fixed;
        -1 if fixing removes it. True positives keep their own class.
        bool (M,): whether a true box is missed.
    """
    if not len(truth) or not len(predicted):
        error_types = np.full(len(predicted), BACKGROUND, np.int64)
        return error_types, np.full(len(predicted), -1, np.int64), np.ones(len(truth), np.bool_)
    matches = match_boxes(truth, predicted)
    is_true_positive = matches >= 0
    free = np.ones(len(truth), np.bool_)
    free[matches[is_true_positive]] = False
    error_types, targets = _classify_predictions(truth, predicted, is_true_positive, free)
    # of the fixable errors at one free true box, the first has the highest score
    fixable = np.flatnonzero((targets >= 0) & free[targets])
    true_boxes, first = np.unique(targets[fixable], return_index=True)
    fixed_classes = np.where(is_true_positive, predicted.class_ids, -1)
    fixed_classes[fixable[first]] = truth.class_ids[true_boxes]
    free[true_boxes] = False
    return error_types, fixed_classes, free


def _classify_predictions(
    truth: Boxes, predicted: Boxes, is_true_positive: NDArray[np.bool_], free: NDArray[np.bool_]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Return the error type of every prediction and the true box that it matches once fixed.

    The true box is -1 where the error is neither of localization nor of classification.
    """
    iou = pairwise_iou(predicted.corners, truth.corners)
    is_same_class = predicted.class_ids[:, None] == truth.class_ids[None, :]
    same_class_iou = np.where(is_same_class, iou, 0.0)
    other_class_iou = np.where(is_same_class, 0.0, iou)
    best_iou = same_class_iou.max(axis=1)
    error_types = np.select(
        [
            is_true_positive,
            (best_iou >= BACKGROUND_IOU) & (best_iou <= IOU_THRESHOLD),
            other_class_iou.max(axis=1) >= IOU_THRESHOLD,
            (same_class_iou * ~free).max(axis=1) >= IOU_THRESHOLD,
            iou.max(axis=1) <= BACKGROUND_IOU,
        ],
        [TRUE_POSITIVE, LOCALIZATION, CLASSIFICATION, DUPLICATE, BACKGROUND],
        BOTH,
    ).astype(np.int64)
    targets = np.select(
        [error_types == LOCALIZATION, error_types == CLASSIFICATION],
        [same_class_iou.argmax(axis=1), other_class_iou.argmax(axis=1)],
        -1,
    )
    return error_types, targets.astype(np.int64)
