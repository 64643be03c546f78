"""Matches and weighted average precision against pycocotools itself."""

import numpy as np
import pytest

from detection import coco_matching
from fusebench.data.boxes import make_boxes
from fusebench.evaluation import average_precision, match_table, weighted_curve
from tests.helpers.random_boxes import (
    CLASSES,
    compute_pycocotools_ap,
    make_random_boxes,
    mark_ignored,
    repeat_images,
)

SEEDS = range(200)


def compute_weighted_ap(truth, predicted, weights):
    """AP from the table, (resamples, 10, classes, areas, most)."""
    by_class = match_classes(truth, predicted, CLASSES)
    return np.stack(
        [
            np.stack(
                [
                    np.stack(
                        [
                            average_precision.weighted_average_precision(
                                part, weights, area=area, max_detections=most
                            )
                            for most in (100, 300)
                        ],
                        axis=-1,
                    )
                    for area in range(4)
                ],
                axis=-2,
            )
            for part in by_class
        ],
        axis=2,
    )


def match_classes(truth, predicted, classes):
    """The matches of every class."""
    counts = coco_matching.match_images(truth, predicted, classes)
    return [match_table.select_class(counts, class_id) for class_id in range(len(classes))]


@pytest.mark.parametrize("seed", SEEDS)
def test_every_ap_equals_pycocotools_with_weights_of_one_and_on_repeated_images(seed):
    truth, predicted = make_random_boxes(seed)
    times = np.random.default_rng(seed).multinomial(7, np.full(7, 1 / 7))
    weighted = compute_weighted_ap(truth, predicted, np.stack([np.ones(7), times]))
    for computed, repeats in zip(weighted, (np.ones(7, int), times), strict=True):
        expected = compute_pycocotools_ap(
            repeat_images(truth, repeats), repeat_images(predicted, repeats)
        )
        np.testing.assert_allclose(computed, expected, rtol=0, atol=1e-12)


@pytest.mark.parametrize("seed", range(60))
def test_every_ap_equals_pycocotools_with_crowds_as_ignored_boxes(seed):
    truth, predicted = make_random_boxes(seed)
    truth = mark_ignored(truth, seed)
    times = np.random.default_rng(seed).multinomial(7, np.full(7, 1 / 7))
    weighted = compute_weighted_ap(truth, predicted, np.stack([np.ones(7), times]))
    for computed, repeats in zip(weighted, (np.ones(7, int), times), strict=True):
        expected = compute_pycocotools_ap(
            repeat_images(truth, repeats), repeat_images(predicted, repeats)
        )
        np.testing.assert_allclose(computed, expected, rtol=0, atol=1e-12)


def test_ignored_boxes_are_often_hit_in_the_draws():
    hits = 0
    for seed in range(60):
        truth, predicted = make_random_boxes(seed)
        parts = match_classes(mark_ignored(truth, seed), predicted, CLASSES)
        hits += sum(int(part.ignored[0, 0].sum()) for part in parts)
    assert hits > 200


def test_the_draws_hold_what_they_are_for():
    every = [make_random_boxes(seed) for seed in SEEDS]
    parts = [part for pair in every for part in match_classes(*pair, CLASSES)]
    assert any(len(part.scores) == 0 for part in parts)
    assert any(part.truth_counts[0].sum() == 0 and len(part.scores) for part in parts)
    assert any(part.ranks.max(initial=0) >= 100 for part in parts)
    assert any(part.ignored.any() for part in parts)
    assert any(len(truth["03"]) == 0 and len(predicted["03"]) for truth, predicted in every)
    assert sum((np.diff(part.scores) == 0).any() for part in parts) > 100


def test_recalls_reached_are_counted_as_a_search_among_all_101_counts_them():
    recalls = average_precision.RECALL_THRESHOLDS
    noise = np.random.default_rng(0)
    whole = noise.integers(1, 2000, (300, 300))
    every = np.concatenate(
        [
            *(np.nextafter(recalls, to) for to in (-1, 0.5, 2)),
            recalls,
            (noise.integers(0, 2000, whole.shape).clip(0, whole) / whole).ravel(),
            noise.random(10_000),
        ]
    ).clip(0, 1)[:, None]
    spare = np.empty((2, len(every), 1))
    np.testing.assert_array_equal(recalls, 0.01 * np.arange(101))
    np.testing.assert_array_equal(
        average_precision._count_reached_recalls(every, spare),
        recalls.searchsorted(every, side="right"),
    )


def test_few_weightings_and_many_have_the_same_ap():
    truth, predicted = make_random_boxes(3)
    weights = np.random.default_rng(0).gamma(1, 1, (weighted_curve.MIN_ROWWISE_WEIGHTINGS, 7))
    np.testing.assert_allclose(
        compute_weighted_ap(truth, predicted, weights)[:9],
        compute_weighted_ap(truth, predicted, weights[:9]),
        rtol=0,
        atol=1e-12,
    )


def test_half_the_weight_everywhere_changes_nothing():
    truth, predicted = make_random_boxes(1)
    one, half = compute_weighted_ap(truth, predicted, np.stack([np.ones(7), np.full(7, 0.5)]))
    np.testing.assert_allclose(one, half, atol=1e-12)


def test_a_class_without_weight_on_its_true_boxes_is_undefined():
    truth = {"0": make_boxes([[0, 0, 9, 9]], [0]), "1": make_boxes([], [])}
    predicted = {
        "0": make_boxes([[0, 0, 9, 9]], [0], [0.5]),
        "1": make_boxes([[0, 0, 9, 9]], [0], [0.9]),
    }
    part = match_classes(truth, predicted, ("a",))[0]
    # alone 1; with the false alarm that is surer, precision is 1 / 2 at every recall
    weights = np.array([[1.0, 0.0], [1.0, 1.0], [1.0, 3.0], [0.0, 1.0]])
    got = average_precision.weighted_average_precision(part, weights)[:, 0]
    assert got[:3] == pytest.approx([1.0, 0.5, 0.25])
    assert np.isnan(got[3])


def test_some_images_alone_score_as_if_the_others_were_not_there():
    truth, predicted = make_random_boxes(5)
    chosen = [0, 2, 6]
    keys = [sorted(truth)[i] for i in chosen]
    counts = coco_matching.match_images(truth, predicted, CLASSES).select(np.array(chosen))
    expected = compute_pycocotools_ap({k: truth[k] for k in keys}, {k: predicted[k] for k in keys})
    for index in range(len(CLASSES)):
        part = match_table.select_class(counts, index)
        got = average_precision.unweighted_average_precision(part)
        np.testing.assert_allclose(got, expected[:, index, 0, 0], atol=1e-12)


def test_weights_that_do_not_fit_are_refused():
    part = match_classes(*make_random_boxes(5), CLASSES)[0]
    for wrong in (np.ones((2, 6)), np.ones(7), -np.ones((1, 7))):
        with pytest.raises(ValueError, match="for 7 images"):
            average_precision.weighted_average_precision(part, wrong)
