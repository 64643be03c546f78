"""Two one-sided tests against tables, statsmodels, textbook sample sizes and simulated truth."""

from dataclasses import replace

import numpy as np
import pytest

from reports.statistics import confidence_intervals, equivalence
from reports.statistics.confidence_intervals import Estimate, ScoreSample
from reports.statistics.equivalence import RequiredSizes, compute_power, run_equivalence_test
from reports.statistics.power import SampleSizes

MEASURED = SampleSizes(group_count=100, image_count=400, seeds_per_source=3)
GROUPS, SEEDS = 24, 3  # of the simulated experiments
MARGIN = 0.01


def make_estimate(value, error=0.0, freedom=30.0, images=0.0, interaction=0.0, seeds=0.0):
    return Estimate(value, 0.0, 0.0, error, freedom, 1.0, images, interaction, seeds)


def test_the_interval_and_the_p_value_are_those_of_a_t_table():
    # t(0.95, 30) = 1.6973; the nearer limit is (0.002 - 0.01) / 0.004 = -2 away, T(-2, 30) = 0.0273
    test = run_equivalence_test(make_estimate(0.002, 0.004), MARGIN)
    assert test.low == pytest.approx(0.002 - 1.6973 * 0.004, abs=2.5e-7)
    assert test.high == pytest.approx(0.002 + 1.6973 * 0.004, abs=2.5e-7)
    assert test.p_value == pytest.approx(0.0273, abs=5e-5)


def test_a_paired_test_agrees_with_statsmodels():
    # differences +10 -10 +5 +5 -10 +5 +10 -5 thousandths, n = 8: mean and standard error by hand;
    # ttost_paired(a, b, -0.01, 0.01) and DescrStatsW.tconfint_mean(0.1) of statsmodels 0.15.0
    estimate = make_estimate(0.00125, 0.0029504842217604, freedom=7)
    test = run_equivalence_test(estimate, MARGIN)
    assert test.p_value == pytest.approx(0.010468785103462, rel=1e-9)
    assert (test.low, test.high) == pytest.approx((-0.00433992428120, 0.00683992428120), rel=1e-9)


def test_both_directions_of_a_difference_are_the_same_test():
    above, below = (
        run_equivalence_test(make_estimate(value, 0.004), MARGIN) for value in (0.006, -0.006)
    )
    assert above.p_value == below.p_value
    assert (above.low, above.high) == (-below.high, -below.low)


def test_it_is_equivalent_if_and_only_if_the_interval_is_inside_the_margin():
    for value in np.linspace(-0.012, 0.012, 25):
        for error in (0.001, 0.003, 0.005, 0.006, 0.008):
            test = run_equivalence_test(make_estimate(float(value), error), MARGIN)
            is_inside = max(-test.low, test.high) < MARGIN
            assert is_inside == (test.p_value < 0.05), (value, error)


def test_a_difference_of_exactly_the_margin_is_as_likely_above_it():
    assert run_equivalence_test(make_estimate(0.25, 0.1), 0.25).p_value == pytest.approx(0.5)


@pytest.mark.parametrize(
    ("value", "p_value"), [(0.0, 0), (0.25, 1), (-0.25, 1), (0.5, 1), (-0.2, 0)]
)
def test_without_variance_the_difference_itself_decides(value, p_value):
    test = run_equivalence_test(make_estimate(value), 0.25)
    assert (test.low, test.high, test.p_value) == (value, value, p_value)


@pytest.mark.parametrize("margin", [0.0, -0.01, float("nan")])
def test_a_margin_that_is_not_positive_is_refused(margin):
    with pytest.raises(ValueError, match="above 0"):
        run_equivalence_test(make_estimate(0.0, 0.1), margin)


def test_required_groups_are_the_textbook_sample_sizes():
    # n = (z(0.95) + z(0.8))^2 s^2 / (m - d)^2, and z(0.9) in place of z(0.8) for d = 0,
    # with s^2 = 100 x 1e-4 and m = 0.01 (Chow, Shao, Wang, "Sample size calculations", one mean)
    for value, expected in (
        (0.005, (1.64485 + 0.84162) ** 2 * 0.01 / 0.005**2),
        (0.0, (1.64485 + 1.28155) ** 2 * 0.01 / 0.01**2),
    ):
        estimate = make_estimate(value, images=1e-4)
        required = equivalence.find_required_sizes(estimate, MEASURED, margin=MARGIN)
        assert required.groups == pytest.approx(expected, abs=4)  # t in place of z


def test_an_error_that_grows_four_times_takes_sixteen_times_the_groups():
    small, large = (
        equivalence.find_required_sizes(
            make_estimate(0.0, images=variance), MEASURED, margin=MARGIN
        ).groups
        for variance in (1e-4, 16e-4)
    )
    assert large / small == pytest.approx(16, rel=0.005)


def test_required_seeds_come_from_the_part_of_the_variance_that_seeds_reduce():
    # (z(0.95) + z(0.9))^2 V <= m^2: V = 1.1677e-5 of 1e-4 x 3 / K is K = 25.7; t makes it one more
    estimate = make_estimate(0.0, seeds=1e-4)
    required = equivalence.find_required_sizes(estimate, MEASURED, margin=MARGIN)
    assert required.seeds in (26, 27)
    assert required.groups is None  # no number of images makes the seeds vary less


