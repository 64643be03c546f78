"""Confidence intervals, tests and Holm's adjustment against hand calculation and SciPy."""

import numpy as np
import pytest
from scipy import stats

from fusebench.evaluation import bootstrap
from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import ScoreSample

EQUAL_SHARES = np.full(4, 0.25)


def make_sample(seed_scores, bootstrap_scores, shares=EQUAL_SHARES):
    return ScoreSample(
        np.array(seed_scores, float), np.array(bootstrap_scores, float), np.array(shares, float)
    )


def make_sample_of_groups(values):
    """Make the sample of a score that is a mean over equal groups, with its resamples."""
    values = np.atleast_2d(values)
    count = values.shape[1]
    resamples = bootstrap.resample_units([f"{group:03}" for group in range(count)], 20_000)
    bootstrap_scores = values @ resamples.unit_counts.T / count
    return make_sample(values.mean(axis=1), bootstrap_scores, np.full(count, 1 / count))


def test_one_seed_of_four_equal_units_by_hand():
    # variance 0.005 of the two resamples; x 4 / 3 = 0.081650^2, f = 3, t = 3.182446
    estimate = confidence_intervals.estimate_score(make_sample([0.5], [[0.45, 0.55]]))
    assert estimate.image_variance == pytest.approx(0.005 * 4 / 3)
    assert estimate.degrees_of_freedom == pytest.approx(3)
    assert estimate.seed_variance is None
    assert (estimate.low, estimate.high) == pytest.approx((0.240153, 0.759847), abs=1e-5)


def test_the_interval_of_a_score_is_cut_to_0_and_1_and_that_of_a_difference_is_not():
    wide = make_sample([0.5], [[0.0, 1.0]])
    estimate = confidence_intervals.estimate_score(wide)
    assert (estimate.low, estimate.high) == (0.0, 1.0)
    constant = make_sample([0.5], [[0.5, 0.5]])
    assert confidence_intervals.estimate_difference(wide, constant).low < -1


def test_a_paired_difference_of_group_means_is_the_paired_t_test():
    rng = np.random.default_rng(3)
    first = rng.normal(0.5, 0.2, 12)
    second = first + rng.normal(0.05, 0.05, 12)
    estimate = confidence_intervals.estimate_difference(
        make_sample_of_groups(first), make_sample_of_groups(second)
    )
    expected = stats.ttest_rel(first, second)
    interval = expected.confidence_interval(0.95)
    assert estimate.degrees_of_freedom == pytest.approx(11)
    assert estimate.p_value == pytest.approx(expected.pvalue, rel=0.1)
    assert estimate.low == pytest.approx(interval.low, abs=1e-3)
    assert estimate.high == pytest.approx(interval.high, abs=1e-3)


def test_where_only_the_seeds_vary_it_is_students_two_sample_t_test():
    first, second = [0.50, 0.52, 0.54], [0.60, 0.61, 0.65, 0.58]
    estimate = confidence_intervals.estimate_difference(
        make_sample(first, np.full((3, 5), 0.5)), make_sample(second, np.full((4, 5), 0.5))
    )
    expected = stats.ttest_ind(first, second, equal_var=True)
    assert estimate.p_value == pytest.approx(expected.pvalue, rel=1e-9)
    assert estimate.degrees_of_freedom == pytest.approx(5)
    assert estimate.low == pytest.approx(expected.confidence_interval(0.95).low, rel=1e-9)


