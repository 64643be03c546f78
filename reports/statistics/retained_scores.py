"""Retained score: the score on corrupted images as a share of that on clean images.

    R(c, s) = S(c, s) / S(clean),   R(c) = mean of R(c, s) over severities s,
    R = mean of R(c) over corruptions c

R is the relative performance under corruption of Michaelis et al., "Benchmarking robustness in
object detection: autonomous driving when winter is coming", 2019 (arXiv:1907.07484), and the mean
of S(c, s) is their mean performance under corruption. The mean corruption error of ImageNet-C
(Hendrycks, Dietterich, "Benchmarking neural network robustness to common corruptions and
perturbations", ICLR 2019) is averaged alike, but divides the error of each corruption by that of
another network, because its corruptions are not equally hard. Here the score is divided by
that of the same model without corruption.

Ratios are formed per seed, and per seed and resample: clean and corrupted images of a resample are
the same pairs. The intervals are those of `confidence_intervals`.
"""

from collections.abc import Sequence

import numpy as np

from reports.statistics.confidence_intervals import ScoreSample


def divide_samples(corrupted: ScoreSample, clean: ScoreSample) -> ScoreSample:
    """Divide the corrupted scores by the clean scores of the same seeds and resamples.

    A ratio is NaN where the clean score is 0 or undefined.

    Raises:
        ValueError: If the numbers of seeds differ.
    """
    if len(corrupted.seed_scores) != len(clean.seed_scores):
        raise ValueError(f"{len(corrupted.seed_scores)} and {len(clean.seed_scores)} seeds")
    with np.errstate(divide="ignore", invalid="ignore"):
        scores = corrupted.seed_scores / np.where(clean.seed_scores > 0, clean.seed_scores, np.nan)
        resampled = corrupted.bootstrap_scores / np.where(
            clean.bootstrap_scores > 0, clean.bootstrap_scores, np.nan
        )
    return ScoreSample(scores, resampled, clean.unit_shares)


def average_samples(samples: Sequence[ScoreSample]) -> ScoreSample:
    """Average samples of the same seeds and resamples; NaN where one of them is.

    Raises:
        ValueError: If there are none.
    """
    if not samples:
        raise ValueError("no samples")
    return ScoreSample(
        np.mean([sample.seed_scores for sample in samples], axis=0),
        np.mean([sample.bootstrap_scores for sample in samples], axis=0),
        samples[0].unit_shares,
    )
