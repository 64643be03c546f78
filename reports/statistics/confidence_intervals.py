"""How sure a score and a difference are: their 95 % intervals and p-values.

A score of a source is the mean over its K trainings (seeds) on one set of test images; another set
of images or other seeds would have given another mean. With images in groups, its variance is

    V = V_images + V_seeds,   V_seeds = max(0, (s^2 - V_both) / K)

V_images is the variance of the mean over the resamples: the same drawn groups for every seed and
both sources of a difference (paired). s^2 is the variance of the scores over the seeds. Part of
it is not the seeds' doing: two trainings hit different objects by luck, which a larger test set
would even out. That part, V_both, is the mean variance over resamples of a seed's deviation from
the mean over seeds, times K / (K - 1). It is in V_images already, so that adding s^2 / K alone
would count it twice (this is the analysis of variance of images x seeds with both at random:
Cornfield, Tukey, "Average values of mean squares in factorials", Ann. Math. Stat. 27(4), 1956).
Drawing seeds with replacement instead would take the variance of 3 seeds for 2/3 of what it is.

The interval is score +- t(q, f) sqrt(V), with the degrees of freedom of such a sum

    f = V^2 / (V_images^2 / f_images + (s^2 / K)^2 / (K - 1))

(Satterthwaite, "An approximate distribution of estimates of variance components", Biometrics
Bulletin 2(6), 1946; the second term falls away where V_seeds is 0). All sources of a task
are trained by one recipe, so that one s^2 is taken of both sources of a difference, with
s^2 (1 / K1 + 1 / K2) and K1 + K2 - 2 in the places of s^2 / K and K - 1, as in Student's test of
two means: where the variances differ by a factor of 4, 3 seeds each still give at most 6 % false
findings for 5 %. For a score it is taken of all sources of its column: of 3 seeds alone it is 0
too often for the sum above, and the interval then too narrow.

A bootstrap of G groups underestimates as the variance of G numbers divided by G does, and G
groups of different sizes are worth fewer: with w the share of a group in the true boxes or pixels,

    V_images = resampled variance / (1 - 2 sum w^3 / sum w^2 + sum w^2)
    f_images = (sum w^2)^2 / sum w^4 - 1

which is G / (G - 1) and G - 1 for equal groups, and holds for scores that groups share as a whole
(their sums then vary with w^2). Where they share less, as in a difference of two sources on the
same images, few and unequal groups make it err on the safe side. Percentiles of the resamples are
not used: they are too narrow for few groups (Cameron, Gelbach, Miller, "Bootstrap-based
improvements for inference with clustered errors", Rev. Econ. Stat. 90(3), 2008), and have no place
for seeds. `reports.calibrate` shows that these intervals hold what they say.
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
    """What is known of one score of one source.

    Attributes:
        scores: float64 (K,), one per seed, on all images.
        resampled: float64 (K, R), on the resamples; NaN where a resample leaves it undefined.
        shares: float64 (G,), each unit's share of the true boxes or pixels; their sum is 1.
    """

    seed_scores: FloatArray
    bootstrap_scores: FloatArray
    unit_shares: FloatArray

    # each is asked for again with every other source that this one is compared with
    @cached_property
    def is_defined(self) -> bool:
        """Whether the score is defined for every seed."""
        return bool(np.isfinite(self.seed_scores).all())

    @cached_property
    def sum_of_squares(self) -> float:
        """Sum of the squared deviations of the scores from their mean."""
        return float(self.seed_scores.var()) * len(self.seed_scores)

    @cached_property
    def defined_resamples(self) -> NDArray[np.bool_]:
        """In which resamples the score is defined for every seed, (R,)."""
        found: NDArray[np.bool_] = np.logical_and.reduce(np.isfinite(self.bootstrap_scores))
        return found

    @cached_property
    def mean_bootstrap_scores(self) -> FloatArray:
        """The mean over the seeds on the resamples, (R,)."""
        found: FloatArray = self.bootstrap_scores.mean(axis=0)
        return found

    @cached_property
    def seed_image_interaction(self) -> float:
        """What `_compute_seed_image_interaction` is in the resamples of `defined`."""
        return _compute_seed_image_interaction(self.bootstrap_scores[:, self.defined_resamples])


@dataclass(frozen=True)
class Estimate:
    """A score or a difference with its uncertainty.

    Attributes:
        low: End of the 95 % interval.
        high: The other end.
        error: Standard error, the square root of V above.
        freedom: f above.
        p: Of the hypothesis that the true value is 0, two-sided.
        images: V_images, as it is on this many images.
        both: The part of V_images that more seeds would make smaller.
        seeds: V_seeds; None where a source has one seed only: then the interval covers other
            images and not other trainings.
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


def estimate_score(of: ScoreSample, alike: Sequence[ScoreSample] = ()) -> Estimate | None:
    """The mean score of a source; its interval is cut to 0..1, where scores are.

    Args:
        of: The source.
        alike: Others trained by the same recipe, whose seeds vary as much.

    Returns:
        None where there is too little to say: a score that is undefined for a seed or in most of
        the resamples, or whose true boxes are in fewer than two units.
    """
    found = _estimate_signed_sum([of], [1.0], alike)
    if found is None:
        return None
    return replace(found, low=max(0.0, found.low), high=min(1.0, found.high))


