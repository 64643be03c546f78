"""Statistical power: sample sizes that show a difference of one point.

The components of a difference's variance shrink with different sample sizes:

    V(G, K) = (V_images - V_both) G0 / G  +  V_both (G0 / G) (K0 / K)  +  V_seeds K0 / K

with G0 units and K0 seeds measured, and G and K planned: the images' part that all trainings share,
the interaction of trainings and images, and the trainings' part (see `confidence_intervals`). A
difference d is found with a power of 80 % at a two-sided level of 5 % if

    d >= (t(0.975, f) + t(0.8, f)) sqrt(V)

(the usual approximation for Student's test; Lachin, "Introduction to sample size determination
and power analysis for clinical trials", Controlled Clinical Trials 2(2), 1981). Where the seeds'
part alone exceeds d, no number of images is enough.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import CONFIDENCE_LEVEL, Estimate

TARGET_DIFFERENCE = 0.01  # of a score from 0 to 1
POWER = 0.8
PLANNED_SEED_COUNTS = (2, 3, 5, 10)  # per source
MAX_GROUPS = 1_000_000  # more units count as "no number is enough"
MAX_SEEDS = 1000  # per source


@dataclass(frozen=True)
class SampleSizes:
    """Sample sizes of a measured comparison.

    Attributes:
        group_count: G0, units that were resampled.
        image_count: Images of all units.
        seeds_per_source: K0, on average.
    """

    group_count: int
    image_count: int
    seeds_per_source: float


def predict_variance(
    estimate: Estimate, measured: SampleSizes, groups: float, seeds: float
) -> float:
    """Predict V(G, K) of a difference.

    Args:
        estimate: The measured difference.
        measured: Its sample sizes, G0 and K0.
        groups: G, planned.
        seeds: K, planned.
    """
    group_ratio, seed_ratio = measured.group_count / groups, measured.seeds_per_source / seeds
    return (
        (estimate.image_variance - estimate.interaction_variance) * group_ratio
        + estimate.interaction_variance * group_ratio * seed_ratio
        + (estimate.seed_variance or 0.0) * seed_ratio
    )


def minimum_detectable_difference(
    estimate: Estimate,
    measured: SampleSizes,
    groups: float,
    seeds: float,
    level: float = 1 - CONFIDENCE_LEVEL,
) -> float:
    """Compute the smallest difference that is found with `POWER`.

    Args:
        estimate: As of `predict_variance`.
        measured: As of `predict_variance`.
        groups: As of `predict_variance`.
        seeds: As of `predict_variance`.
        level: Of the two-sided test.

    Returns:
        A fraction, as scores are.
    """
    variance = predict_variance(estimate, measured, groups, seeds)
    freedom = compute_degrees_of_freedom(estimate, measured, groups, seeds)
    quantiles = confidence_intervals.t_quantile(
        1 - level / 2, freedom
    ) + confidence_intervals.t_quantile(POWER, freedom)
    return quantiles * math.sqrt(variance)


def find_required_groups(
    estimate: Estimate, measured: SampleSizes, seeds: float, target: float = TARGET_DIFFERENCE
) -> int | None:
    """Find the smallest number of units that shows a difference of ``target``.

    Returns:
        None if no number is enough.
    """

    def is_enough(groups: int) -> bool:
        return minimum_detectable_difference(estimate, measured, groups, seeds) <= target

    return find_smallest_count(is_enough, 2, MAX_GROUPS)


def find_required_seeds(
    estimate: Estimate, measured: SampleSizes, target: float = TARGET_DIFFERENCE
) -> int | None:
    """Find the smallest number of seeds per source that shows ``target`` on the measured images.

    Returns:
        None if `MAX_SEEDS` are not enough.
    """

    def is_enough(seeds: int) -> bool:
        detectable = minimum_detectable_difference(estimate, measured, measured.group_count, seeds)
        return detectable <= target

    return find_smallest_count(is_enough, 2, MAX_SEEDS)


def find_smallest_count(is_enough: Callable[[int], bool], minimum: int, maximum: int) -> int | None:
    """Find the smallest number from ``minimum`` on that is enough; larger ones must be, too.

    Returns:
        None if ``maximum`` is not enough.
    """
    # Double until it is enough, then bisect
    too_few, enough = minimum - 1, minimum
    while not is_enough(enough):
        if enough >= maximum:
            return None
        too_few, enough = enough, min(2 * enough, maximum)
    while enough - too_few > 1:
        middle = (too_few + enough) // 2
        too_few, enough = (too_few, middle) if is_enough(middle) else (middle, enough)
    return enough


def select_median_estimate(estimates: Sequence[Estimate]) -> Estimate | None:
    """Select the estimate with the median standard error, typical of the test set."""
    ranked = sorted(estimates, key=lambda estimate: estimate.standard_error)
    return ranked[len(ranked) // 2] if ranked else None


def compute_degrees_of_freedom(
    estimate: Estimate, measured: SampleSizes, groups: float, seeds: float
) -> float:
    """Compute Satterthwaite's degrees of freedom of the planned test, at least 1.

    Arguments as `predict_variance`.
    """
    variance = predict_variance(estimate, measured, groups, seeds)
    if variance == 0:
        return max(1.0, groups - 1)
    group_ratio, seed_ratio = measured.group_count / groups, measured.seeds_per_source / seeds
    image_part = (
        estimate.image_variance - estimate.interaction_variance
    ) * group_ratio + estimate.interaction_variance * group_ratio * seed_ratio
    seed_part = (
        estimate.interaction_variance * group_ratio * seed_ratio
        + estimate.seed_variance * seed_ratio
        if estimate.seed_variance
        else 0.0
    )
    terms = image_part**2 / max(1.0, groups - 1) + seed_part**2 / max(1.0, 2 * (seeds - 1))
    return max(1.0, variance**2 / terms)
