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
        classes: int64 (N,), of each prediction.
        kinds: int64 (N,), an index into `ERROR_TYPES`, or `TRUE_POSITIVE`.
        mended: int64 (N,), the class of the true box it takes once its error is mended; -1 if it
            then goes away. Hits have their own class.
        truths: int64 (C,), true boxes per class.
        missed: int64 (C,), how many of them are missed.
    """

    classes: NDArray[np.int64]
    error_types: NDArray[np.int64]
    fixed_classes: NDArray[np.int64]
    truth_counts: NDArray[np.int64]
    missed_counts: NDArray[np.int64]


def classify_errors(
    truth: Mapping[str, Boxes], predicted: Mapping[str, Boxes], number: int, most: int
) -> DetectionErrors:
    """The errors on all images.

    Args:
        truth: True boxes by key.
        predicted: Predictions by key; the same keys.
        number: How many classes there are.
        most: Boxes per image and class; less sure ones are not looked at.
    """
    scores, rows = [np.zeros(0)], [np.zeros((0, 3), np.int64)]
    truths, missed = np.zeros(number, np.int64), np.zeros(number, np.int64)
    for key in sorted(truth):
        shown = class_matching.select_top_scoring(predicted[key], most)
        kinds, mended, lost = _classify_image(truth[key], shown)
        scores.append(shown.scores)
        rows.append(np.stack([shown.class_ids, kinds, mended], axis=1))
        truths += np.bincount(truth[key].class_ids, minlength=number)
        missed += np.bincount(truth[key].class_ids[lost], minlength=number)
    order = np.argsort(-np.concatenate(scores), kind="stable")
    classes, kinds, mended = np.concatenate(rows)[order].T
    return DetectionErrors(classes, kinds, mended, truths, missed)


def _classify_image(
    truth: Boxes, predicted: Boxes
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_]]:
    """Kind and class once mended of every prediction of one image; which true boxes are missed."""
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
