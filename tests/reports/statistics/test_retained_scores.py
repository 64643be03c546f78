"""Retained scores: ratios of paired samples and their means."""

import numpy as np
import pytest

from reports.statistics.confidence_intervals import (
    ScoreSample,
    estimate_mean,
    estimate_score,
)
from reports.statistics.retained_scores import average_samples, divide_samples


def make_sample(seed_scores, bootstrap_scores, units=10):
    return ScoreSample(
        np.array(seed_scores, float), np.array(bootstrap_scores, float), np.full(units, 1 / units)
    )


def test_ratios_are_formed_per_seed_and_per_resample():
    clean = make_sample([0.5, 0.8], [[0.4, 0.5], [0.8, 1.0]])
    corrupted = make_sample([0.25, 0.6], [[0.1, 0.5], [0.2, 0.5]])
    ratio = divide_samples(corrupted, clean)
    np.testing.assert_allclose(ratio.seed_scores, [0.5, 0.75])
    np.testing.assert_allclose(ratio.bootstrap_scores, [[0.25, 1], [0.25, 0.5]])


def test_a_clean_score_of_0_leaves_the_ratio_undefined_and_not_infinite():
    ratio = divide_samples(make_sample([0.5], [[0.5, 0.5]]), make_sample([0.0], [[0.0, 0.5]]))
    assert np.isnan(ratio.seed_scores).all()
    assert np.isnan(ratio.bootstrap_scores[0, 0])
    assert not ratio.is_defined


def test_samples_of_other_seeds_cannot_be_divided():
    with pytest.raises(ValueError, match="1 and 2 seeds"):
        divide_samples(make_sample([1], [[1]]), make_sample([1, 1], [[1], [1]]))


def test_a_mean_of_samples_is_the_mean_of_each_number():
    mean = average_samples([make_sample([1], [[1, 2]]), make_sample([2], [[3, 6]])])
    assert mean.seed_scores.tolist() == [1.5]
    assert mean.bootstrap_scores.tolist() == [[2, 4]]
    with pytest.raises(ValueError, match="no samples"):
        average_samples([])


def test_what_goes_up_and_down_with_the_clean_score_has_no_variance_as_a_ratio():
    rng = np.random.default_rng(0)
    clean = make_sample([0.6], rng.normal(0.6, 0.05, (1, 1000)))
    corrupted = make_sample([0.3], clean.bootstrap_scores / 2)
    estimate = estimate_mean(divide_samples(corrupted, clean))
    assert (estimate.low, estimate.value, estimate.high) == pytest.approx((0.5, 0.5, 0.5))


def test_the_interval_of_a_ratio_may_exceed_1_and_that_of_a_score_may_not():
    rng = np.random.default_rng(0)
    sample = make_sample([0.98], rng.normal(0.98, 0.05, (1, 1000)))
    assert estimate_mean(sample).high > 1
    assert estimate_score(sample).high == 1
