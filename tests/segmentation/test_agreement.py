"""Predictions that contradict the truth everywhere have a caution in the protocol."""

import numpy as np
import pytest

from segmentation.agreement import find_cautions

CLASSES = ("unlabelled", "road", "car", "sky", "pole")


def confuse(pairs):
    """A confusion matrix with ten pixels for each (true, predicted) class id."""
    matrix = np.zeros((5, 5), np.int64)
    for truth, predicted in pairs:
        matrix[truth, predicted] += 10
    return matrix


@pytest.mark.parametrize(("shift", "direction"), [(-1, "lower"), (1, "higher")])
def test_ids_shifted_by_one_are_named(shift, direction):
    """Three of four labeled classes are predicted as a neighbor: 30 of 40 pixels, 75 %."""
    pairs = [(i, i + shift) for i in (1, 2, 3)] + [(4, 0), (0, 0), (0, 0)]
    (text,) = find_cautions(confuse(pairs), CLASSES).values()
    assert text.startswith(
        f"75% of the labeled pixels are predicted as the class whose id is one {direction}, 0% as"
    )


def test_no_right_pixel_is_named():
    cautions = find_cautions(confuse([(1, 3), (2, 0), (0, 0)]), CLASSES)
    assert cautions == {"caution: ids": "no labeled pixel is predicted as its class"}


def test_labels_that_are_all_unlabeled_are_named():
    (name,) = find_cautions(confuse([(0, 0), (0, 3)]), CLASSES)
    assert name == "caution: labels"


@pytest.mark.parametrize(
    "pairs",
    [
        [(i, i) for i in range(5)],
        [(1, 1), (2, 1), (3, 1), (4, 1)],  # one class everywhere
        [(1, 0), (2, 2), (3, 3)],  # one class only looks shifted
    ],
)
def test_ordinary_predictions_have_no_caution(pairs):
    assert find_cautions(confuse(pairs), CLASSES) == {}


def test_a_single_labeled_class_is_named():
    assert find_cautions(confuse([(1, 1), (0, 0), (1, 2)]), CLASSES) == {
        "caution: labels": "only road has labeled pixels"
    }
    matrix = np.array([[5, 0], [0, 5]])
    assert find_cautions(matrix, ("unlabelled", "road")) == {}
