"""95 % confidence intervals and p-values of scores and of differences between sources.

A source's score is its mean over K trainings (seeds) on one set of test images. Other images or
other seeds would have given another mean. With images that come in sequences, its variance is

    V = V_images + V_seeds,   V_seeds = max(0, (s^2 - V_both) / K)

V_images is the variance of the mean over the bootstrap resamples. All seeds, and both sources of
a difference, are scored on the same resamples (paired). s^2 is the variance of the scores over
the seeds. A part of s^2 is not due to the seeds as such: two trainings detect different objects by
chance, which a larger test set would even out. This part, V_both, is the mean variance over the
resamples of a seed's deviation from the mean over seeds, times K / (K - 1). V_images includes it
already, so that adding s^2 / K alone would count it twice (analysis of variance of images x seeds,
both random: Cornfield, Tukey, "Average values of mean squares in factorials", Ann. Math. Stat.
27(4), 1956). Resampling the seeds as well would estimate the variance of 3 seeds as 2/3 of what
it is.

The interval is score +- t(q, f) sqrt(V), with the degrees of freedom of such a sum

    f = V^2 / (V_images^2 / f_images + (s^2 / K)^2 / (K - 1))

(Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics
Bulletin 2(6), 1946; without the second term where V_seeds is 0). All sources of a task are trained
by one recipe. One s^2 is therefore pooled over both sources of a difference, with
s^2 (1 / K1 + 1 / K2) and K1 + K2 - 2 in place of s^2 / K and K - 1, as in Student's two-sample t
test; where the variances differ by a factor of 4, 3 seeds each still give at most 6 % false
findings at a nominal 5 %. For a score, s^2 is pooled over all sources of its column: that of 3
seeds alone is too often 0 for the sum above, and the interval then too narrow.

A bootstrap of G units underestimates the variance, as that of G numbers divided by G does, and
units of different sizes are worth fewer. With w the share of a unit in the true boxes or pixels,

    V_images = variance over resamples / (1 - 2 sum w^3 / sum w^2 + sum w^2)
    f_images = (sum w^2)^2 / sum w^4 - 1

which is a factor of G / (G - 1) and f = G - 1 for equal units. It holds for scores whose
deviations are shared by all images of a unit (their sums then vary with w^2). Where less is
shared, as in a difference of two sources on the same images, few and unequal units make it
conservative. Percentiles of the resamples are not used: they are too narrow for few units
(Cameron, Gelbach, Miller, "Bootstrap-based improvements for inference with clustered errors",
Rev. Econ. Stat. 90(3), 2008) and do not include the seeds. `reports.calibrate` checks the coverage
of these intervals.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

CONFIDENCE_LEVEL = 0.95
BETTER, WORSE, NO_DIFFERENCE_SHOWN = VERDICTS = ("better", "worse", "no difference shown")
MIN_DEFINED_SHARE = 0.5  # share of the resamples in which a score has to be defined
FloatArray = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ScoreSample:
    """One score of one source: its values over seeds and resamples.

    Attributes:
        seed_scores: float64 (K,), one per seed, on all images.
        bootstrap_scores: float64 (K, R), on the resamples; NaN where a resample leaves the score
            undefined.
        unit_shares: float64 (G,), each unit's share of the true boxes or pixels; their sum is 1.
    """

    seed_scores: FloatArray
    bootstrap_scores: FloatArray
    unit_shares: FloatArray

    # Cached: every comparison with another source needs these again.
    @cached_property
    def is_defined(self) -> bool:
        """Whether the score is defined for every seed."""
        return bool(np.isfinite(self.seed_scores).all())

    @cached_property
    def sum_of_squares(self) -> float:
        """Sum of the squared deviations of the seed scores from their mean."""
        return float(self.seed_scores.var()) * len(self.seed_scores)

    @cached_property
    def defined_resamples(self) -> NDArray[np.bool_]:
        """Whether the score is defined for every seed, per resample, (R,)."""
        is_defined: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(self.bootstrap_scores))
        return is_defined

    @cached_property
    def mean_bootstrap_scores(self) -> FloatArray:
        """Mean over the seeds per resample, (R,)."""
        means: FloatArray = self.bootstrap_scores.mean(axis=0)
        return means

    @cached_property
    def seed_image_interaction(self) -> float:
        """V_both over the `defined_resamples`, before the correction for few units."""
        return _compute_seed_image_interaction(self.bootstrap_scores[:, self.defined_resamples])


@dataclass(frozen=True)
class Estimate:
    """A score or a difference with its uncertainty; symbols as in the module docstring.

    Attributes:
        value: The score or the difference.
        low: Lower end of the 95 % confidence interval.
        high: Upper end.
        standard_error: sqrt(V).
        degrees_of_freedom: f.
        p_value: Two-sided, of the hypothesis that the true value is 0.
        image_variance: V_images at this number of images.
        interaction_variance: The part of V_images that more seeds would reduce.
        seed_variance: V_seeds; None where a source has one seed only: the interval then covers
            other images but not other trainings.
    """

    value: float
    low: float
    high: float
    standard_error: float
    degrees_of_freedom: float
    p_value: float
    image_variance: float
    interaction_variance: float
    seed_variance: float | None


def estimate_score(sample: ScoreSample, same_recipe: Sequence[ScoreSample] = ()) -> Estimate | None:
    """Estimate the mean score of a source; the interval is cut to the range of scores, 0 to 1.

    Args:
        sample: The score of the source.
        same_recipe: Samples of other sources that were trained by the same recipe; the variance
            over seeds is pooled over them.

    Returns:
        None where there is too little data: a score that is undefined for a seed or in more than
        half of the resamples, or whose true boxes are in fewer than two units.
    """
    estimate = estimate_mean(sample, same_recipe)
    if estimate is None:
        return None
    return replace(estimate, low=max(0.0, estimate.low), high=min(1.0, estimate.high))


def estimate_mean(sample: ScoreSample, same_recipe: Sequence[ScoreSample] = ()) -> Estimate | None:
    """Estimate as `estimate_score`, for a quantity that has no range, e.g. a ratio of scores."""
    return _estimate_signed_sum([sample], [1.0], same_recipe)


def estimate_difference(
    minuend: ScoreSample, subtrahend: ScoreSample, same_recipe: Sequence[ScoreSample] = ()
) -> Estimate | None:
    """Estimate ``minuend - subtrahend`` on the same resamples; arguments as in `estimate_score`."""
    return _estimate_signed_sum([minuend, subtrahend], [1.0, -1.0], same_recipe)


def _estimate_signed_sum(
    samples: Sequence[ScoreSample], signs: Sequence[float], same_recipe: Sequence[ScoreSample] = ()
) -> Estimate | None:
    """Estimate the sum of signed mean scores."""
    if not all(sample.is_defined for sample in samples):
        return None
    is_defined = np.logical_and.reduce([sample.defined_resamples for sample in samples])
    correction, freedom = compute_cluster_correction(samples[0].unit_shares)
    if is_defined.mean() < MIN_DEFINED_SHARE or freedom < 1:
        return None
    signed = list(zip(signs, samples, strict=True))
    value = sum(sign * float(sample.seed_scores.mean()) for sign, sample in signed)

    # Variance over images: of the signed sum over the resamples, paired
    resampled = np.sum(
        [sign * sample.mean_bootstrap_scores[is_defined] for sign, sample in signed], axis=0
    )
    image_variance = float(resampled.var(ddof=1)) * correction

    # Variance over seeds, where every source has several
    interaction, seed_variance, seed_term = 0.0, None, 0.0
    if all(len(sample.seed_scores) > 1 for sample in samples):
        interaction = sum(
            _get_seed_image_interaction(sample, is_defined) * correction / len(sample.seed_scores)
            for sample in samples
        )
        pooled, seed_freedom = _pool_seed_variance(samples, same_recipe)
        seed_variance = max(0.0, pooled - interaction)
        interaction = min(interaction, image_variance)
        seed_term = pooled**2 / seed_freedom if seed_variance > 0 else 0.0

    # Interval and p-value with Satterthwaite's degrees of freedom
    variance = image_variance + (seed_variance or 0.0)
    if variance > 0:
        freedom = variance**2 / (image_variance**2 / freedom + seed_term)
    error = math.sqrt(variance)
    margin = t_quantile(0.5 + CONFIDENCE_LEVEL / 2, freedom) * error
    return Estimate(
        value=value,
        low=value - margin,
        high=value + margin,
        standard_error=error,
        degrees_of_freedom=freedom,
        p_value=_compute_p_value(value, error, freedom),
        image_variance=image_variance,
        interaction_variance=interaction,
        seed_variance=seed_variance,
    )


def _pool_seed_variance(
    samples: Sequence[ScoreSample], same_recipe: Sequence[ScoreSample]
) -> tuple[float, int]:
    """Pool one s^2 over all samples.

    Returns:
        s^2 sum 1 / K of the ``samples``, the variance of a sum of their means, and the degrees of
        freedom of s^2.
    """
    pooled = [sample for sample in (*samples, *same_recipe) if sample.is_defined]
    freedom = sum(len(sample.seed_scores) - 1 for sample in pooled)
    squares = sum(sample.sum_of_squares for sample in pooled)
    return squares / freedom * sum(1 / len(sample.seed_scores) for sample in samples), freedom


def compute_cluster_correction(shares: FloatArray) -> tuple[float, float]:
    """Compute the correction of the bootstrap variance for units of these sizes.

        factor = 1 / (1 - 2 sum w^3 / sum w^2 + sum w^2),   f = (sum w^2)^2 / sum w^4 - 1

    Args:
        shares: w, float64 (G,), each unit's share of the truth; their sum is 1.

    Returns:
        Factor of the variance and degrees of freedom; 1 and 0 where they are undefined.
    """
    second, third, fourth = (float((shares**power).sum()) for power in (2, 3, 4))
    if second == 0:
        return 1.0, 0.0
    expected_share = 1 - 2 * third / second + second  # of the variance that the bootstrap finds
    if expected_share <= 0:
        return 1.0, 0.0
    return 1 / expected_share, second**2 / fourth - 1


def adjust_p_values(p_values: Sequence[float]) -> list[float]:
    """Adjust p-values for multiple testing by Holm's method (family-wise error rate).

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6(2),
    1979.
    """
    count = len(p_values)
    adjusted = [0.0] * count
    running_maximum = 0.0
    for rank, index in enumerate(sorted(range(count), key=lambda i: p_values[i])):
        running_maximum = max(running_maximum, min(1.0, (count - rank) * p_values[index]))
        adjusted[index] = running_maximum
    return adjusted


def t_quantile(probability: float, freedom: float) -> float:
    """Return the quantile of Student's t distribution."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, probability))


