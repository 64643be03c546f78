"""Mean over images that come in sequences, with its interval.

The mean of values d_i over n images in G sequences, whose images are not independent, has

    error^2 = c * sum over sequences of (sum of (d_i - mean) in the sequence)^2 / n^2

with Student's t (Liang, Zeger, "Longitudinal data analysis using generalized linear models",
Biometrika 73(1), 1986, for a mean). c and the degrees of freedom are those of the bootstrap for
units of unequal sizes, see `confidence_intervals.compute_cluster_correction`: G / (G - 1) and G - 1
for equal ones.
"""

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import CONFIDENCE_LEVEL

MIN_UNITS = 5  # with fewer, there is no interval


@dataclass(frozen=True)
class MeanEstimate:
    """A mean with its uncertainty.

    Attributes:
        mean: Over the images.
        low: Lower end of the 95 % interval; None without one.
        high: Upper end; None without one.
        p_value: Two-sided, of the hypothesis that the mean is 0; None without an interval, and
            where all values are equal.
        image_count: n.
        unit_count: G.
    """

    mean: float
    low: float | None
    high: float | None
    p_value: float | None
    image_count: int
    unit_count: int


def estimate_mean(values: NDArray[np.float64], units: NDArray[np.int64]) -> MeanEstimate | None:
    """Estimate the mean of values (I,) in units (I,); None without any value."""
    if len(values) == 0:
        return None
    _, units = np.unique(units, return_inverse=True)
    mean = float(values.mean())
    sizes = np.bincount(units)
    factor, freedom = confidence_intervals.compute_cluster_correction(sizes / sizes.sum())
    if len(sizes) < MIN_UNITS or freedom < 1:
        return MeanEstimate(mean, None, None, None, len(values), len(sizes))
    sums = np.bincount(units, values - mean)
    error = math.sqrt(factor * float((sums**2).sum())) / len(values)
    margin = confidence_intervals.t_quantile(0.5 + CONFIDENCE_LEVEL / 2, freedom) * error
    p_value = 2 * confidence_intervals.t_cdf(-abs(mean) / error, freedom) if error else None
    return MeanEstimate(mean, mean - margin, mean + margin, p_value, len(values), len(sizes))