def test_the_interaction_of_seeds_and_images_is_not_counted_twice():
    # Two seeds, opposite on both resamples: deviations +-0.1, variance 0.02 each, x 2 / (2 - 1)
    # x 4 / 3 / 2 seeds = 0.02667, more than s^2 / 2 = 0.0001: nothing is left for the seeds.
    opposite = make_sample([0.49, 0.51], [[0.4, 0.6], [0.6, 0.4]])
    estimate = confidence_intervals.estimate_score(opposite)
    assert (estimate.interaction_variance, estimate.seed_variance) == (0.0, 0.0)
    # Means 0.5, 0.6 over the resamples; deviations from the mean over seeds 0 and +-0.1
    estimate = confidence_intervals.estimate_score(
        make_sample([0.45, 0.65], [[0.5, 0.7], [0.5, 0.5]])
    )
    assert estimate.image_variance == pytest.approx(0.005 * 4 / 3)
    assert estimate.interaction_variance == pytest.approx(0.005 * 2 * 4 / 3 / 2)
    assert estimate.seed_variance == pytest.approx(0.02 / 2 - estimate.interaction_variance)
    # f = V^2 / (V_images^2 / 3 + (s^2 / 2)^2 / 1)
    variance = estimate.image_variance + estimate.seed_variance
    assert estimate.degrees_of_freedom == pytest.approx(
        variance**2 / (estimate.image_variance**2 / 3 + 0.01**2)
    )


def test_unequal_units_have_a_larger_correction_and_fewer_degrees_of_freedom():
    # sum w^2 = 0.49 + 3 x 0.01 = 0.52, w^3 = 0.343 + 0.003, w^4 = 0.2401 + 0.0003
    unequal = np.array([0.7, 0.1, 0.1, 0.1])
    assert confidence_intervals.compute_cluster_correction(unequal) == (
        pytest.approx(1 / (1 - 2 * 0.346 / 0.52 + 0.52)),
        pytest.approx(0.52**2 / 0.2404 - 1),
    )
    assert confidence_intervals.compute_cluster_correction(EQUAL_SHARES) == (
        pytest.approx(4 / 3),
        pytest.approx(3),
    )


def test_the_seed_variance_of_a_score_is_pooled_over_all_sources():
    constant = [[0.5, 0.5]] * 3
    equal, unequal = make_sample([0.5] * 3, constant), make_sample([0.4, 0.5, 0.6], constant)
    # alone s^2 = 0; pooled (0 + 0.02) / 4, with 4 degrees of freedom
    assert confidence_intervals.estimate_score(equal).seed_variance == 0.0
    estimate = confidence_intervals.estimate_score(equal, [unequal])
    assert estimate.seed_variance == pytest.approx(0.005 / 3)
    assert estimate.degrees_of_freedom == pytest.approx(4)


@pytest.mark.parametrize(
    "insufficient",
    [
        make_sample([np.nan], [[0.4, 0.6]]),
        make_sample([0.5], [[np.nan, np.nan, 0.4]]),
        make_sample([0.5], [[0.4, 0.6]], [1.0, 0.0]),
        make_sample([0.5], [[0.4, 0.6]], [0.0, 0.0]),
    ],
)
def test_too_little_data_has_no_estimate(insufficient):
    assert confidence_intervals.estimate_score(insufficient) is None
    sufficient = make_sample([0.5], [[0.4] * insufficient.bootstrap_scores.shape[1]])
    # the shares of a difference are those of the first sample
    assert (
        confidence_intervals.estimate_difference(sufficient, insufficient) is None
        or len(insufficient.unit_shares) == 2
    )


def test_resamples_in_which_one_source_is_undefined_are_left_out_of_both():
    first = make_sample([0.5], [[0.4, np.nan, 0.6, 0.5]])
    second = make_sample([0.4], [[0.3, 0.9, 0.5, np.nan]])
    estimate = confidence_intervals.estimate_difference(first, second)
    assert estimate.image_variance == pytest.approx(0.0)


def test_the_p_value_of_equal_sources_is_1():
    sample = make_sample([0.5], [[0.4, 0.6]])
    assert confidence_intervals.estimate_difference(sample, sample).p_value == 1.0


def test_holms_adjustment_by_hand():
    # sorted: 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1, never falling
    assert confidence_intervals.adjust_p_values([0.01, 0.04, 0.03, 0.005]) == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )
    assert confidence_intervals.adjust_p_values([0.6, 0.9]) == [1.0, 1.0]
    assert confidence_intervals.adjust_p_values([]) == []


def test_quantiles_of_students_t_are_those_of_printed_tables():
    assert confidence_intervals.t_quantile(0.975, 4) == pytest.approx(2.776, abs=5e-4)
    assert confidence_intervals.t_quantile(0.975, 1) == pytest.approx(12.706, abs=5e-4)
