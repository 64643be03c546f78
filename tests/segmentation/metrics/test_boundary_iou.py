"""Boundary IoU: against the authors' program, a brute-force search, and masks by hand."""

import numpy as np
import pytest

from fusebench.datasets.fmb import CLASSES as FMB
from fusebench.errors import UserError
from fusebench.evaluation import confusion
from segmentation.metrics import boundary_iou, iou
from segmentation.metrics.boundary_iou import COLUMN_NAME, Options
from tests.helpers.metric_scores import score_sum

RNG = np.random.default_rng(0)
# (intersection, union) per class of draw_street(*size, 0) and draw_street(*size, size[1] // 80).
# Source: bowenc0221/boundary-iou-api@8006aa9, boundary_iou/utils/boundary_utils.py,
# mask_to_boundary((labels == c).astype(np.uint8), width) with OpenCV 5.0.0; & and | of the two
# masks, summed
AUTHORS_COUNTS = {
    ((60, 80), 0.02): [(587, 889), (470, 673), (203, 451), (114, 190), (0, 120)],
    ((60, 80), 0.005): [(227, 537), (192, 403), (66, 348), (40, 120), (0, 120)],
    ((60, 80), 0.1): [(2105, 2268), (1609, 1728), (455, 629), (312, 354), (0, 120)],
    ((600, 800), 0.02): [
        (57738, 85372),
        (47977, 67160),
        (17356, 41472),
        (10978, 18222),
        (5400, 17400),
    ],
    ((600, 800), 0.005): [(9291, 28307), (8717, 21833), (2165, 17615), (810, 7118), (680, 11500)],
    ((21, 300), 0.02): [(3033, 3227), (2067, 2184), (621, 822), (20, 62), (84, 210)],
    ((21, 300), 0.1): [(3181, 3349), (2067, 2184), (621, 822), (20, 62), (84, 210)],
}


