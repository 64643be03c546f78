"""Weighted boxes fusion: the equations by hand, and the authors' library."""

import json

import numpy as np
import pytest

from detection.ensembles import weighted_boxes
from fusebench.data.boxes import make_boxes
from tests.helpers.paths import REPOSITORY

CASES = json.loads((REPOSITORY / "tests/reference/weighted_boxes.json").read_text())["cases"]
NONE = make_boxes([], [])


def combine(*members, **options):
    return weighted_boxes.combine(members, weighted_boxes.Options(**options))


def test_two_boxes_of_an_object_are_averaged_with_their_scores():
    combined = combine(
        make_boxes([[0, 0, 10, 10]], [0], [0.9]), make_boxes([[2, 0, 12, 10]], [0], [0.3])
    )
    # (0.9 * 0 + 0.3 * 2) / 1.2 and (0.9 * 10 + 0.3 * 12) / 1.2; the score is the mean
    assert combined.corners.tolist() == [[0.5, 0, 10.5, 10]]
    assert combined.scores.tolist() == [0.6]


def test_a_box_of_one_of_two_members_has_half_of_its_score():
    combined = combine(make_boxes([[0, 0, 10, 10]], [1], [0.8]), NONE)
    assert combined.scores.tolist() == [0.4]
    assert combined.class_ids.tolist() == [1]


def test_three_boxes_of_two_members_do_not_count_more_than_two():
    boxes = [[0, 0, 10, 10]]
    combined = combine(make_boxes(boxes * 2, [0, 0], [0.9, 0.6]), make_boxes(boxes, [0], [0.6]))
    assert combined.scores.tolist() == [0.7]  # (0.9 + 0.6 + 0.6) / 3 * min(3, 2) / 2


def test_weights_of_the_members():
    boxes = [[0, 0, 10, 10]]
    members = make_boxes(boxes, [0], [0.6]), make_boxes(boxes, [0], [0.3])
    # (3 * 0.6 + 1 * 0.3) / 2 * 2 / (3 + 1)
    assert combine(*members, weights=(3, 1)).scores.tolist() == [0.525]


def test_members_without_boxes_and_scores_of_zero():
    assert len(combine(NONE, NONE)) == 0
    zero = make_boxes([[0, 0, 10, 10]], [0], [0.0])
    assert combine(zero, zero).corners.tolist() == [[0, 0, 10, 10]]


@pytest.mark.parametrize("case", CASES, ids=[str(case["options"]) for case in CASES])
def test_equals_the_stored_results_of_the_authors_library(case):
    members = [make_boxes(m["corners"], m["class_ids"], m["scores"]) for m in case["members"]]
    combined, fused = combine(*members, **case["options"]), case["fused"]
    assert combined.class_ids.tolist() == fused["class_ids"]
    np.testing.assert_allclose(combined.scores, fused["scores"], atol=2e-6)
    np.testing.assert_allclose(combined.corners, fused["corners"], atol=2e-3)


def test_equals_the_authors_library_where_it_is_installed():
    library = pytest.importorskip("ensemble_boxes")
    for case in CASES:
        members, options = case["members"], case["options"]
        corners, scores, class_ids = library.weighted_boxes_fusion(
            [(np.array(m["corners"]) / 100).tolist() for m in members],
            [m["scores"] for m in members],
            [m["class_ids"] for m in members],
            weights=options.get("weights"),
            iou_thr=options["iou"],
            skip_box_thr=options.get("min_score", 0.0),
        )
        fused = combine(
            *(make_boxes(m["corners"], m["class_ids"], m["scores"]) for m in members), **options
        )
        assert fused.class_ids.tolist() == class_ids.astype(int).tolist()
        np.testing.assert_allclose(fused.scores, scores, atol=2e-6)
        np.testing.assert_allclose(fused.corners, corners * 100, atol=2e-3)


def test_refuses_another_number_of_weights_than_members():
    options = weighted_boxes.Options(weights=(1.0, 2.0, 3.0))
    (error,) = weighted_boxes.config_errors(options, 2, "sources.both.options")
    assert error == "sources.both.options.weights: 3 weights for 2 members"
