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

from reports.significance import statistics
from reports.significance.statistics import LEVEL, Estimate

POINT = 0.01  # of a score from 0 to 1
POWER = 0.8
SEEDS = (2, 3, 5, 10)  # per source
MOST = 1e6  # groups; more is never


@dataclass(frozen=True)
class Measured:
    """What a comparison was measured with.

    Attributes:
        groups: Units that were resampled.
        images: In all of them.
        seeds: Per source, on average.
    """

    groups: int
    images: int
    seeds: float


def variance(of: Estimate, at: Measured, groups: float, seeds: float) -> float:
    """V of the difference with other numbers of groups and seeds."""
    larger, more = at.groups / groups, at.seeds / seeds
    return (of.images - of.both) * larger + of.both * larger * more + (of.seeds or 0.0) * more


def smallest(of: Estimate, at: Measured, groups: float, seeds: float) -> float:
    """The smallest difference that is found with `POWER`, a fraction."""
    total = variance(of, at, groups, seeds)
    freedom = _freedom(of, at, groups, seeds, total)
    reach = statistics.quantile(0.5 + LEVEL / 2, freedom) + statistics.quantile(POWER, freedom)
    return reach * math.sqrt(total)


def groups_needed(of: Estimate, at: Measured, seeds: float, gap: float = POINT) -> int | None:
    """The fewest groups with which a difference is found; None if no number is enough."""
    low, high = 2.0, 4.0
    while smallest(of, at, high, seeds) > gap:
        low, high = high, 2 * high
        if high > MOST:
            return None
    if smallest(of, at, low, seeds) <= gap:
        return math.ceil(low)
    while high - low > 0.5:
        middle = (low + high) / 2
        low, high = (low, middle) if smallest(of, at, middle, seeds) <= gap else (middle, high)
    return math.ceil(high)


def seeds_needed(of: Estimate, at: Measured, gap: float = POINT, most: int = 1000) -> int | None:
    """The fewest seeds per source with which a difference is found on the images that are there."""
    return next(
        (k for k in range(2, most + 1) if smallest(of, at, at.groups, k) <= gap),
        None,
    )


def typical(every: Sequence[Estimate]) -> Estimate | None:
    """The comparison with the median variance: what a test set usually comes to."""
    ranked = sorted(every, key=lambda each: each.error)
    return ranked[len(ranked) // 2] if ranked else None


def _freedom(of: Estimate, at: Measured, groups: float, seeds: float, total: float) -> float:
    """Satterthwaite's degrees of freedom of the planned test, at least 1."""
    if total == 0:
        return max(1.0, groups - 1)
    larger, more = at.groups / groups, at.seeds / seeds
    images = (of.images - of.both) * larger + of.both * larger * more
    trained = of.both * larger * more + of.seeds * more if of.seeds else 0.0
    parts = images**2 / max(1.0, groups - 1) + trained**2 / max(1.0, 2 * (seeds - 1))
    return max(1.0, total**2 / parts)
