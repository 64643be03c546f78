"""Intervals, tests and their adjustment against hand computation and SciPy."""

import numpy as np
import pytest
from scipy import stats

from fusebench.evaluation import bootstrap
from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import ScoreSample

EVEN = np.full(4, 0.25)


def sample(scores, resampled, shares=EVEN):
    return ScoreSample(np.array(scores, float), np.array(resampled, float), np.array(shares, float))


def of_groups(values, scores=None):
    """A score that is a mean over equal groups, resampled."""
    values = np.atleast_2d(values)
    number = values.shape[1]
    draws = bootstrap.resample_units([f"{g:03}" for g in range(number)], 20_000)
    resampled = values @ draws.unit_counts.T / number
    shares = np.full(number, 1 / number)
    return sample(values.mean(axis=1) if scores is None else scores, resampled, shares)


def test_one_seed_of_four_even_units_by_hand():
    # variance 0.005 of the two resamples; x 4 / 3 = 0.081650^2, f = 3, t = 3.182446
    found = confidence_intervals.estimate_score(sample([0.5], [[0.45, 0.55]]))
    assert found.image_variance == pytest.approx(0.005 * 4 / 3)
    assert found.degrees_of_freedom == pytest.approx(3)
    assert found.seed_variance is None
    assert (found.low, found.high) == pytest.approx((0.240153, 0.759847), abs=1e-5)


def test_intervals_of_scores_end_where_scores_do_and_those_of_differences_do_not():
    wide = sample([0.5], [[0.0, 1.0]])
    assert (
        confidence_intervals.estimate_score(wide).low,
        confidence_intervals.estimate_score(wide).high,
    ) == (0.0, 1.0)
    assert confidence_intervals.estimate_difference(wide, sample([0.5], [[0.5, 0.5]])).low < -1


def test_a_paired_difference_of_group_means_is_the_paired_t_test():
    rng = np.random.default_rng(3)
    one = rng.normal(0.5, 0.2, 12)
    other = one + rng.normal(0.05, 0.05, 12)
    found = confidence_intervals.estimate_difference(of_groups(one), of_groups(other))
    theirs = stats.ttest_rel(one, other)
    ends = theirs.confidence_interval(0.95)
    assert found.degrees_of_freedom == pytest.approx(11)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=0.1)
    assert (found.low, found.high) == (
        pytest.approx(ends.low, abs=1e-3),
        pytest.approx(ends.high, abs=1e-3),
    )


def test_where_only_the_seeds_vary_it_is_students_t_test_of_two_means():
    one, other = [0.50, 0.52, 0.54], [0.60, 0.61, 0.65, 0.58]
    alike = [np.full((len(k), 5), 0.5) for k in (one, other)]
    found = confidence_intervals.estimate_difference(sample(one, alike[0]), sample(other, alike[1]))
    theirs = stats.ttest_ind(one, other, equal_var=True)
    assert found.p_value == pytest.approx(theirs.pvalue, rel=1e-9)
    assert found.degrees_of_freedom == pytest.approx(5)
    assert found.low == pytest.approx(theirs.confidence_interval(0.95).low, rel=1e-9)


def test_luck_of_trainings_on_images_is_not_counted_twice():
    # Two seeds, opposite on both resamples: deviations +-0.1, variance 0.02 each, x 2 / (2 - 1)
    # x 4 / 3 / 2 seeds = 0.02667, more than s^2 / 2 = 0.0001: nothing is left for the seeds.
    found = confidence_intervals.estimate_score(sample([0.49, 0.51], [[0.4, 0.6], [0.6, 0.4]]))
    assert (found.interaction_variance, found.seed_variance) == (0.0, 0.0)
    # Alike on the first resample, apart on the second: mean 0.5, 0.6; deviations 0, +-0.1
    found = confidence_intervals.estimate_score(sample([0.45, 0.65], [[0.5, 0.7], [0.5, 0.5]]))
    assert found.image_variance == pytest.approx(0.005 * 4 / 3)
    assert found.interaction_variance == pytest.approx(0.005 * 2 * 4 / 3 / 2)
    assert found.seed_variance == pytest.approx(0.02 / 2 - found.interaction_variance)
    # f = V^2 / (V_images^2 / 3 + (s^2 / 2)^2 / 1)
    total = found.image_variance + found.seed_variance
    assert found.degrees_of_freedom == pytest.approx(
        total**2 / (found.image_variance**2 / 3 + 0.01**2)
    )


