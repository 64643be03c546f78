"""Miss rates on resamples, by hand and on images that are repeated."""

import numpy as np
import pytest

from detection import coco_matching
from fusebench.data.boxes import make_boxes
from fusebench.evaluation import match_table, miss_rate
from tests.helpers.random_boxes import CLASSES, make_random_boxes, mark_ignored, repeat_images

LEFT, RIGHT, FAR = (0, 0, 10, 10), (20, 0, 30, 10), (80, 80, 90, 90)


def match_one_class(truth, predicted, classes=("a",), class_id=0):
    counts = coco_matching.match_images(truth, predicted, classes)
    return match_table.select_class(counts, class_id)


def compute_rates(truth, predicted, weights=None):
    number = len(truth)
    weights = np.ones((1, number)) if weights is None else np.asarray(weights, float)
    return miss_rate.compute_miss_rates(match_one_class(truth, predicted), weights)


def test_the_nine_points_are_a_quarter_of_a_decade_apart():
    expected = [0.01, 0.01778, 0.03162, 0.05623, 0.1, 0.17783, 0.31623, 0.56234, 1]
    np.testing.assert_allclose(miss_rate.FALSE_POSITIVES_PER_IMAGE, expected, rtol=1e-3)
    # exactly: 1 false positive in 100, in 10 images and in each
    assert miss_rate.FALSE_POSITIVES_PER_IMAGE[[0, 4, 8]].tolist() == [0.01, 0.1, 1.0]


def test_miss_rates_of_ten_images_by_hand():
    # ranking: true, false, true, false, false; 4 true boxes in 10 images
    truth = {str(i): make_boxes([], []) for i in range(10)}
    truth["0"] = make_boxes([LEFT, RIGHT], [0, 0])
    truth["1"] = make_boxes([LEFT, RIGHT], [0, 0])
    predicted = {str(i): make_boxes([], []) for i in range(10)}
    predicted["0"] = make_boxes([LEFT, FAR, RIGHT], [0, 0, 0], [0.9, 0.8, 0.7])
    predicted["5"] = make_boxes([LEFT, RIGHT], [0, 0], [0.6, 0.5])
    # up to .0562 per image no false positive is allowed, from .1 on one, which includes the second
    # true positive; the curve ends with .3, so that the last value holds up to 1
    rates = compute_rates(truth, predicted)[0]
    assert rates.tolist() == [0.75] * 4 + [0.5] * 5
    lamr = miss_rate.log_average_miss_rate(match_one_class(truth, predicted), np.ones((1, 10)))
    assert lamr[0] == pytest.approx((0.75**4 * 0.5**5) ** (1 / 9))


def test_the_miss_rate_is_1_where_even_the_first_false_positive_is_too_many():
    truth = {"0": make_boxes([LEFT], [0]), "1": make_boxes([], [])}
    predicted = {
        "0": make_boxes([FAR, LEFT], [0, 0], [0.9, 0.8]),
        "1": make_boxes([], []),
    }
    # half a false positive per image before the only true positive
    assert compute_rates(truth, predicted)[0].tolist() == [1.0] * 7 + [0.0] * 2


def test_a_miss_rate_of_0_counts_as_1e_10():
    truth = {"0": make_boxes([LEFT], [0])}
    perfect = {"0": make_boxes([LEFT], [0], [0.9])}
    matches = match_one_class(truth, perfect)
    lamr = miss_rate.log_average_miss_rate(matches, np.ones((1, 1)))
    assert lamr[0] == pytest.approx(1e-10, rel=1e-9)


def test_without_predictions_all_is_missed_and_without_truth_nothing_is_defined():
    empty, some = {"0": make_boxes([], [])}, {"0": make_boxes([LEFT], [0], [0.9])}
    matches = match_one_class({"0": make_boxes([LEFT], [0])}, empty)
    assert miss_rate.log_average_miss_rate(matches, np.ones((1, 1))) == [1.0]
    for predicted in (empty, some):
        matches = match_one_class(empty, predicted)
        assert np.isnan(miss_rate.log_average_miss_rate(matches, np.ones((1, 1)))).all()


def test_false_positives_are_per_image_of_the_weighting():
    truth = {"0": make_boxes([LEFT], [0]), "1": make_boxes([], [])}
    predicted = {"0": make_boxes([LEFT], [0], [0.5]), "1": make_boxes([FAR], [0], [0.9])}
    rates = compute_rates(truth, predicted, [[1, 1], [1, 0], [1, 3], [9, 1], [0, 1]])
    # the false positive comes first: 1/2 per image, none, 3/4, 1/10, and no true box
    for row, missed in ((0, 7), (1, 0), (2, 8), (3, 4)):
        assert rates[row].tolist() == [1.0] * missed + [0.0] * (9 - missed)
    assert np.isnan(rates[4]).all()


def read_repeated_curve(truth, predicted, class_id):
    """The rates on repeated images, prediction after prediction, by the rules of the toolbox."""
    matches = match_one_class(truth, predicted, CLASSES, class_id)
    true_count = int(matches.truth_counts[0].sum())
    curve = [(0.0, 0)]
    for is_true, is_ignored in zip(
        matches.true_positives[0, 0], matches.ignored[0, 0], strict=True
    ):
        false_count, hits = curve[-1]
        curve.append((false_count + (not is_true and not is_ignored), hits + bool(is_true)))
    rates = []
    for point in (10.0 ** (exponent / 4) for exponent in range(-8, 1)):
        reached = [hits for false_count, hits in curve if false_count / len(truth) <= point]
        rates.append(1 - reached[-1] / true_count if true_count else np.nan)
    return rates


@pytest.mark.parametrize("seed", range(40))
def test_rates_with_weights_are_those_of_repeated_images(seed):
    truth, predicted = make_random_boxes(seed)
    truth = mark_ignored(truth, seed) if seed % 2 else truth
    times = np.random.default_rng(seed).multinomial(7, np.full(7, 1 / 7), 3)
    for class_id in range(len(CLASSES)):
        matches = match_one_class(truth, predicted, CLASSES, class_id)
        weights = np.concatenate([np.ones((1, 7)), times])
        rates = miss_rate.compute_miss_rates(matches, weights)
        for row, repeats in zip(rates, weights.astype(int), strict=True):
            expected = read_repeated_curve(
                repeat_images(truth, repeats), repeat_images(predicted, repeats), class_id
            )
            np.testing.assert_allclose(row, expected, rtol=0, atol=1e-12)


def test_weights_that_do_not_fit_are_refused():
    matches = match_one_class({"0": make_boxes([LEFT], [0])}, {"0": make_boxes([], [])})
    for wrong in (np.ones((2, 2)), np.ones(1), -np.ones((1, 1))):
        with pytest.raises(ValueError, match="for 1 images"):
            miss_rate.log_average_miss_rate(matches, wrong)