def t_cdf(value: float, freedom: float) -> float:
    """Return the cumulative distribution function of Student's t distribution."""
    from scipy.special import stdtr

    return float(stdtr(freedom, value))


def _compute_p_value(value: float, error: float, freedom: float) -> float:
    if error == 0:
        return 1.0 if value == 0 else 0.0
    return 2 * t_cdf(-abs(value) / error, freedom)


def _get_seed_image_interaction(sample: ScoreSample, is_defined: NDArray[np.bool_]) -> float:
    """Return V_both over a subset of the sample's defined resamples."""
    return (
        sample.seed_image_interaction
        if is_defined.sum() == sample.defined_resamples.sum()
        else _compute_seed_image_interaction(sample.bootstrap_scores[:, is_defined])
    )


def _compute_seed_image_interaction(bootstrap_scores: FloatArray) -> float:
    """Compute V_both: the variance over resamples of a seed's deviation from the mean over K seeds.

    Mean over the seeds, times K / (K - 1) to be unbiased.

    Args:
        bootstrap_scores: float64 (K, R), finite.
    """
    deviations = bootstrap_scores - bootstrap_scores.mean(axis=0)
    seed_count = len(bootstrap_scores)
    return float(deviations.var(axis=1, ddof=1).mean()) * seed_count / (seed_count - 1)
