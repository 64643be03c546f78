"""Average precision as YOLOv5's own validation computes it, to compare with published tables.

    mrec = 0, R(1), ..., R(N), 1      mpre = 1, P(1), ..., P(N), 0, made monotone from the right
    AP   = area under the line through (mrec, mpre), read at 101 recalls, by trapezia

The last point closes the curve at recall 1 with precision 0, and interpolation towards it gives
precision at recalls that no prediction reached: a class with recall 0.5 and no false positive gets
AP 0.75, where COCO gives 0.50. The higher the confidence threshold, the larger the overestimate, up
to 23 points at 0.5. So it is only computed with a confidence threshold of at most 0.001, YOLOv5's.

Per image, IoU threshold and class, each prediction is a candidate only for the true box with which
its IoU is largest; of the candidates for one true box, the highest score is matched. (In COCO's
matching, a prediction whose best true box is taken may be matched to another.) v6.0 and v6.1 match
once, at IoU 0.5, and compare the IoU of these matches with the higher thresholds; v6.2 and v7.0
match anew for every threshold. AP@.5 is the same in both.

YOLOv5 has no ignored true boxes. Here they are left out, and so is every prediction that counts for
nothing at an IoU of 0.5, see `fusebench.evaluation.box_matching`.

Source: github.com/ultralytics/yolov5, v6.0 to v7.0: `ap_per_class` and `process_batch`. The
ultralytics package has neither the last point (since 8.4.40) nor this matching (since 8.4.190).
"""

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from detection.metrics.average_precision import OTHER_CONVENTIONS_FAMILY
from fusebench.data.boxes import Boxes
from fusebench.errors import UserError
from fusebench.evaluation.box_matching import drop_predictions_on_ignored_boxes, pairwise_iou
from fusebench.evaluation.counts import ClassScores, Detections, FloatArray, WeightedDetections
from fusebench.storage.records import Column, Scalar

VERSION = 1
COLUMNS = {
    "AP50_yolov5": Column(
        title="AP@.5, YOLOv5",
        mean_title="mAP@.5, YOLOv5",
        family=OTHER_CONVENTIONS_FAMILY,
        has_intervals=False,
    ),
    "AP_yolov5": Column(
        title="AP@.5:.95, YOLOv5",
        mean_title="mAP@.5:.95, YOLOv5",
        family=OTHER_CONVENTIONS_FAMILY,
        has_intervals=False,
    ),
}
IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)
RECALLS = np.linspace(0.0, 1.0, 101)
YOLOV5_CONFIDENCE = 0.001  # confidence threshold of YOLOv5's validation
EXPECTED_LOWEST_SCORE = 0.01  # without a confidence threshold, some scores are lower


