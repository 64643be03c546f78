"""Type of error of every false positive (TIDE), and the true boxes that are missed.

Source: Bolya, Foley, Hays, Hoffman, "TIDE: a general toolbox for identifying object detection
errors", ECCV 2020, with its IoU thresholds of 0.5 for a true positive and 0.1 for background. A
prediction that is no true positive is, in this order:

    localization    IoU with a true box of its class 0.1 to 0.5, and none higher
    classification  IoU with a true box of another class at least 0.5
    duplicate       IoU at least 0.5 with one of its class that a higher score is matched to
    background      IoU with every true box at most 0.1
    both            anything else: near a true box of another class

A true box is missed if it is unmatched and no localization or classification error, once fixed,
would match it. As in the authors' program, of several errors at one free true box the one with the
highest score would match it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes
from fusebench.evaluation import class_matching
from fusebench.evaluation.box_matching import IOU_THRESHOLD, match_boxes, pairwise_iou

ERROR_TYPES = ("classification", "localization", "both", "duplicate", "background", "missed")
CLASSIFICATION, LOCALIZATION, BOTH, DUPLICATE, BACKGROUND, MISSED = range(len(ERROR_TYPES))
TRUE_POSITIVE = -1
BACKGROUND_IOU = 0.1


@dataclass(frozen=True, eq=False)
class DetectionErrors:
    """The predictions of all classes over many images, in falling score.

    Attributes:
        classes: int64 (N,), predicted class.
        error_types: int64 (N,), an index into `ERROR_TYPES`, or `TRUE_POSITIVE`.
        fixed_classes: int64 (N,), the class of the true box that the prediction matches once its
            error is fixed; -1 if fixing removes it. True positives keep their own class.
        truth_counts: int64 (C,), true boxes per class.
        missed_counts: int64 (C,), missed true boxes per class.
    """

    classes: NDArray[np.int64]
    error_types: NDArray[np.int64]
    fixed_classes: NDArray[np.int64]
    truth_counts: NDArray[np.int64]
    missed_counts: NDArray[np.int64]


def classify_errors(
    truth: Mapping[str, Boxes],
    predicted: Mapping[str, Boxes],
    class_count: int,
    max_detections: int,
) -> DetectionErrors:
    """Classify the predictions on all images of ``truth``.

    Args:
        truth: True boxes by key.
        predicted: Predictions by key; at least the same keys.
        class_count: C, the number of classes.
        max_detections: Predictions per image and class; those with lower scores are ignored.

    Returns:
        The predictions of all classes, in falling score.
    """
    scores, rows = [np.zeros(0)], [np.zeros((0, 3), np.int64)]
    truth_counts, missed_counts = np.zeros((2, class_count), np.int64)
    for key in sorted(truth):
        boxes = class_matching.select_top_scoring(predicted[key], max_detections)
        error_types, fixed_classes, is_missed = _classify_image(truth[key], boxes)
        scores.append(boxes.scores)
        rows.append(np.stack([boxes.class_ids, error_types, fixed_classes], axis=1))
        true_classes = truth[key].class_ids
        truth_counts += np.bincount(true_classes, minlength=class_count)
        missed_counts += np.bincount(true_classes[is_missed], minlength=class_count)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    classes, error_types, fixed_classes = np.concatenate(rows)[order].T
    return DetectionErrors(classes, error_types, fixed_classes, truth_counts, missed_counts)


def _classify_image(
    truth: Boxes, predicted: Boxes
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Return error type and fixed class of every prediction, and whether each true box is missed.

    Predictions are in falling score.
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
