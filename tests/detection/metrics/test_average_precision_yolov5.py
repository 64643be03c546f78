"""YOLOv5's average precision: by hand, against YOLOv5's own program, and its known bias."""

import numpy as np
import pytest

from detection.metrics import average_precision, average_precision_yolov5
from detection.metrics.average_precision_yolov5 import (
    Options,
    compute_average_precision,
    match_predictions,
)
from fusebench.data.boxes import make_boxes
from fusebench.errors import UserError
from tests.helpers.detection_reference_cases import CASES, parse_case
from tests.helpers.metric_scores import measure

LEFT, MIDDLE, RIGHT = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10)


def compute_plain_ap(true_positives, truth_count):
    """AP with every image counted once."""
    return compute_average_precision(true_positives, np.ones(len(true_positives)), truth_count)


@pytest.mark.parametrize("version", ["v6.0", "v7.0"])
@pytest.mark.parametrize("number", range(len(CASES)))
def test_every_class_has_the_ap_of_yolov5s_own_program(number, version):
    truth, predicted, classes = parse_case(CASES[number])
    scores = measure(average_precision_yolov5, truth, predicted, classes, Options(version=version))
    for name, (ap50, ap) in zip(classes, CASES[number]["yolov5"][version], strict=True):
        assert scores.by_class[name]["AP50_yolov5"] == pytest.approx(ap50, abs=1e-12)
        assert scores.by_class[name]["AP_yolov5"] == pytest.approx(ap, abs=1e-12)


def test_recall_one_half_without_false_positives_is_three_quarters():
    # precision 1 up to recall 0.5, then the line to (1, 0): 0.5 + 0.25; COCO: 51 of 101 recalls
    truth = {"1": make_boxes([LEFT, MIDDLE], [0, 0])}
    predicted = {"1": make_boxes([LEFT], [0], [0.9])}
    assert compute_plain_ap(np.array([True]), 2) == pytest.approx(0.75)
    yolov5 = measure(average_precision_yolov5, truth, predicted, ("a",)).values
    assert yolov5["AP50_yolov5"] == pytest.approx(0.75)
    coco = measure(average_precision, truth, predicted, ("a",)).values
    assert coco["AP50"] == pytest.approx(51 / 101)


def test_perfect_predictions_lose_only_half_of_the_last_of_100_trapezoids():
    assert compute_plain_ap(np.array([True, True]), 2) == pytest.approx(0.995)


def test_a_false_positive_between_two_true_positives_by_hand():
    # (R, P): (.5, 1), (.5, .5), (1, 2/3), closed at (1, 0); monotone: at .5 it falls to 2/3, and
    # at 1 to 0. The line through the points at recalls below .5 is 1, from .5 to .99 it is 2/3.
    ap = compute_plain_ap(np.array([True, False, True]), 2)
    heights = np.r_[np.full(50, 1.0), np.full(50, 2 / 3), 0.0]
    assert ap == pytest.approx(((heights[1:] + heights[:-1]) / 2).sum() / 100)


def test_a_prediction_is_not_matched_to_its_second_best_true_box():
    truth = make_boxes([(0, 0, 10, 10), (3, 0, 13, 10)], [0, 0])
    predicted = make_boxes([(0.5, 0, 10.5, 10), (0, 0, 10, 10)], [0, 0], [0.9, 0.8])
    # both overlap the first true box most; the second prediction overlaps the other by 7/13
    assert match_predictions(truth, predicted)[:, 0].tolist() == [True, False]
    coco = measure(average_precision, {"1": truth}, {"1": predicted}, ("a",)).values["AP50"]
    assert coco == pytest.approx(1.0)


def test_version_6_keeps_the_matches_of_iou_one_half_at_higher_thresholds():
    truth = make_boxes([(0, 0, 10, 10)], [0])
    predicted = make_boxes([(0, 0, 10, 6), (0, 0, 10, 9)], [0, 0], [0.9, 0.8])  # IoU 0.6 and 0.9
    column = {round(0.5 + 0.05 * i, 2): i for i in range(10)}
    v6, v7 = (match_predictions(truth, predicted, version) for version in ("v6.0", "v7.0"))
    assert v6[:, column[0.5]].tolist() == v7[:, column[0.5]].tolist() == [True, False]
    assert v6[:, column[0.8]].tolist() == [False, False]
    assert v7[:, column[0.8]].tolist() == [False, True]


def test_a_box_of_another_class_is_no_match():
    assert not match_predictions(make_boxes([LEFT], [0]), make_boxes([LEFT], [1], [0.9])).any()


@pytest.mark.parametrize("confidence", [0.25, 0.5])
def test_a_confidence_threshold_widens_the_gap_to_coco_ap(confidence):
    rng = np.random.default_rng(0)
    correct = np.concatenate([np.ones(600, bool), np.zeros(3000, bool)])
    scores = np.concatenate([rng.beta(3, 2, 600), rng.beta(1, 6, 3000)])
    correct, scores = correct[np.argsort(-scores)], np.sort(scores)[::-1]
    above_threshold = correct[scores > confidence]

    def coco_ap(correct):
        true_positives = correct.cumsum()
        precision, recall = true_positives / np.arange(1, len(correct) + 1), true_positives / 1000
        return np.mean([precision[recall >= r].max(initial=0) for r in np.linspace(0, 1, 101)])

    def gap(correct):
        return compute_plain_ap(correct, 1000) - coco_ap(correct)

    assert gap(above_threshold) > gap(correct) > 0.01


def test_a_confidence_above_yolov5s_is_refused():
    average_precision_yolov5.check_confidence(0.001, "tasks.toy")
    with pytest.raises(UserError, match=r"tasks\.toy: .*predict\.confidence 0\.01: expected at"):
        average_precision_yolov5.check_confidence(0.01, "tasks.toy")


def test_predictions_without_low_scores_get_a_warning():
    truncated = {"1": make_boxes([LEFT, RIGHT], [0, 0], [0.9, 0.25])}
    complete = {"1": make_boxes([LEFT, RIGHT], [0, 0], [0.9, 0.002])}
    assert "no box has a score below 0.01" in str(average_precision_yolov5.warnings(truncated))
    assert not average_precision_yolov5.warnings(complete)
    assert not average_precision_yolov5.warnings({"1": make_boxes([], [])})