class Options(BaseModel):
    """Options of this metric.

    Attributes:
        version: YOLOv5 version whose matching is used.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal["v6.0", "v7.0"] = "v7.0"


DEFAULT_OPTIONS = Options()


def protocol(classes: Sequence[str], options: Options) -> dict[str, Scalar]:
    """Describe how the AP is computed."""
    return {"AP, YOLOv5": f"matching of {options.version}, 101 points, closed at recall 1"}


def check_confidence(confidence: float, where: str) -> None:
    """Check that the model's confidence threshold is low enough.

    Raises:
        UserError: If it is above YOLOv5's.
    """
    if confidence > YOLOV5_CONFIDENCE:
        raise UserError(
            f"{where}: average_precision_yolov5 with predict.confidence {confidence:g}: expected "
            f"at most {YOLOV5_CONFIDENCE:g}, because this AP overrates curves that are cut off (by "
            "4 to 12 points at 0.25); lower the confidence, or leave the metric out of metrics"
        )


def warnings(predicted: Mapping[str, Boxes]) -> dict[str, Scalar]:
    """Warn if the predictions look as if boxes with low scores had been dropped."""
    scores = np.concatenate([np.zeros(0), *(boxes.scores for boxes in predicted.values())])
    if scores.size and scores.min() >= EXPECTED_LOWEST_SCORE:
        text = (
            f"no box has a score below {EXPECTED_LOWEST_SCORE:g}: if boxes were cut off, it is "
            "too good"
        )
        return {"caution: AP, YOLOv5": text}
    return {}


def count(truth: Boxes, predicted: Boxes, classes: Sequence[str], options: Options) -> Detections:
    """Match the boxes of one image by YOLOv5's rule.

    Returns:
        Rows ``scores``, ``class_ids`` (N,) and ``true_positives`` bool (N, 10); totals
        ``truth_counts`` int64 (C,).
    """
    ranked = _sort_by_score(drop_predictions_on_ignored_boxes(truth, predicted))
    truth = truth.drop_ignored()
    return Detections(
        {
            "scores": ranked.scores.astype(np.float64),
            "class_ids": ranked.class_ids,
            "true_positives": match_predictions(truth, ranked, options.version),
        },
        {"truth_counts": np.bincount(truth.class_ids, minlength=len(classes))},
    )


def score(counts: WeightedDetections, classes: Sequence[str], options: Options) -> ClassScores:
    """Compute AP per class.

    Args:
        counts: The matches of all images and R weightings of them.
        classes: The C class names.
        options: See `Options`.

    Returns:
        Column to fractions (R, C); NaN for a class without true boxes.
    """
    detections, totals = counts.detections, counts.total("truth_counts")
    scores = {column: np.full(totals.shape, np.nan) for column in COLUMNS}
    for class_id in range(len(classes)):
        order = detections.sort_class(class_id)
        true_positives = detections.rows["true_positives"][order]
        for row, weights in enumerate(counts.weights[:, detections.image_indices[order]]):
            if totals[row, class_id] > 0:
                by_threshold = [
                    compute_average_precision(column, weights, totals[row, class_id])
                    for column in true_positives.T
                ]
                scores["AP50_yolov5"][row, class_id] = by_threshold[0]
                scores["AP_yolov5"][row, class_id] = np.mean(by_threshold)
    return scores


def match_predictions(
    truth: Boxes, predicted: Boxes, version: str = DEFAULT_OPTIONS.version
) -> NDArray[np.bool_]:
    """Find the true positives of one image at each IoU threshold, bool (N, 10).

    Args:
        truth: True boxes.
        predicted: Predictions in falling score.
        version: See `Options`.
    """
    true_positives = np.zeros((len(predicted), len(IOU_THRESHOLDS)), np.bool_)
    if not len(truth) or not len(predicted):
        return true_positives
    iou = pairwise_iou(predicted.corners, truth.corners)
    iou[predicted.class_ids[:, None] != truth.class_ids[None, :]] = -1.0
    best_truth = len(truth) - 1 - iou[:, ::-1].argmax(axis=1)  # on ties the last
    best_iou = iou.max(axis=1)
    for column, threshold in enumerate(IOU_THRESHOLDS):
        matching_threshold = IOU_THRESHOLDS[0] if version == "v6.0" else threshold
        candidates = np.flatnonzero(best_iou >= matching_threshold)
        _, first = np.unique(best_truth[candidates], return_index=True)  # the highest score
        matched = candidates[first]
        true_positives[matched, column] = best_iou[matched] >= threshold
    return true_positives


def compute_average_precision(
    true_positives: NDArray[np.bool_], weights: FloatArray, truth_total: float
) -> float:
    """Compute the AP of predictions in falling score.

    Args:
        true_positives: bool (N,).
        weights: (N,), how often each prediction counts.
        truth_total: Weight of the true boxes, more than 0.
    """
    counted = weights > 0
    true_positives, weights = true_positives[counted], weights[counted]
    if not len(true_positives):
        return 0.0
    # the curve, closed at recall 0 with precision 1 and at recall 1 with precision 0
    true_weight = (true_positives * weights).cumsum()
    recall = np.concatenate([[0.0], true_weight / truth_total, [1.0]])
    precision = np.concatenate([[1.0], true_weight / weights.cumsum(), [0.0]])
    monotone = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.trapezoid(np.interp(RECALLS, recall, monotone), RECALLS))


def _sort_by_score(predicted: Boxes) -> Boxes:
    order = np.argsort(-predicted.scores, kind="stable")
    return predicted.select(order)
