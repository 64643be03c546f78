"""Checks of predicted boxes against their images, and the facts that a reader has to know."""

from pathlib import Path

import numpy as np
import pytest

from detection import prediction_checks
from fusebench.data.boxes import make_boxes
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError

SIZE = (96, 64)


def make_split(count=1):
    pairs = tuple(Pair(f"{i}", Path("a"), Path("b"), SIZE) for i in range(count))
    return Split("toy", "test", ("Car",), pairs)


def make_predictions(corners, scores=None):
    if scores is None:
        scores = np.linspace(0.1, 0.9, len(corners))
    return {"0": make_boxes(corners, [0] * len(corners), scores)}


def to_corners(rows):
    """Read left, top, width, height as COCO does."""
    return [[left, top, left + width, top + height] for left, top, width, height in rows]


def check(corners):
    prediction_checks.check_box_format("boxes.json", make_predictions(corners), make_split())


def describe(corners, scores=None):
    return prediction_checks.describe_predictions(make_predictions(corners, scores), make_split())


RIGHT_BOTTOM = [[10, 8, 40, 30], [50, 20, 90, 60], [70, 30, 95, 62], [5, 40, 30, 63]]


def test_right_and_bottom_in_place_of_width_and_height_are_refused():
    with pytest.raises(UserError, match=r"boxes\.json: the boxes look like left, top, right") as e:
        check(to_corners(RIGHT_BOTTOM))
    assert "so all 4 lie in their image" in str(e.value)
    assert "3 reach beyond the edge" in str(e.value)


def test_the_same_boxes_with_width_and_height_are_accepted():
    check(RIGHT_BOTTOM)


def test_one_box_beyond_the_edge_among_many_that_fit_as_right_and_bottom_is_refused():
    small = [[2, 3, 10 + i, 12 + i] for i in range(9)]
    check(to_corners(small))
    with pytest.raises(UserError, match="all 10 lie in their image"):
        check(to_corners([*small, [50, 20, 90, 60]]))


def test_a_few_unclipped_boxes_are_accepted():
    check([[-12, 5, 20, 30], [80, 40, 108, 76], [40, 20, 60, 30], [10, 10, 20, 20]])


def test_many_boxes_outside_are_refused_as_boxes_of_another_image_size():
    with pytest.raises(UserError, match=r"boxes\.json: 0: a box from \(200, 10\).*96x64 pixels"):
        check([[200, 10, 220, 20], [40, 20, 60, 30]])
    check([[200, 10, 220, 20], *[[i, 20, 60, 30] for i in range(9)]])


@pytest.mark.parametrize("scale", [1, 2])
def test_fractions_of_the_image_are_refused(scale):
    with pytest.raises(UserError, match="look like fractions of the image; expected pixels"):
        check([[0.1, 0.2, 0.5 * scale, 0.9], [0.4, 0.1, 0.9 * scale, 1.0]])


NAME = "boxes beyond the edge"


def test_no_boxes_are_accepted():
    check([])
    assert describe([]) == {NAME: "0 of 0 predicted boxes, scored as they are, as in pycocotools"}


def test_boxes_in_the_image_with_different_scores_need_no_caution():
    facts = describe([[0, 0, 96.9, 64], [1, 2, 3, 4]])
    assert facts == {NAME: "0 of 2 predicted boxes, scored as they are, as in pycocotools"}


def test_boxes_beyond_the_edge_are_a_fact_and_a_caution_if_there_are_many():
    beyond = [[-12, 5, 20, 30], [80, 5, 98.5, 30]]
    inside = [[1, 2, 3 + i, 4] for i in range(18)]
    text = "2 of 20 predicted boxes"
    assert describe(beyond + inside) == {NAME: f"{text}, scored as they are, as in pycocotools"}
    facts = describe(beyond + inside[:17])
    assert list(facts) == [NAME, f"caution: {NAME}"]


def test_equal_scores_are_a_caution():
    corners = [[1, 2, 3, 4], [5, 6, 7, 8]]
    text = "all 2 predicted boxes have the score 0.9, so their order in the ranking is arbitrary"
    assert describe(corners, [0.9, 0.9])["caution: scores"] == text
    assert "caution: scores" not in describe(corners[:1], [0.9])


TRUE_BOXES = [[40, 30, 60, 50], [50, 20, 90, 60], [70, 4, 94, 16], [5, 30, 30, 53]]


def describe_against_truth(rows):
    """Facts on boxes whose four numbers in the file are ``rows``."""
    pair = Pair("0", Path("a"), Path("b"), SIZE, make_boxes(TRUE_BOXES, [0] * 4))
    split = Split("toy", "test", ("Car",), (pair,))
    return prediction_checks.describe_predictions(make_predictions(to_corners(rows)), split)


@pytest.mark.parametrize(
    ("convert", "reading"),
    [
        (
            lambda left, top, right, bottom: (
                (left + right) / 2,
                (top + bottom) / 2,
                right - left,
                bottom - top,
            ),
            "center x, center y, width, height",
        ),
        (
            lambda left, top, right, bottom: (top, left, bottom - top, right - left),
            "top, left, height, width",
        ),
        (
            lambda left, top, right, bottom: (left, top, right, bottom),
            "left, top, right, bottom",
        ),
    ],
)
def test_boxes_that_fit_the_true_ones_in_another_format_are_a_caution(convert, reading):
    facts = describe_against_truth([convert(*corners) for corners in TRUE_BOXES])
    assert facts["caution: box format"].endswith(
        f"of 4 true boxes; as {reading}, 4. COCO format is the former"
    )


def test_boxes_in_coco_format_are_no_caution():
    rows = [(left, top, right - left, bottom - top) for left, top, right, bottom in TRUE_BOXES]
    assert "caution: box format" not in describe_against_truth(rows)
    far = [(left, top + 30, 4, 4) for left, top, _, _ in TRUE_BOXES]
    assert "caution: box format" not in describe_against_truth(far)
