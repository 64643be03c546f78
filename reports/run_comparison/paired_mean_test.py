"""Paired test of a fusion metric measured twice on the same images.

A fusion metric's score is a mean over images, so that its standard error needs no bootstrap (unlike
AP and IoU, see `ap_iou_changes`). The mean of the differences d_i over n images in G sequences,
whose images are not independent, has

    error^2 = G / (G - 1) * sum over sequences of (sum of (d_i - mean) in the sequence)^2 / n^2

and Student's t with G - 1 degrees of freedom (Liang, Zeger, "Longitudinal data analysis using
generalized linear models", Biometrika 73(1), 1986, for a mean).
"""

import math
from collections.abc import Mapping
from dataclasses import dataclass

CONFIDENCE_LEVEL = 0.95
MIN_GROUPS = 5  # sequences; with fewer the interval is not reliable


@dataclass(frozen=True)
class PairedDifference:
    """Mean difference of a metric, second minus first.

    Attributes:
        mean_difference: Over the images that both have.
        first_mean: Mean of the first over the same images.
        interval: Ends of the interval at `CONFIDENCE_LEVEL`; None with fewer than `MIN_GROUPS`
            sequences.
        p_value: Two-sided; None without an interval, and where all differences are equal.
        image_count: n.
        group_count: G.
    """

    mean_difference: float
    first_mean: float
    interval: tuple[float, float] | None
    p_value: float | None
    image_count: int
    group_count: int


def compare_means(
    first: Mapping[str, float], second: Mapping[str, float], sequences: Mapping[str, str]
) -> PairedDifference | None:
    """Test the mean difference over the images that both have; None without any.

    Args:
        first: Key to score.
        second: Key to score.
        sequences: Key to sequence; an image without one is a sequence of its own.
    """
    differences = {key: second[key] - first[key] for key in sorted(first) if key in second}
    if not differences:
        return None
    image_count = len(differences)
    mean = math.fsum(differences.values()) / image_count
    first_mean = math.fsum(first[key] for key in differences) / image_count

    # Sum of the deviations from the mean in every sequence
    sums: dict[str, float] = {}
    for key, difference in differences.items():
        sequence = sequences.get(key) or f" {key}"
        sums[sequence] = sums.get(sequence, 0.0) + difference - mean
    count = len(sums)
    if count < MIN_GROUPS:
        return PairedDifference(mean, first_mean, None, None, image_count, count)

    from scipy.special import stdtr, stdtrit

    squares = math.fsum(deviation**2 for deviation in sums.values())
    error = math.sqrt(count / (count - 1) * squares) / image_count
    margin = float(stdtrit(count - 1, (1 + CONFIDENCE_LEVEL) / 2)) * error
    p_value = 2 * float(stdtr(count - 1, -abs(mean) / error)) if error else None
    interval = mean - margin, mean + margin
    return PairedDifference(mean, first_mean, interval, p_value, image_count, count)
