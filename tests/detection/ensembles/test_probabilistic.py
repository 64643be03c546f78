"""Probabilistic ensembling: the published equation, missing detections, and boxes by hand."""

import numpy as np
import pytest

from detection.ensembles import probabilistic
from fusebench.data.boxes import make_boxes

BOX = [[0, 0, 10, 10]]
NONE = make_boxes([], [])


def combine(*members, **options):
    return probabilistic.combine(members, probabilistic.Options(**options))


def combine_scores(first, second, **options):
    combined = combine(make_boxes(BOX, [0], [first]), make_boxes(BOX, [0], [second]), **options)
    assert len(combined) == 1
    return float(combined.scores[0])


@pytest.mark.parametrize(
    ("first", "second", "fused"),
    [
        (0.8, 0.7, 0.56 / (0.56 + 0.06)),  # two sensors that agree support each other
        (0.9, 0.5, 0.9),  # 0.5 says nothing under a uniform prior
        (0.3, 0.2, 0.06 / (0.06 + 0.56)),
        (0.9, 0.1, 0.5),
    ],
)
def test_uniform_prior(first, second, fused):
    assert combine_scores(first, second) == pytest.approx(fused, abs=1e-6)


def test_equals_bayes_rule_with_the_full_distribution_of_two_classes():
    """p(y | x1, x2) of the hypotheses object and no object, with a prior of 0.2 and 0.8."""
    object_, none = 0.4 * 0.6 / 0.2, 0.6 * 0.4 / 0.8
    assert combine_scores(0.4, 0.6, prior=0.2) == pytest.approx(object_ / (object_ + none))


def test_three_members_divide_by_the_prior_twice():
    fused = probabilistic.fuse_scores(np.array([0.4, 0.6, 0.5]), prior=0.2)
    object_, none = 0.4 * 0.6 * 0.5 / 0.2**2, 0.6 * 0.4 * 0.5 / 0.8**2
    assert fused == pytest.approx(object_ / (object_ + none), rel=1e-12)


def test_order_of_the_members_does_not_matter():
    scores = np.array([0.3, 0.9, 0.2])
    expected = probabilistic.fuse_scores(scores, 0.1)
    assert probabilistic.fuse_scores(scores[::-1], 0.1) == pytest.approx(expected, rel=1e-12)


def test_a_missing_detection_leaves_the_score_of_the_other_member():
    assert combine(make_boxes(BOX, [0], [0.3]), NONE).scores.tolist() == [0.3]
    far = make_boxes([[50, 50, 60, 60]], [0], [0.2])
    assert combine(make_boxes(BOX, [0], [0.3]), far).scores.tolist() == [0.3, 0.2]
    other_class = make_boxes(BOX, [1], [0.2])
    assert combine(make_boxes(BOX, [0], [0.3]), other_class).scores.tolist() == [0.3, 0.2]


def test_scores_of_0_and_1_stay_finite():
    assert combine_scores(1.0, 0.0) == pytest.approx(0.5)
    assert combine_scores(1.0, 1.0) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("boxes", "left"),
    [("scores", (0.6 * 0 + 0.2 * 2) / 0.8), ("mean", 1.0), ("best", 0.0)],
)
def test_corners_of_the_fused_box(boxes, left):
    first, second = make_boxes(BOX, [0], [0.6]), make_boxes([[2, 0, 12, 10]], [0], [0.2])
    combined = combine(second, first, boxes=boxes)
    assert combined.corners.tolist() == [[left, 0, left + 10, 10]]


def test_one_box_of_each_member_is_fused_and_the_others_are_dropped():
    first = make_boxes([[0, 0, 10, 10], [0, 0, 10, 9]], [0, 0], [0.8, 0.7])
    second = make_boxes([[0, 0, 10, 6], [0, 0, 10, 10]], [0, 0], [0.65, 0.6])
    combined = combine(first, second, boxes="best")
    # 0.8 with 0.6, the second member's box with the largest IoU
    assert combined.scores.tolist() == pytest.approx([0.48 / (0.48 + 0.08)], abs=1e-6)
