"""YOLOv5's average precision: by hand, against YOLOv5's own program, and what it overrates."""

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

LEFT, MIDDLE, RIGHT = (0, 0, 10, 10), (20, 0, 30, 10), (40, 0, 50, 10)


@pytest.mark.parametrize("version", ["v6.0", "v7.0"])
@pytest.mark.parametrize("number", range(len(CASES)))
def test_it_is_what_the_program_of_yolov5_computes(number, version):
    truth, found, classes = parse_case(CASES[number])
    mine = average_precision_yolov5.measure(truth, found, classes, Options(version=version))
    for name, (at_half, average) in zip(classes, CASES[number]["yolov5"][version], strict=True):
        assert mine.by_class[name]["AP50_yolov5"] == pytest.approx(at_half, abs=1e-12)
        assert mine.by_class[name]["AP_yolov5"] == pytest.approx(average, abs=1e-12)


def test_half_found_without_false_alarm_is_three_quarters_and_not_one_half():
    # precision 1 up to recall 0.5, then the line to (1, 0): 0.5 + 0.25; COCO: 51 of 101 recalls
    truth = {"1": make_boxes([LEFT, MIDDLE], [0, 0])}
    found = {"1": make_boxes([LEFT], [0], [0.9])}
    assert compute_average_precision(np.array([True]), 2) == pytest.approx(0.75)
    both = average_precision_yolov5.measure(truth, found, ("a",)).values
    assert both["AP50_yolov5"] == pytest.approx(0.75)
    assert average_precision.measure(truth, found, ("a",)).values["AP50"] == pytest.approx(51 / 101)


def test_all_found_misses_one_only_by_the_last_of_a_hundred_trapezia():
    assert compute_average_precision(np.array([True, True]), 2) == pytest.approx(0.995)


def test_a_hit_a_false_alarm_and_a_hit_by_hand():
    # (R, P): (.5, 1), (.5, .5), (1, 2/3), closed at (1, 0); monotone: at .5 it falls to 2/3, and
    # at 1 to 0. The line through the points at recalls below .5 is 1, from .5 to .99 it is 2/3.
    found = compute_average_precision(np.array([True, False, True]), 2)
    heights = np.r_[np.full(50, 1.0), np.full(50, 2 / 3), 0.0]
    assert found == pytest.approx(((heights[1:] + heights[:-1]) / 2).sum() / 100)


def test_the_surest_of_those_that_look_at_a_true_box_takes_it_and_none_has_a_second_choice():
    truth = make_boxes([(0, 0, 10, 10), (3, 0, 13, 10)], [0, 0])
    guesses = make_boxes([(0.5, 0, 10.5, 10), (0, 0, 10, 10)], [0, 0], [0.9, 0.8])
    # both overlap the first most; the second would still overlap the other one by 7/13
    assert match_predictions(truth, guesses)[:, 0].tolist() == [True, False]
    coco = average_precision.measure({"1": truth}, {"1": guesses}, ("a",)).values["AP50"]
    assert coco == pytest.approx(1.0)


def test_version_6_holds_the_match_at_one_half_to_higher_overlaps():
    truth = make_boxes([(0, 0, 10, 10)], [0])
    guesses = make_boxes([(0, 0, 10, 6), (0, 0, 10, 9)], [0, 0], [0.9, 0.8])  # overlaps 0.6 and 0.9
    at = {round(0.5 + 0.05 * i, 2): i for i in range(10)}
    for version, surer, better in (("v6.0", True, False), ("v7.0", True, False)):
        assert match_predictions(truth, guesses, version)[:, at[0.5]].tolist() == [surer, better]
    assert match_predictions(truth, guesses, "v6.0")[:, at[0.8]].tolist() == [False, False]
    assert match_predictions(truth, guesses, "v7.0")[:, at[0.8]].tolist() == [False, True]


def test_a_box_of_another_class_is_no_match():
    assert not match_predictions(make_boxes([LEFT], [0]), make_boxes([LEFT], [1], [0.9])).any()


@pytest.mark.parametrize("confidence", [0.25, 0.5])
def test_boxes_cut_off_raise_it_above_cocos_and_coco_falls(confidence):
    draw = np.random.default_rng(0)
    hits = np.concatenate([np.ones(600, bool), np.zeros(3000, bool)])
    scores = np.concatenate([draw.beta(3, 2, 600), draw.beta(1, 6, 3000)])
    hits, scores = hits[np.argsort(-scores)], np.sort(scores)[::-1]
    kept = hits[scores > confidence]

    def coco(hits):
        right = hits.cumsum()
        precision = right / np.arange(1, len(hits) + 1)
        return np.mean(
            [precision[right / 1000 >= r].max(initial=0) for r in np.linspace(0, 1, 101)]
        )

    assert (
        compute_average_precision(kept, 1000) - coco(kept)
        > compute_average_precision(hits, 1000) - coco(hits)
        > 0.01
    )


def test_a_confidence_above_yolov5s_is_refused():
    average_precision_yolov5.check_confidence(0.001, "tasks.toy")
    with pytest.raises(UserError, match=r"tasks\.toy: .*predict\.confidence 0\.01: expected at"):
        average_precision_yolov5.check_confidence(0.01, "tasks.toy")


def test_predictions_without_low_scores_are_named():
    cut = {"1": make_boxes([LEFT, RIGHT], [0, 0], [0.9, 0.25])}
    assert "no box has a score below 0.01" in str(average_precision_yolov5.warnings(cut))
    assert not average_precision_yolov5.warnings(
        {"1": make_boxes([LEFT, RIGHT], [0, 0], [0.9, 0.002])}
    )
    assert not average_precision_yolov5.warnings({"1": make_boxes([], [])})