def test_where_neither_number_is_enough_both_together_are():
    # V = 4e-5 / n must be at most 1.1677e-5: n = 3.4
    estimate = make_estimate(0.0, images=2e-5, seeds=2e-5)
    required = equivalence.find_required_sizes(estimate, MEASURED, margin=MARGIN)
    assert required == RequiredSizes(True, None, None, 4)


def test_a_difference_beyond_the_margin_takes_what_shows_the_difference():
    # (z(0.975) + z(0.8))^2 s^2 / d^2 = 7.8489 x 0.01 / 0.01^2 and a quarter of it for twice d
    for value, expected in ((0.01, 785), (-0.01, 785), (0.02, 196)):
        estimate = make_estimate(value, images=1e-4)
        required = equivalence.find_required_sizes(estimate, MEASURED, margin=MARGIN)
        assert not required.shows_equivalence
        assert required.groups == pytest.approx(expected, abs=4)  # t in place of z


def test_with_one_seed_the_required_seeds_are_unknown():
    estimate = replace(make_estimate(0.0, images=1e-4), seed_variance=None)
    required = equivalence.find_required_sizes(estimate, MEASURED, margin=MARGIN)
    assert (required.seeds, required.factor) == (None, None)
    assert required.groups > 100


def test_a_stricter_level_takes_more_and_the_sizes_are_above_the_measured_ones():
    # a margin of 10 errors needs fewer than 100 groups
    estimate = make_estimate(0.0, images=1e-6, seeds=1e-6)
    required = equivalence.find_required_sizes(estimate, MEASURED, margin=MARGIN)
    assert required == RequiredSizes(True, 101, 4, 2)
    loose, strict = (
        equivalence.find_required_sizes(
            make_estimate(0.0, images=1e-4), MEASURED, margin=MARGIN, equivalence_level=level
        ).groups
        for level in (0.05, 0.005)
    )
    # (z(0.995) + z(0.9))^2 / (z(0.95) + z(0.9))^2
    assert strict / loose == pytest.approx((2.57583 + 1.28155) ** 2 / 8.5638, rel=0.01)


def test_the_planned_power_is_that_of_a_simulation():
    estimate = make_estimate(0.003, images=1.6e-5)
    planned = compute_power(estimate, MEASURED, 100, 3, margin=MARGIN)
    drawn = np.random.default_rng(0).normal(0.003, 0.004, 40_000)  # f is 99: nearly normal
    share = np.mean(np.abs(drawn) + 1.6604 * 0.004 < MARGIN)  # t(0.95, 99)
    assert planned == pytest.approx(share, abs=0.01)


def simulate_source(rng, mean, image_effects, seed_std):
    """Draw the scores of one source: means over groups with effects of images and of seeds."""
    seeds = rng.normal(0, seed_std, (SEEDS, 1))
    own = rng.normal(0, 0.01, (SEEDS, GROUPS))  # interaction of training and images
    return mean + image_effects + seeds + own


def simulate_share(true_difference, seed_std, trials, *, ignore_seeds=False):
    """Simulate experiments; return the share in which an equivalence is shown."""
    rng, count = np.random.default_rng(17), 0
    for _ in range(trials):
        common = rng.normal(0, 0.05, GROUPS)  # an image that is hard for both sources
        weights = rng.multinomial(GROUPS, [1 / GROUPS] * GROUPS, 200) / GROUPS
        pair = []
        for mean in (0.5 + true_difference, 0.5):
            scores = simulate_source(rng, mean, common + rng.normal(0, 0.006, GROUPS), seed_std)
            sample = ScoreSample(
                scores.mean(axis=1), scores @ weights.T, np.full(GROUPS, 1 / GROUPS)
            )
            if ignore_seeds:
                sample = ScoreSample(
                    sample.seed_scores.mean(keepdims=True),
                    sample.bootstrap_scores.mean(axis=0, keepdims=True),
                    sample.unit_shares,
                )
            pair.append(sample)
        estimate = confidence_intervals.estimate_difference(*pair)
        count += run_equivalence_test(estimate, MARGIN).p_value < 0.05
    return count / trials


@pytest.mark.slow
@pytest.mark.parametrize("seed_std", [0.0, 0.004])
def test_sources_that_differ_by_the_margin_are_called_equivalent_in_five_percent(seed_std):
    # the standard error of 800 trials at 5 % is 0.8 %; a conservative test may be below 5 %
    for sign in (1, -1):
        assert simulate_share(sign * MARGIN, seed_std, 800) <= 0.05 + 3 * 0.0077


@pytest.mark.slow
def test_a_test_that_ignored_the_seeds_would_call_too_many_equivalent():
    assert simulate_share(MARGIN, 0.008, 400, ignore_seeds=True) > 0.1
    assert simulate_share(MARGIN, 0.008, 400) < 0.08


def test_sources_without_a_true_difference_are_shown_to_be_equivalent():
    assert simulate_share(0.0, 0.0, 200) > 0.9
