"""A fusion metric measured twice on the same images: is the mean difference shown?

Such a score is a mean over images, so that its error needs no resampling (AP and IoU are none;
see `reports.run_comparison.ap_iou_changes`).

The mean of d_i over n images in G groups (sequences), whose images are not independent:

    error^2 = G / (G - 1) * sum over groups of (sum of (d_i - mean) in the group)^2 / n^2

with Student's t on G - 1 degrees of freedom (Liang, Zeger, "Longitudinal data analysis using
generalized linear models", Biometrika 73(1), 1986, for a mean).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

CONFIDENCE_LEVEL = 0.95
MIN_GROUPS = 5  # groups; with fewer the interval says nothing


@dataclass(frozen=True)
class PairedDifference:
    """Second minus first.

    Attributes:
        first: The mean of the first over the images that both have.
        interval: Both ends at `CONFIDENCE_LEVEL`; None with fewer than `MIN_GROUPS` groups.
        p: Two-sided; None as the interval, and where all differences are equal.
    """

    mean_difference: float
    first_mean: float
    interval: tuple[float, float] | None
    p_value: float | None
    image_count: int
    group_count: int


def compare_means(
    first: Mapping[str, float], second: Mapping[str, float], groups: Mapping[str, str]
) -> PairedDifference | None:
    """The mean difference over the images that both have; None without any.

    Args:
        first: Key to score.
        second: The same.
        groups: Key to group; a key that is not in it is a group of its own.
    """
    gaps = {key: second[key] - first[key] for key in sorted(first) if key in second}
    if not gaps:
        return None
    mean = math.fsum(gaps.values()) / len(gaps)
    before = math.fsum(first[key] for key in gaps) / len(gaps)
    sums: dict[str, float] = {}
    for key, gap in gaps.items():
        group = groups.get(key) or f" {key}"
        sums[group] = sums.get(group, 0.0) + gap - mean
    count = len(sums)
    if count < MIN_GROUPS:
        return PairedDifference(mean, before, None, None, len(gaps), count)
    from scipy.special import stdtr, stdtrit

    error = math.sqrt(count / (count - 1) * math.fsum(s**2 for s in sums.values())) / len(gaps)
    half = float(stdtrit(count - 1, (1 + CONFIDENCE_LEVEL) / 2)) * error
    p = 2 * float(stdtr(count - 1, -abs(mean) / error)) if error else None
    return PairedDifference(mean, before, (mean - half, mean + half), p, len(gaps), count)
