"""Average precision as YOLOv5's own validation computes it, to compare with published tables.

    mrec = 0, R(1), ..., R(N), 1      mpre = 1, P(1), ..., P(N), 0, made monotone from the right
    AP   = area under the line through (mrec, mpre), read at 101 recalls, by trapezia

The last point closes the curve at recall 1 with precision 0, and the line to it runs through
recalls that no prediction reached: a class that is found by half with no false alarm gets 0.75,
where COCO gives 0.50. The fewer boxes are kept, the more this overrates, by up to 23 points at a
confidence of 0.5: it is computed from boxes down to a confidence of 0.001, as YOLOv5 does, or not.

Per image, overlap and class, every prediction looks at the true box that it overlaps most and at no
other; of the predictions that look at one true box, the surest takes it. (COCO's prediction may
take its second best.) v6.0 and v6.1 match once, at an overlap of 0.5, and hold what that gives to
the higher ones; v6.2 and v7.0 match anew for every overlap. AP@.5 is the same in both.

Source: github.com/ultralytics/yolov5, v6.0 to v7.0: `ap_per_class` and `process_batch`. The
ultralytics package has neither the last point (since 8.4.40) nor this matching (since 8.4.190).
"""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from detection.metrics.average_precision import OTHER_CONVENTIONS_FAMILY
from fusebench.data.boxes import Boxes
from fusebench.errors import UserError
from fusebench.evaluation import class_means
from fusebench.evaluation.box_matching import pairwise_iou
from fusebench.storage.records import Column, Scalar, Scores

VERSION = 1
COLUMNS = {
    "AP50_yolov5": Column(
        title="AP@.5, YOLOv5", mean_title="mAP@.5, YOLOv5", family=OTHER_CONVENTIONS_FAMILY
    ),
    "AP_yolov5": Column(
        title="AP@.5:.95, YOLOv5", mean_title="mAP@.5:.95, YOLOv5", family=OTHER_CONVENTIONS_FAMILY
    ),
}
IOU_THRESHOLDS = np.linspace(0.5, 0.95, 10)  # overlaps
RECALLS = np.linspace(0.0, 1.0, 101)
YOLOV5_CONFIDENCE = 0.001  # YOLOv5's
EXPECTED_LOWEST_SCORE = 0.01  # a file of a detector that was asked for all has scores below


class Options(BaseModel):
    """What tasks.yaml may set for this metric.

    Attributes:
        version: Of YOLOv5, whose matching is used.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    version: Literal["v6.0", "v7.0"] = "v7.0"


DEFAULT_OPTIONS = Options()


def protocol(options: Options) -> dict[str, Scalar]:
    """How the number was made, in words."""
    return {"AP, YOLOv5": f"matching of {options.version}, 101 points, closed at recall 1"}


def check_confidence(confidence: float, where: str) -> None:
    """Refuse a model that keeps too few boxes.

    Raises:
        UserError: If boxes above YOLOv5's confidence are not kept.
    """
    if confidence > YOLOV5_CONFIDENCE:
        raise UserError(
            f"{where}: average_precision_yolov5 with predict.confidence {confidence:g}: expected "
            f"at most {YOLOV5_CONFIDENCE:g}, because this AP overrates curves that are cut off (by 4 to "
            "12 points at 0.25); lower the confidence, or leave the metric out of metrics"
        )


def warnings(predicted: Mapping[str, Boxes]) -> dict[str, Scalar]:
    """What a reader must know about the number on these predictions, in words, if anything."""
    scores = np.concatenate([np.zeros(0), *(boxes.scores for boxes in predicted.values())])
    if scores.size and scores.min() >= EXPECTED_LOWEST_SCORE:
        said = f"no box has a score below {EXPECTED_LOWEST_SCORE:g}: if boxes were cut off, it is too good"
        return {"caution: AP, YOLOv5": said}
    return {}


def measure(
    truth: Mapping[str, Boxes],
    predicted: Mapping[str, Boxes],
    classes: tuple[str, ...],
    options: Options = DEFAULT_OPTIONS,
) -> Scores:
    """AP per class, and its mean over the classes that have true boxes.

    Args:
        truth: True boxes by key.
        predicted: Predictions by key; the same keys.
        classes: Class names.
        options: See `Options`.

    Returns:
        Fractions; None for a class without true boxes, and for a mean over no class.

    Raises:
        ValueError: If the keys differ.
    """
    if set(truth) != set(predicted):
        raise ValueError(f"{len(truth)} images with truth, {len(predicted)} with predictions")
    keys = sorted(truth)
    surest = {key: _sort_by_score(predicted[key]) for key in keys}
    hits = np.concatenate(
        [np.zeros((0, len(IOU_THRESHOLDS)), np.bool_)]
        + [match_predictions(truth[key], surest[key], options.version) for key in keys]
    )
    scores = np.concatenate([np.zeros(0), *(surest[key].scores for key in keys)])
    kinds = np.concatenate([np.zeros(0, np.int64), *(surest[key].class_ids for key in keys)])
    order = np.argsort(-scores, kind="stable")
    by_class = {}
    for index, name in enumerate(classes):
        truths = sum(int((truth[key].class_ids == index).sum()) for key in keys)
        mine = hits[order][kinds[order] == index]
        by_class[name] = _score_class(mine, truths)
    values = class_means.compute_class_means(by_class, COLUMNS)
    return Scores(values=values, by_class=by_class)


def match_predictions(
    truth: Boxes, predicted: Boxes, version: str = DEFAULT_OPTIONS.version
) -> NDArray[np.bool_]:
    """Which predictions of one image are hits at each overlap, bool (N, 10).

    Args:
        truth: True boxes.
        predicted: Predictions in falling score.
        version: See `Options`.
    """
    hits = np.zeros((len(predicted), len(IOU_THRESHOLDS)), np.bool_)
    if not len(truth) or not len(predicted):
        return hits
    shares = pairwise_iou(predicted.corners, truth.corners)
    shares[predicted.class_ids[:, None] != truth.class_ids[None, :]] = -1.0
    looked_at = len(truth) - 1 - shares[:, ::-1].argmax(axis=1)  # of equals the last
    most = shares.max(axis=1)
    for column, least in enumerate(IOU_THRESHOLDS):
        near = np.flatnonzero(most >= (IOU_THRESHOLDS[0] if version == "v6.0" else least))
        _, first = np.unique(looked_at[near], return_index=True)  # the surest
        hits[near[first], column] = most[near[first]] >= least
    return hits


def compute_average_precision(hits: NDArray[np.bool_], truths: int) -> float:
    """AP of predictions in falling score, bool (N,), of a class with true boxes."""
    if not len(hits):
        return 0.0
    right = hits.cumsum()
    recall = np.concatenate([[0.0], right / truths, [1.0]])
    precision = np.concatenate([[1.0], right / np.arange(1, len(hits) + 1), [0.0]])
    monotone = np.maximum.accumulate(precision[::-1])[::-1]
    return float(np.trapezoid(np.interp(RECALLS, recall, monotone), RECALLS))


def _score_class(hits: NDArray[np.bool_], truths: int) -> dict[str, float | None]:
    if not truths:
        return dict.fromkeys(COLUMNS)
    found = [compute_average_precision(column, truths) for column in hits.T]
    return {"AP50_yolov5": found[0], "AP_yolov5": float(np.mean(found))}


def _sort_by_score(predicted: Boxes) -> Boxes:
    order = np.argsort(-predicted.scores, kind="stable")
    return Boxes(predicted.corners[order], predicted.class_ids[order], predicted.scores[order])
