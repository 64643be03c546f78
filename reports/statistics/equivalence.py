"""Equivalence of two sources: two one-sided tests, and the sample sizes that would show it.

A difference d with the standard error e and f degrees of freedom (see `confidence_intervals`; the
variance over seeds is part of e) is equivalent within a margin m at the level a if both of

    d > -m:  t = (d + m) / e        d < m:  t = (d - m) / e

are shown by one-sided t tests at the level a: the interval d +- t(1 - a, f) e, which covers
1 - 2 a, lies inside (-m, m). The larger p-value of the two is that of the pair, without a
correction, because both must be significant (Schuirmann, "A comparison of the two one-sided tests
procedure and the power approach for assessing the equivalence of average bioavailability", J.
Pharmacokinet. Biopharm. 15(6), 1987; Berger, Hsu, "Bioequivalence trials, intersection-union tests
and equivalence confidence sets", Stat. Sci. 11(4), 1996).

With G units and K seeds planned, and the true difference equal to the measured one, the power is

    T((m - d) / e(G, K) - t(1 - a, f)) + T((m + d) / e(G, K) - t(1 - a, f)) - 1

with the distribution function T of Student's t and the variance e^2 = V(G, K) of `power` (Phillips,
"Power of the two one-sided tests procedure in bioequivalence", J. Pharmacokinet. Biopharm. 18(2),
1990; there with the noncentral t distribution, which makes a difference for few degrees of
freedom).
"""

import math
from dataclasses import dataclass

from reports.statistics import confidence_intervals, power
from reports.statistics.confidence_intervals import Estimate
from reports.statistics.power import POWER, SampleSizes

SIGNIFICANCE_LEVEL = 0.05  # of each one-sided test
MAX_FACTOR = 1000  # by which units and seeds grow together


@dataclass(frozen=True)
class EquivalenceTest:
    """Two one-sided tests of a difference.

    Attributes:
        low: Lower end of the 90 % interval of the difference.
        high: Upper end.
        p_value: Of the hypothesis that the true difference is at least the margin, in either
            direction.
    """

    low: float
    high: float
    p_value: float


@dataclass(frozen=True)
class RequiredSizes:
    """Sample sizes that would decide a comparison with `power.POWER`; None if none is enough.

    Attributes:
        shows_equivalence: Whether they show the equivalence, or else the difference.
        groups: Units, with the measured number of seeds.
        seeds: Seeds per source, on the measured units.
        factor: By which both have to be multiplied.
    """

    shows_equivalence: bool
    groups: int | None
    seeds: int | None
    factor: int | None


def run_equivalence_test(estimate: Estimate, margin: float) -> EquivalenceTest:
    """Test whether a true difference is smaller than a margin.

    Args:
        estimate: The difference, with its standard error.
        margin: m, above 0, a fraction as scores are.

    Raises:
        ValueError: If the margin is not above 0.
    """
    if not margin > 0:
        raise ValueError(f"margin {margin}: expected a number above 0")
    distance = abs(estimate.value) - margin  # the nearer limit has the larger p-value
    error, freedom = estimate.standard_error, estimate.degrees_of_freedom
    if error == 0:
        return EquivalenceTest(estimate.value, estimate.value, 0.0 if distance < 0 else 1.0)
    half_width = confidence_intervals.t_quantile(1 - SIGNIFICANCE_LEVEL, freedom) * error
    return EquivalenceTest(
        estimate.value - half_width,
        estimate.value + half_width,
        confidence_intervals.t_cdf(distance / error, freedom),
    )


def compute_power(
    estimate: Estimate,
    measured: SampleSizes,
    groups: float,
    seeds: float,
    *,
    margin: float,
    level: float = SIGNIFICANCE_LEVEL,
) -> float:
    """Compute the probability to show an equivalence if the true difference is the measured one.

    Args:
        estimate: The measured difference.
        measured: Its sample sizes.
        groups: G, planned.
        seeds: K, planned.
        margin: m, a fraction.
        level: a, of each one-sided test.

    Returns:
        0 to 1.
    """
    difference = abs(estimate.value)
    variance = power.predict_variance(estimate, measured, groups, seeds)
    if variance == 0:
        return float(difference < margin)
    freedom = power.compute_degrees_of_freedom(estimate, measured, groups, seeds)
    error = math.sqrt(variance)
    quantile = confidence_intervals.t_quantile(1 - level, freedom)
    probability = sum(
        confidence_intervals.t_cdf(distance / error - quantile, freedom)
        for distance in (margin - difference, margin + difference)
    )
    return max(0.0, probability - 1)


def find_required_sizes(
    estimate: Estimate,
    measured: SampleSizes,
    *,
    margin: float,
    equivalence_level: float = SIGNIFICANCE_LEVEL,
    difference_level: float = SIGNIFICANCE_LEVEL,
) -> RequiredSizes:
    """Find the smallest sample sizes, above the measured ones, that would decide a comparison.

    They show the equivalence if the measured difference is smaller than the margin, or else the
    difference; both if the true difference is the measured one.

    Args:
        estimate: The measured difference. Without a variance over seeds, numbers of seeds are None.
        measured: Its sample sizes.
        margin: m, a fraction.
        equivalence_level: Of each of the two one-sided tests.
        difference_level: Of the two-sided test of the difference.
    """
    groups, seeds, difference = (
        measured.group_count,
        measured.seeds_per_source,
        abs(estimate.value),
    )

    def shows_equivalence(planned_groups: float, planned_seeds: float) -> bool:
        planned = compute_power(
            estimate,
            measured,
            planned_groups,
            planned_seeds,
            margin=margin,
            level=equivalence_level,
        )
        return planned >= POWER

    def shows_difference(planned_groups: float, planned_seeds: float) -> bool:
        detectable = power.minimum_detectable_difference(
            estimate, measured, planned_groups, planned_seeds, level=difference_level
        )
        return detectable <= difference

    is_within = difference < margin
    is_enough = shows_equivalence if is_within else shows_difference
    required_groups = power.find_smallest_count(
        lambda count: is_enough(count, seeds), groups + 1, power.MAX_GROUPS
    )
    if estimate.seed_variance is None:
        return RequiredSizes(is_within, required_groups, None, None)
    return RequiredSizes(
        is_within,
        required_groups,
        power.find_smallest_count(
            lambda count: is_enough(groups, count), math.floor(seeds) + 1, power.MAX_SEEDS
        ),
        power.find_smallest_count(
            lambda factor: is_enough(factor * groups, factor * seeds), 2, MAX_FACTOR
        ),
    )
