"""Correlations, means and adjustments over sequences, against SciPy and by simulation."""

import math
from dataclasses import astuple

import numpy as np
import pytest
from scipy import stats

from reports.statistics import clustered_correlation, clustered_mean, false_discovery
from reports.statistics.clustered_correlation import estimate_correlation

RNG = np.random.default_rng(0)


def test_rho_is_that_of_scipy_with_ties():
    x, y = RNG.integers(0, 5, 60).astype(float), RNG.normal(size=60)
    estimate = estimate_correlation(x, y, np.arange(60))
    assert estimate.rho == pytest.approx(stats.spearmanr(x, y).statistic)
    assert estimate.low < estimate.rho < estimate.high
    assert (estimate.image_count, estimate.unit_count) == (60, 60)


def test_the_interval_is_a_jackknife_that_leaves_out_whole_sequences():
    x, y = RNG.normal(size=24), RNG.normal(size=24)
    units = np.repeat(np.arange(8), 3)
    z = math.atanh(stats.spearmanr(x, y).statistic)
    left_out = np.array(
        [math.atanh(stats.spearmanr(x[units != g], y[units != g]).statistic) for g in range(8)]
    )
    error = math.sqrt(7 / 8 * ((left_out - z) ** 2).sum())
    estimate = estimate_correlation(x, y, units)
    assert estimate.p_value == pytest.approx(2 * stats.t.sf(abs(z) / error, 7))
    assert estimate.low == pytest.approx(math.tanh(z - stats.t.ppf(0.975, 7) * error))
    assert estimate.high == pytest.approx(math.tanh(z + stats.t.ppf(0.975, 7) * error))


def test_names_of_units_do_not_matter():
    x, y = RNG.normal(size=30), RNG.normal(size=30)
    units = np.repeat(np.arange(6), 5)
    estimate, renamed = (estimate_correlation(x, y, names) for names in (units, 100 - 7 * units))
    assert astuple(renamed) == pytest.approx(astuple(estimate), rel=1e-12)  # sums in other orders


def test_what_is_undefined_has_no_interval():
    x = np.arange(12.0)
    assert estimate_correlation(x, np.ones(12), np.arange(12)) is None
    few = estimate_correlation(x, x[::-1] ** 2, np.repeat(np.arange(4), 3))
    assert (few.rho, few.low, few.p_value) == (-1.0, None, None)
    # all variation of y is in the first unit
    single = estimate_correlation(x, np.array([1.0, 0.0] + [0.0] * 10), np.repeat(range(6), 2))
    assert single.low is None


def test_more_than_200_images_are_left_out_in_groups():
    x = RNG.normal(size=450)
    y = x + RNG.normal(size=450)
    estimate = estimate_correlation(x, y, np.arange(450))
    assert estimate.unit_count == 450
    expected = stats.spearmanr(x, y).statistic
    assert estimate.high - estimate.low == pytest.approx(
        2 * 1.96 * math.sqrt((1 + expected**2 / 2) / 447) * (1 - expected**2), rel=0.25
    )


def test_a_mean_of_equal_sequences_has_the_interval_of_their_means():
    values = RNG.normal(1, 1, 30)
    units = np.repeat(np.arange(10), 3)
    estimate = clustered_mean.estimate_mean(values, units)
    expected = stats.ttest_1samp(values.reshape(10, 3).mean(axis=1), 0)
    assert estimate.p_value == pytest.approx(expected.pvalue)
    assert (estimate.low, estimate.high) == pytest.approx(expected.confidence_interval(0.95))


def test_a_mean_of_few_sequences_has_no_interval():
    estimate = clustered_mean.estimate_mean(np.arange(8.0), np.repeat(np.arange(4), 2))
    assert (estimate.mean, estimate.low, estimate.p_value) == (3.5, None, None)
    assert clustered_mean.estimate_mean(np.zeros(0), np.zeros(0, int)) is None
    equal = clustered_mean.estimate_mean(np.ones(12), np.arange(12))
    assert (equal.low, equal.high, equal.p_value) == (1.0, 1.0, None)


def test_the_false_discovery_rate_is_that_of_scipy():
    p_values = RNG.uniform(0, 0.3, 27)
    expected = stats.false_discovery_control(p_values, method="by")
    assert false_discovery.adjust_p_values(p_values) == pytest.approx(expected)
    assert false_discovery.adjust_p_values([]) == []


def draw_clustered_normal(rng, sizes, shares, correlation):
    """Two variables with these shares of their variance between sequences, and the true rho."""
    units = np.repeat(np.arange(len(sizes)), sizes)

    def draw_pair(count):
        first, other = rng.standard_normal((2, count))
        return first, correlation * first + math.sqrt(1 - correlation**2) * other

    (x_between, y_between), (x, y) = draw_pair(len(sizes)), draw_pair(len(units))
    first, second = shares
    x = math.sqrt(first) * x_between[units] + math.sqrt(1 - first) * x
    y = math.sqrt(second) * y_between[units] + math.sqrt(1 - second) * y
    total = correlation * (math.sqrt(first * second) + math.sqrt((1 - first) * (1 - second)))
    return x, y, units, 6 / math.pi * math.asin(total / 2)


@pytest.mark.parametrize("correlation", [0.0, 0.6])
def test_the_interval_covers_the_truth_only_if_sequences_are_left_out(correlation):
    covered = {"sequences": [], "images": []}
    for trial in range(60):
        rng = np.random.default_rng((7, trial))
        x, y, units, truth = draw_clustered_normal(rng, [6] * 20, (0.9, 0.6), correlation)
        for name, chosen in (("sequences", units), ("images", np.arange(len(x)))):
            estimate = estimate_correlation(x, y, chosen)
            covered[name].append(estimate.low <= truth <= estimate.high)
    assert np.mean(covered["sequences"]) > 0.88
    assert np.mean(covered["images"]) < 0.85
    assert clustered_correlation.MIN_UNITS == 5