def test_uneven_units_are_worth_fewer():
    # sum w^2 = 0.49 + 3 x 0.01 = 0.52, w^3 = 0.343 + 0.003, w^4 = 0.2401 + 0.0003
    found = confidence_intervals.compute_cluster_correction(np.array([0.7, 0.1, 0.1, 0.1]))
    assert found == (
        pytest.approx(1 / (1 - 2 * 0.346 / 0.52 + 0.52)),
        pytest.approx(0.52**2 / 0.2404 - 1),
    )
    assert confidence_intervals.compute_cluster_correction(EVEN) == (
        pytest.approx(4 / 3),
        pytest.approx(3),
    )


def test_the_seeds_of_a_score_are_judged_by_those_of_all_sources():
    still = [[0.5, 0.5]] * 3
    mine, other = sample([0.5, 0.5, 0.5], still), sample([0.4, 0.5, 0.6], still)
    # alone s^2 = 0; with the other (0 + 0.02) / 4, and 4 degrees of freedom
    assert confidence_intervals.estimate_score(mine).seed_variance == 0.0
    found = confidence_intervals.estimate_score(mine, [other])
    assert found.seed_variance == pytest.approx(0.005 / 3)
    assert found.degrees_of_freedom == pytest.approx(4)


@pytest.mark.parametrize(
    "lacking",
    [
        sample([np.nan], [[0.4, 0.6]]),
        sample([0.5], [[np.nan, np.nan, 0.4]]),
        sample([0.5], [[0.4, 0.6]], [1.0, 0.0]),
        sample([0.5], [[0.4, 0.6]], [0.0, 0.0]),
    ],
)
def test_too_little_to_judge_is_none(lacking):
    assert confidence_intervals.estimate_score(lacking) is None
    assert (
        confidence_intervals.estimate_difference(
            sample([0.5], [[0.4] * lacking.bootstrap_scores.shape[1]]), lacking
        )
        is (None)
        or len(lacking.unit_shares) == 2
    )


def test_resamples_that_leave_a_score_undefined_are_left_out_of_both_sources():
    one, other = [[0.4, np.nan, 0.6, 0.5]], [[0.3, 0.9, 0.5, np.nan]]
    found = confidence_intervals.estimate_difference(sample([0.5], one), sample([0.4], other))
    assert found.image_variance == pytest.approx(0.0)


def test_equal_sources_have_p_of_one():
    mine = sample([0.5], [[0.4, 0.6]])
    assert confidence_intervals.estimate_difference(mine, mine).p_value == 1.0


def test_holm_by_hand():
    # sorted: 0.005 x 4, 0.01 x 3, 0.03 x 2, 0.04 x 1, never falling
    assert confidence_intervals.adjust_p_values([0.01, 0.04, 0.03, 0.005]) == pytest.approx(
        [0.03, 0.06, 0.06, 0.02]
    )
    assert confidence_intervals.adjust_p_values([0.6, 0.9]) == [1.0, 1.0]
    assert confidence_intervals.adjust_p_values([]) == []


def test_quantiles_of_the_printed_tables():
    assert confidence_intervals.t_quantile(0.975, 4) == pytest.approx(2.776, abs=5e-4)
    assert confidence_intervals.t_quantile(0.975, 1) == pytest.approx(12.706, abs=5e-4)


def test_groups_are_drawn_whole_and_the_same_every_time():
    groups = ["a", "a", "b", "c", "d", "e", "e", "e"]
    draws = bootstrap.resample_units(groups, 50)
    assert draws.is_clustered
    weights = draws.image_weights
    assert (weights[:, 0] == weights[:, 1]).all()
    assert (weights[:, 5] == weights[:, 7]).all()
    assert (draws.unit_counts.sum(axis=1) == 5).all()
    np.testing.assert_array_equal(weights, bootstrap.resample_units(groups, 50).image_weights)


def test_images_are_drawn_one_by_one_where_groups_are_few():
    draws = bootstrap.resample_units(["a", "a", "b", "b", "c", "d"], 50)
    assert not draws.is_clustered
    assert draws.unit_counts.shape == (50, 6)
