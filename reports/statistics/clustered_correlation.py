"""Spearman's rank correlation over images that come in sequences, with its interval.

The correlation is over all images. Its uncertainty is that of other sequences, by a jackknife that
leaves out one unit (sequence) at a time and ranks the other images again. On Fisher's scale
z = atanh(rho), with z_g without unit g of G,

    V = (G - 1) / G  sum_g (z_g - z)^2

(Efron, Stein, "The jackknife estimate of variance", Ann. Stat. 9(3), 1981; it overestimates a
variance rather than underestimates it, which the bootstrap of few units does). The interval is
tanh(z +- t sqrt(V)) with Student's t of G - 1 degrees of freedom, and the p-value that of
z / sqrt(V). In simulations with 6, 10 unequal and 25 sequences, variables of which 30 to 90 % vary
between sequences, and correlations of 0 to 0.8, it covers the truth in 94 to 97 % of trials
(`reports.calibrate`). More than `MAX_GROUPS` units are left out in groups.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import CONFIDENCE_LEVEL

MAX_GROUPS = 200  # of units that are left out together
MIN_UNITS = 5  # with fewer, there is no interval
MAX_CORRELATION = 1 - 1e-6  # Fisher's z of 1 is infinite

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class CorrelationEstimate:
    """A rank correlation with its uncertainty.

    Attributes:
        rho: Spearman's rho over the images.
        low: Lower end of the 95 % interval; None without one.
        high: Upper end; None without one.
        p_value: Two-sided, of the hypothesis that the correlation is 0; None without an interval.
        image_count: Number of images.
        unit_count: Number of sequences, or of images where these are resampled.
    """

    rho: float
    low: float | None
    high: float | None
    p_value: float | None
    image_count: int
    unit_count: int


def estimate_correlation(
    x: FloatArray, y: FloatArray, units: IntArray
) -> CorrelationEstimate | None:
    """Estimate Spearman's rho of two variables.

    Args:
        x: float64 (I,), finite.
        y: float64 (I,), finite.
        units: int64 (I,), the unit of each image.

    Returns:
        None if a variable is constant. Without an interval where there are fewer than `MIN_UNITS`
        units, or a variable is constant without one of them.
    """
    names, units = np.unique(units, return_inverse=True)
    rho = _correlate(rank_values(x), rank_values(y))
    if rho is None:
        return None
    count = len(names)
    without = CorrelationEstimate(rho, None, None, None, len(x), count)
    if count < MIN_UNITS:
        return without
    groups = units % min(count, MAX_GROUPS)
    left_out = _correlate_without_groups(x, y, groups)
    if left_out is None:
        return without
    z = _to_fisher_scale(np.array(rho))
    group_count = len(left_out)
    variance = (
        (group_count - 1) / group_count * float(((_to_fisher_scale(left_out) - z) ** 2).sum())
    )
    if variance == 0:
        return without
    error = math.sqrt(variance)
    freedom = group_count - 1
    margin = confidence_intervals.t_quantile(0.5 + CONFIDENCE_LEVEL / 2, freedom) * error
    p_value = 2 * confidence_intervals.t_cdf(-abs(float(z)) / error, freedom)
    low, high = math.tanh(float(z) - margin), math.tanh(float(z) + margin)
    return CorrelationEstimate(rho, low, high, p_value, len(x), count)


def rank_values(values: FloatArray) -> FloatArray:
    """Rank values from 1; equal values have their mean rank."""
    from scipy.stats import rankdata

    ranks: FloatArray = rankdata(values)
    return ranks


def _correlate_without_groups(x: FloatArray, y: FloatArray, groups: IntArray) -> FloatArray | None:
    """Compute rho without each group; None if it is undefined without one of them."""
    x_ranks, y_ranks = rank_values(x), rank_values(y)
    correlations = []
    for group in range(int(groups.max()) + 1):
        is_left_out = groups == group
        remaining_ranks = [
            (ranks - _count_below(values[is_left_out], values))[~is_left_out]
            for ranks, values in ((x_ranks, x), (y_ranks, y))
        ]
        rho = _correlate(*remaining_ranks)
        if rho is None:
            return None
        correlations.append(rho)
    return np.array(correlations)


def _count_below(some: FloatArray, values: FloatArray) -> FloatArray:
    """Count how many of ``some`` are below each value, equal ones half."""
    ordered = np.sort(some)
    below, not_above = (np.searchsorted(ordered, values, side) for side in ("left", "right"))
    counts: FloatArray = (below + not_above) / 2
    return counts


def _correlate(x_ranks: FloatArray, y_ranks: FloatArray) -> float | None:
    """Compute Pearson's correlation of ranks; None if one side is constant."""
    x, y = x_ranks - x_ranks.mean(), y_ranks - y_ranks.mean()
    norm = math.sqrt(float(x @ x) * float(y @ y))
    return max(-1.0, min(1.0, float(x @ y) / norm)) if norm > 0 else None


def _to_fisher_scale(rho: FloatArray) -> FloatArray:
    scaled: FloatArray = np.arctanh(np.clip(rho, -MAX_CORRELATION, MAX_CORRELATION))
    return scaled
