"""How large a test would have to be to show a difference of one point.

The variance of a difference is made of parts that shrink with different things:

    V(G, K) = (V_images - V_both) G0 / G  +  V_both (G0 / G) (K0 / K)  +  V_seeds K0 / K

with G0 groups and K0 seeds measured and G and K planned: the images' share whatever the training,
the trainings' luck on single objects, and the trainings themselves (see `statistics`). A difference
d is found with probability 80 % at 5 %, two-sided, once

    d >= (t(0.975, f) + t(0.8, f)) sqrt(V)

(the usual approximation for Student's test; Lachin, "Introduction to sample size determination
and power analysis for clinical trials", Controlled Clinical Trials 2(2), 1981). No number of
images helps where the seeds alone exceed d.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import CONFIDENCE_LEVEL, Estimate

TARGET_DIFFERENCE = 0.01  # of a score from 0 to 1
POWER = 0.8
PLANNED_SEED_COUNTS = (2, 3, 5, 10)  # per source
MAX_GROUPS = 1e6  # groups; more is never


@dataclass(frozen=True)
class SampleSizes:
    """What a comparison was measured with.

    Attributes:
        groups: Units that were resampled.
        images: In all of them.
        seeds: Per source, on average.
    """

    group_count: int
    image_count: int
    seeds_per_source: float


def predict_variance(of: Estimate, at: SampleSizes, groups: float, seeds: float) -> float:
    """V of the difference with other numbers of groups and seeds."""
    larger, more = at.group_count / groups, at.seeds_per_source / seeds
    return (
        (of.image_variance - of.interaction_variance) * larger
        + of.interaction_variance * larger * more
        + (of.seed_variance or 0.0) * more
    )


def minimum_detectable_difference(
    of: Estimate, at: SampleSizes, groups: float, seeds: float
) -> float:
    """The smallest difference that is found with `POWER`, a fraction."""
    total = predict_variance(of, at, groups, seeds)
    freedom = _degrees_of_freedom(of, at, groups, seeds, total)
    reach = confidence_intervals.t_quantile(
        0.5 + CONFIDENCE_LEVEL / 2, freedom
    ) + confidence_intervals.t_quantile(POWER, freedom)
    return reach * math.sqrt(total)


def find_required_groups(
    of: Estimate, at: SampleSizes, seeds: float, gap: float = TARGET_DIFFERENCE
) -> int | None:
    """The fewest groups with which a difference is found; None if no number is enough."""
    low, high = 2.0, 4.0
    while minimum_detectable_difference(of, at, high, seeds) > gap:
        low, high = high, 2 * high
        if high > MAX_GROUPS:
            return None
    if minimum_detectable_difference(of, at, low, seeds) <= gap:
        return math.ceil(low)
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (
            (low, middle)
            if minimum_detectable_difference(of, at, middle, seeds) <= gap
            else (middle, high)
        )
    return math.ceil(high)


def find_required_seeds(
    of: Estimate, at: SampleSizes, gap: float = TARGET_DIFFERENCE, most: int = 1000
) -> int | None:
    """The fewest seeds per source with which a difference is found on the images that are there."""
    return next(
        (
            k
            for k in range(2, most + 1)
            if minimum_detectable_difference(of, at, at.group_count, k) <= gap
        ),
        None,
    )


def select_median_estimate(every: Sequence[Estimate]) -> Estimate | None:
    """The comparison with the median variance: what a test set usually comes to."""
    ranked = sorted(every, key=lambda each: each.standard_error)
    return ranked[len(ranked) // 2] if ranked else None


def _degrees_of_freedom(
    of: Estimate, at: SampleSizes, groups: float, seeds: float, total: float
) -> float:
    """Satterthwaite's degrees of freedom of the planned test, at least 1."""
    if total == 0:
        return max(1.0, groups - 1)
    larger, more = at.group_count / groups, at.seeds_per_source / seeds
    images = (
        of.image_variance - of.interaction_variance
    ) * larger + of.interaction_variance * larger * more
    trained = (
        of.interaction_variance * larger * more + of.seed_variance * more
        if of.seed_variance
        else 0.0
    )
    parts = images**2 / max(1.0, groups - 1) + trained**2 / max(1.0, 2 * (seeds - 1))
    return max(1.0, total**2 / parts)