def draw_street(height, width, shift):
    """Draw five classes from sines and circles, without a drawing library."""
    y, x = np.mgrid[:height, :width]
    x = x - shift
    labels = np.where(y > height * (0.55 + 0.1 * np.sin(x / (0.11 * width))), 1, 0)
    labels[(x // (width // 7) % 3 == 1) & (y > 0.35 * height) & (y < 0.8 * height)] = 2
    labels[(x - 0.6 * width) ** 2 + (y - 0.3 * height) ** 2 < (0.17 * height) ** 2] = 3
    labels[abs(x - 0.25 * width) < 0.012 * width] = 4
    return labels.astype(np.uint8)


def intersection_and_union(counts, c):
    """(intersection, union) of a class near its boundary."""
    intersection = counts[c, c]
    return intersection, counts[c].sum() + counts[:, c].sum() - intersection


@pytest.mark.parametrize(("size", "width"), AUTHORS_COUNTS)
def test_every_class_has_the_intersection_and_union_of_the_authors_program(size, width):
    truth, predicted = draw_street(*size, 0), draw_street(*size, size[1] // 80)
    counts = boundary_iou.count(truth, predicted, range(5), Options(width=width))
    assert [intersection_and_union(counts, c) for c in range(5)] == AUTHORS_COUNTS[size, width]


def search_boundary(mask, distance):
    """Pixels of a mask with a pixel outside it, or outside the image, within ``distance``."""
    boundary = np.zeros_like(mask)
    height, width = mask.shape
    for y, x in np.argwhere(mask):
        rows = range(y - distance, y + distance + 1)
        columns = range(x - distance, x + distance + 1)
        boundary[y, x] = any(
            not (0 <= i < height and 0 <= j < width) or not mask[i, j]
            for i in rows
            for j in columns
        )
    return boundary


@pytest.mark.parametrize("width", [0.02, 0.06, 0.2])
def test_agrees_with_a_brute_force_search_on_random_blocks(width):
    truth, predicted = (
        RNG.integers(0, 4, (5, 6)).repeat(5, 0).repeat(6, 1).astype(np.uint8) for _ in range(2)
    )
    counts = boundary_iou.count(truth, predicted, range(4), Options(width=width))
    distance = max(1, round(width * (25**2 + 36**2) ** 0.5))
    for c in range(4):
        true, positive = (search_boundary(labels == c, distance) for labels in (truth, predicted))
        expected = (true & positive).sum(), (true | positive).sum()
        assert intersection_and_union(counts, c) == expected


def test_a_square_shifted_by_one_pixel_by_hand():
    """Boundaries of 16 pixels, 5 x 5 outside and one thick; shifted by 1 they share 2 rows of 4."""
    truth, predicted = np.zeros((2, 20, 20), np.uint8)
    truth[5:10, 5:10] = 1
    predicted[5:10, 6:11] = 1
    counts = boundary_iou.count(truth, predicted, range(2), Options(width=0.02))
    assert intersection_and_union(counts, 1) == (8, 16 + 16 - 8)
    assert score_sum(
        iou, confusion.compute_confusion_matrix(truth, predicted, 2), ("a", "b"), iou.Options()
    ).by_class["b"] == {"IoU": 20 / 30, "accuracy": 20 / 25, "precision": 20 / 25}


def test_the_distance_is_rounded_and_at_least_one_pixel():
    assert boundary_iou.compute_distance_pixels((600, 800), 0.02) == 20
    assert boundary_iou.compute_distance_pixels((480, 640), 0.02) == 16
    assert boundary_iou.compute_distance_pixels((10, 10), 0.02) == 1


def test_the_counts_sum_to_the_confusion_matrix():
    truth, predicted = draw_street(60, 80, 0), draw_street(60, 80, 3)
    counts = boundary_iou.count(truth, predicted, range(5), Options())
    summed = counts.reshape(2, 5, 2, 5).sum(axis=(0, 2))
    np.testing.assert_array_equal(summed, confusion.compute_confusion_matrix(truth, predicted, 5))


def test_it_equals_iou_where_every_pixel_is_near_a_boundary():
    truth, predicted = draw_street(60, 80, 0), draw_street(60, 80, 3)
    counts = boundary_iou.count(truth, predicted, range(5), Options(width=1))
    scores = score_sum(boundary_iou, counts, tuple("abcde"), Options(width=1))
    expected = score_sum(
        iou, confusion.compute_confusion_matrix(truth, predicted, 5), tuple("abcde"), iou.Options()
    )
    assert scores.values[COLUMN_NAME] == expected.values["IoU"]


def test_neither_input_is_changed():
    truth, predicted = draw_street(60, 80, 0), draw_street(60, 80, 3)
    before = truth.copy(), predicted.copy()
    boundary_iou.count(truth, predicted, range(5), Options())
    np.testing.assert_array_equal(truth, before[0])
    np.testing.assert_array_equal(predicted, before[1])


def test_ignored_unlabeled_pixels_are_not_counted():
    truth = np.full((100, 100), 9, np.uint8)  # car
    truth[:, 50:] = 0
    predicted = np.full((100, 100), 9, np.uint8)
    counts = boundary_iou.count(truth, predicted, range(15), Options())
    counted = score_sum(boundary_iou, counts, FMB, Options())
    ignored = score_sum(boundary_iou, counts, FMB, Options(unlabeled="ignored"))
    true_positives = 2 * 3 * 50 + 3 * 94  # at the top, bottom and left edge, 3 pixels wide
    false_negatives = 3 * 94  # the side of the true car towards the unlabeled pixels
    false_positives = true_positives  # the unlabeled half of the image
    union = true_positives + false_negatives
    assert counted.by_class["car"][COLUMN_NAME] == true_positives / (union + false_positives)
    assert ignored.by_class["car"][COLUMN_NAME] == true_positives / union


def test_pixels_of_255_are_ignored_and_bound_a_class():
    truth = np.zeros((40, 40), np.uint8)
    truth[:, 20:] = 255
    counts = boundary_iou.count(truth, np.zeros((40, 40), np.uint8), range(2), Options())
    assert counts.sum() == 40 * 20
    assert counts[0].sum() == 40 * 20 - 38 * 18


def test_counting_refuses_other_shapes_and_unknown_ids():
    labels = draw_street(60, 80, 0)
    with pytest.raises(ValueError, match="truth is"):
        boundary_iou.count(labels, labels[:1], range(5), Options())
    with pytest.raises(ValueError, match="class id 4 with only 4"):
        boundary_iou.count(labels, labels, range(4), Options())


def test_its_mean_is_given_under_the_same_conventions_as_iou():
    counts = np.zeros((30, 30), np.int64)
    counts[1, 1] = counts[7, 22] = (
        10  # road: correct; sky near its boundary: predicted as sky inside
    )
    scores = score_sum(boundary_iou, counts, FMB, Options())
    assert scores.by_class["road"][COLUMN_NAME] == 1.0
    assert scores.by_class["sky"][COLUMN_NAME] == 0.0
    assert scores.values[COLUMN_NAME] == 1 / 2
    assert scores.by_convention["dmfuse8, zero"] == {COLUMN_NAME: 1 / 8}
    assert scores.by_convention["segmif8, skip"] == {COLUMN_NAME: None}


def test_the_protocol_names_the_width_and_the_class_set():
    facts = boundary_iou.protocol(FMB, Options())
    assert facts["boundary"] == "within 2 % of the image's diagonal, pixels added over images"
    assert facts["class set"] == "all14 (14 of 15 classes)"
    with pytest.raises(UserError, match="all15 scores 'unlabelled'"):
        boundary_iou.protocol(FMB, Options(classes="all15", unlabeled="ignored"))
