"""Precision, recall and F1 at the confidence threshold with the highest mean F1.

    P = TP / (TP + FP)    R = TP / (all true boxes)    F1 = 2 TP / (TP + FP + all true boxes)

with an IoU of at least 0.5; predictions on ignored true boxes are left out. The mean F1 is over the
classes with true boxes, as in YOLOv5; on ties, the highest threshold is used. It is selected on the
test images themselves, so the F1 is optimistic: a threshold chosen beforehand gives at most this
mean F1.
"""

from collections.abc import Sequence

import numpy as np

from detection.coco_matching import count
from detection.coco_matching import count_true_boxes as sample_sizes
from fusebench.contracts import NoOptions as Options
from fusebench.evaluation import match_table
from fusebench.evaluation.box_matching import IOU_THRESHOLD
from fusebench.evaluation.counts import (
    ClassScores,
    DetectionCounts,
    FloatArray,
    WeightedDetections,
)
from fusebench.storage.records import Column, Scalar

VERSION = 3
COUNTS = match_table.COUNTS_FILE
COLUMNS = {
    # without intervals: each resample would select its own threshold
    "precision": Column(title="Precision", mean_title="Precision", has_intervals=False),
    "recall": Column(title="Recall", mean_title="Recall", has_intervals=False),
    "F1": Column(title="F1", mean_title="F1", has_intervals=False),
}


__all__ = ["count", "sample_sizes"]


def protocol(classes: Sequence[str], options: Options) -> dict[str, Scalar]:
    """Describe the IoU and confidence thresholds."""
    return {"precision and recall": f"IoU {IOU_THRESHOLD}, confidence of the best mean F1"}


def score(counts: WeightedDetections, classes: Sequence[str], options: Options) -> ClassScores:
    """Compute precision, recall and F1 per class.

    Args:
        counts: The matches of all images and R weightings of them.
        classes: The C class names.
        options: Not used; there are none.

    Returns:
        Column to fractions (R, C); NaN for a class without true boxes. The precision of a class
        that is never predicted is NaN too and left out of the mean; its recall is 0.
    """
    truth = counts.total("truth_counts")[:, 0, :]  # of all sizes
    scores = {column: np.full(truth.shape, np.nan) for column in COLUMNS}
    for row, weights in enumerate(counts.weights):
        confidence = find_best_confidence(counts.detections, weights)
        for class_id in np.flatnonzero(truth[row]):
            curve = _accumulate_class(counts.detections, int(class_id), weights)
            predicted, true_positives = (
                float(values[0]) for values in _count_at_scores(curve, np.array([confidence]))
            )
            all_true = truth[row, class_id]
            if predicted:
                scores["precision"][row, class_id] = true_positives / predicted
            scores["recall"][row, class_id] = true_positives / all_true
            scores["F1"][row, class_id] = 2 * true_positives / (predicted + all_true)
    return scores


def find_best_confidence(detections: DetectionCounts, weights: FloatArray) -> float:
    """Find the confidence threshold with the highest mean F1; 1 if F1 is always 0.

    Args:
        detections: The matches of all images.
        weights: (I,), how often each image counts.
    """
    truth = np.tensordot(weights, detections.totals["truth_counts"][:, 0], axes=1)
    curves = {
        int(class_id): _accumulate_class(detections, int(class_id), weights)
        for class_id in np.flatnonzero(truth)
    }
    scores = np.unique(np.concatenate([np.zeros(0), *(curve[0] for curve in curves.values())]))
    scores = scores[::-1]
    if not scores.size:
        return 1.0
    total_f1 = np.zeros(scores.size)
    for class_id, curve in curves.items():
        predicted, true_positives = _count_at_scores(curve, scores)
        total_f1 += 2 * true_positives / (predicted + truth[class_id])
    best = int(total_f1.argmax())  # the first, so the highest threshold on ties
    return float(scores[best]) if total_f1[best] else 1.0


Curve = tuple[FloatArray, FloatArray, FloatArray]  # scores, predictions and true positives so far


def _accumulate_class(detections: DetectionCounts, class_id: int, weights: FloatArray) -> Curve:
    """Accumulate the weights of a class's predictions and true positives, in falling score."""
    order = detections.sort_class(class_id)
    weight = weights[detections.image_indices[order]]
    counted = (weight > 0) & ~detections.rows["ignored"][order, 0, 0]  # all sizes, IoU 0.5
    order, weight = order[counted], weight[counted]
    true_positives = detections.rows["true_positives"][order, 0, 0]
    return (
        detections.rows["scores"][order],
        np.concatenate([[0.0], weight.cumsum()]),
        np.concatenate([[0.0], (weight * true_positives).cumsum()]),
    )


def _count_at_scores(curve: Curve, scores: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Look up the weight of the predictions, and of the true positives, above each threshold."""
    kept = np.searchsorted(-curve[0], -scores, side="right")
    return curve[1][kept], curve[2][kept]
