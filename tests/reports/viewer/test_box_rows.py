"""Boxes of the page: counting at a confidence equals matching what is left at that confidence."""

import numpy as np
import pytest

from fusebench.data.boxes import make_boxes
from fusebench.evaluation import box_matching
from reports.viewer import box_rows

CONFIDENCE, MATCH = 5, 6  # columns


def make_crowded_pair(seed):
    """Overlapping true boxes of two classes, one ignored, and predictions around all of them."""
    rng = np.random.default_rng(seed)
    corners = rng.uniform(0, 60, (8, 2))
    truth_corners = np.hstack([corners, corners + rng.uniform(8, 30, (8, 2))])
    truth = make_boxes(truth_corners, rng.integers(0, 2, 8), (), [False] * 7 + [True])
    chosen = rng.integers(0, 8, 40)
    predicted = make_boxes(
        truth_corners[chosen] + rng.normal(0, 2.5, (40, 4)),
        rng.integers(0, 2, 40),
        rng.choice([0.1, 0.3, 0.5, 0.7], 40) + rng.integers(0, 3, 40) * 0.01,  # many ties
    )
    return truth, predicted


@pytest.mark.parametrize("seed", range(6))
@pytest.mark.parametrize("confidence", [0.05, 0.1, 0.11, 0.3, 0.31, 0.5, 0.72, 0.9])
def test_rows_count_what_matching_the_confident_predictions_again_counts(seed, confidence):
    truth, predicted = make_crowded_pair(seed)
    rows = np.reshape(box_rows.build_prediction_rows(truth, predicted, 0), (-1, 7))
    kept = rows[rows[:, CONFIDENCE] >= round(confidence * 1e6)]
    confident = predicted.select(predicted.scores >= confidence)
    confident = box_matching.drop_predictions_on_ignored_boxes(truth, confident)
    matches = box_matching.match_boxes(truth, confident)
    assert len(kept) == len(confident)
    assert sorted(kept[:, MATCH]) == sorted(matches)


def test_rows_are_sorted_and_without_low_confidences():
    truth, predicted = make_crowded_pair(0)
    everything = np.reshape(box_rows.build_prediction_rows(truth, predicted, 0), (-1, 7))
    rows = np.reshape(box_rows.build_prediction_rows(truth, predicted, 300_000), (-1, 7))
    assert (np.diff(rows[:, CONFIDENCE]) <= 0).all()
    assert 0 < len(rows) < len(everything)
    np.testing.assert_array_equal(rows, everything[everything[:, CONFIDENCE] >= 300_000])


def test_a_true_box_has_its_corners_in_tenths_its_class_and_whether_it_is_ignored():
    truth = make_boxes([[1.26, 2, 30.04, 40], [0, 0, 5, 5]], [1, 0], (), [False, True])
    assert box_rows.build_truth_rows(truth) == [13, 20, 300, 400, 1, 0, 0, 0, 50, 50, 0, 1]


def test_a_confidence_reaches_a_threshold_exactly_when_its_whole_number_does():
    steps = np.arange(0, 1_000_001)
    for scores in (steps / 1e6, np.nextafter(steps / 1e6, 0).clip(0), np.nextafter(steps / 1e6, 2)):
        converted = box_rows.convert_confidences(scores)
        assert (converted / 1e6 <= scores).all()
        assert ((converted + 1) / 1e6 > scores).all()


def test_a_rounded_confidence_stands_for_the_score_that_it_was_printed_from():
    scores = np.array([0.1, 0.29440684, 0.2944075, 0.9])
    assert f"{scores[1]:g}" == "0.294407"
    assert box_rows.find_confidence_step("0.294407", scores) == 294_406  # below the printed one
    assert box_rows.find_confidence_step("1", scores) == 1_000_000
    assert box_rows.find_confidence_step("0.5", np.zeros(0)) == 500_000


def test_an_image_without_boxes_has_no_rows():
    nothing = make_boxes([], [])
    assert box_rows.build_truth_rows(nothing) == []
    assert box_rows.build_prediction_rows(nothing, nothing, 0) == []
