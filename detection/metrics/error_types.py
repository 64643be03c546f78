"""AP@.5 lost to each type of detection error: the gain in AP if it were fixed.

Source: Bolya, Foley, Hays, Hoffman, "TIDE: a general toolbox for identifying object detection
errors", ECCV 2020. One error type is fixed at a time (`detection.tide_errors` defines the types):

    classification, localization   the prediction becomes a true positive, unless another one with a
                                   higher score is matched to the true box: then it is removed
    both, duplicate, background    the prediction is removed
    missed                         the true box is removed

AP is COCO's, so that no fix can lower it. The gains do not add up to 1 - AP,
because fixing one error makes others matter more. Ignored true boxes, and predictions that count
for nothing because they lie on them, are left out.
"""

from collections.abc import Sequence

import numpy as np

from detection import tide_errors
from detection.tide_errors import ERROR_TYPES, MISSED, TRUE_POSITIVE
from fusebench.contracts import NoOptions as Options
from fusebench.data.boxes import Boxes
from fusebench.evaluation.average_precision import MAX_DETECTIONS, rank_average_precision
from fusebench.evaluation.box_matching import (
    drop_predictions_on_ignored_boxes,
    select_top_scoring,
)
from fusebench.evaluation.counts import ClassScores, Detections, FloatArray, WeightedDetections
from fusebench.storage.records import Column, Scalar

VERSION = 1
FAMILY = "AP@.5 lost to each error type"
COLUMNS = {
    f"{error_type} error": Column(
        title=f"AP@.5 lost: {error_type}",
        mean_title=error_type.capitalize(),
        better="lower",
        family=FAMILY,
        has_intervals=False,  # they explain the AP and are not compared
    )
    for error_type in ERROR_TYPES
}


def protocol(classes: Sequence[str], options: Options) -> dict[str, Scalar]:
    """Describe how the errors are defined and fixed."""
    near = tide_errors.BACKGROUND_IOU
    return {"error types": f"as TIDE, IoU 0.5 and {near}, one type fixed at a time"}


def count(truth: Boxes, predicted: Boxes, classes: Sequence[str], options: Options) -> Detections:
    """Classify the predictions of one image.

    Returns:
        Rows ``scores``, ``class_ids``, ``error_types`` and ``fixed_classes`` (N,), see
        `detection.tide_errors.classify_image`; totals ``truth_counts`` and ``missed_counts``
        int64 (C,).
    """
    ranked = select_top_scoring(predicted, MAX_DETECTIONS)
    ranked = drop_predictions_on_ignored_boxes(truth, ranked)
    truth = truth.drop_ignored()
    error_types, fixed_classes, missed = tide_errors.classify_image(truth, ranked)
    number = len(classes)
    return Detections(
        {
            "scores": ranked.scores.astype(np.float64),
            "class_ids": ranked.class_ids,
            "error_types": error_types,
            "fixed_classes": fixed_classes,
        },
        {
            "truth_counts": np.bincount(truth.class_ids, minlength=number),
            "missed_counts": np.bincount(truth.class_ids[missed], minlength=number),
        },
    )


def score(counts: WeightedDetections, classes: Sequence[str], options: Options) -> ClassScores:
    """Compute the gain in AP@.5 from fixing each error type, per class.

    Args:
        counts: The classified predictions of all images and R weightings of them.
        classes: The C class names.
        options: Not used; there are none.

    Returns:
        Column to fractions (R, C), 0 or more; NaN for a class without true boxes.
    """
    truth, missed = counts.total("truth_counts"), counts.total("missed_counts")
    scores = {column: np.full(truth.shape, np.nan) for column in COLUMNS}
    for class_id in range(len(classes)):
        before = _compute_ap_if_fixed(counts, class_id, None, truth[:, class_id])
        for error_type, column in enumerate(COLUMNS):
            remaining = truth[:, class_id] - (
                missed[:, class_id] if error_type == MISSED else np.zeros(len(truth))
            )
            fixed = _compute_ap_if_fixed(counts, class_id, error_type, remaining)
            # Without the missed true boxes, a class of which all are missed has no AP: use 1.
            fixed[(remaining == 0) & (truth[:, class_id] > 0)] = 1.0
            scores[column][:, class_id] = np.maximum(fixed - before, 0.0)  # rounding: never -1e-17
    return scores


def _compute_ap_if_fixed(
    counts: WeightedDetections, class_id: int, error_type: int | None, truth_total: FloatArray
) -> FloatArray:
    """Compute AP@.5 (R,) of a class with one error type fixed (None: none fixed).

    It is NaN without true boxes.
    """
    rows, images = counts.detections.rows, counts.detections.image_indices
    affected = rows["error_types"] == (-2 if error_type is None else error_type)
    fixed = affected & (rows["fixed_classes"] == class_id)
    kept = np.flatnonzero(fixed | (~affected & (rows["class_ids"] == class_id)))
    kept = kept[np.argsort(-rows["scores"][kept], kind="stable")]
    true_positives = fixed | (rows["error_types"] == TRUE_POSITIVE)
    return rank_average_precision(
        rows["scores"][kept], images[kept], true_positives[kept], counts.weights, truth_total
    )