def estimate_difference(one: ScoreSample, other: ScoreSample) -> Estimate | None:
    """``one`` minus ``other``, measured on the same resamples; None as in `estimate_score`."""
    return _estimate_signed_sum([one, other], [1.0, -1.0])


def _estimate_signed_sum(
    samples: Sequence[ScoreSample], signs: Sequence[float], alike: Sequence[ScoreSample] = ()
) -> Estimate | None:
    if not all(sample.is_defined for sample in samples):
        return None
    defined = np.logical_and.reduce([sample.defined_resamples for sample in samples])
    correction, freedom = compute_cluster_correction(samples[0].unit_shares)
    if defined.mean() < MIN_DEFINED_SHARE or freedom < 1:
        return None
    value = sum(sign * float(s.seed_scores.mean()) for sign, s in zip(signs, samples, strict=True))
    drawn = np.sum(
        [k * s.mean_bootstrap_scores[defined] for k, s in zip(signs, samples, strict=True)], axis=0
    )
    images = float(drawn.var(ddof=1)) * correction
    both, seeds, spread = 0.0, None, 0.0
    if all(len(sample.seed_scores) > 1 for sample in samples):
        own = [
            _get_seed_image_interaction(each, defined) * correction / len(each.seed_scores)
            for each in samples
        ]
        raw, over = _pool_seed_variance(samples, alike)
        seeds = max(0.0, raw - sum(own))
        both = min(sum(own), images)
        spread = raw**2 / over if seeds > 0 else 0.0
    total = images + (seeds or 0.0)
    if total > 0:
        freedom = total**2 / (images**2 / freedom + spread)
    error = math.sqrt(total)
    reach = t_quantile(0.5 + CONFIDENCE_LEVEL / 2, freedom) * error
    ends = value - reach, value + reach
    return Estimate(
        value, *ends, error, freedom, _compute_p_value(value, error, freedom), images, both, seeds
    )


def _pool_seed_variance(
    samples: Sequence[ScoreSample], alike: Sequence[ScoreSample]
) -> tuple[float, int]:
    """The variance of a sum of means over seeds, one s^2 for all, and its degrees of freedom."""
    every = [each for each in (*samples, *alike) if each.is_defined]
    freedom = sum(len(each.seed_scores) - 1 for each in every)
    squares = sum(each.sum_of_squares for each in every)
    return squares / freedom * sum(1 / len(sample.seed_scores) for sample in samples), freedom


def compute_cluster_correction(shares: FloatArray) -> tuple[float, float]:
    """What the bootstrap variance is multiplied by, and the degrees of freedom, of some units.

    Args:
        shares: (G,), their sum is 1.
    """
    second, third, fourth = (float((shares**power).sum()) for power in (2, 3, 4))
    if second == 0:
        return 1.0, 0.0
    kept = 1 - 2 * third / second + second
    return (1 / kept, second**2 / fourth - 1) if kept > 0 else (1.0, 0.0)


def adjust_p_values(values: Sequence[float]) -> list[float]:
    """p-values adjusted for how many they are, so that one false finding in all is at most rare.

    Source: Holm, "A simple sequentially rejective multiple test procedure", Scand. J. Stat. 6(2),
    1979.
    """
    number = len(values)
    adjusted = [0.0] * number
    running = 0.0
    for place, index in enumerate(sorted(range(number), key=lambda i: values[i])):
        running = max(running, min(1.0, (number - place) * values[index]))
        adjusted[index] = running
    return adjusted


def t_quantile(part: float, freedom: float) -> float:
    """Student's t: the value that a share of the distribution is below."""
    from scipy.special import stdtrit

    return float(stdtrit(freedom, part))


def t_cdf(value: float, freedom: float) -> float:
    """Student's t: the share of the distribution that is below a value."""
    from scipy.special import stdtr

    return float(stdtr(freedom, value))


def _compute_p_value(value: float, error: float, freedom: float) -> float:
    if error == 0:
        return 1.0 if value == 0 else 0.0
    return 2 * t_cdf(-abs(value) / error, freedom)


def _get_seed_image_interaction(of: ScoreSample, defined: NDArray[np.bool_]) -> float:
    """`_compute_seed_image_interaction` in some of the resamples in which the sample is defined."""
    return (
        of.seed_image_interaction
        if defined.sum() == of.defined_resamples.sum()
        else _compute_seed_image_interaction(of.bootstrap_scores[:, defined])
    )


def _compute_seed_image_interaction(draws: FloatArray) -> float:
    """Variance over resamples of a seed's deviation from the mean over the K seeds, unbiased."""
    alone = draws - draws.mean(axis=0)
    seeds = len(draws)
    return float(alone.var(axis=1, ddof=1).mean()) * seeds / (seeds - 1)
