"""A source tried against itself: how often the statistics find a difference that is not there.

A trial draws images and trainings, makes two pretended sources of them that differ in nothing but
chance, and asks `statistics` for its verdict (A/A test). Where the true value is known, it also
looks whether the interval holds it.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusebench.evaluation import average_precision, bootstrap
from fusebench.evaluation.bootstrap import Resamples
from reports.statistics import confidence_intervals, synthetic_detections
from reports.statistics.confidence_intervals import Estimate, ScoreSample
from reports.statistics.synthetic_detections import DetectorModel

SIGNIFICANCE_LEVEL = 1 - confidence_intervals.CONFIDENCE_LEVEL

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
ScoreFunction = Callable[[FloatArray], FloatArray]  # weights (R, I) to scores (R,) of one training


@dataclass(frozen=True, eq=False)
class ScorableSource:
    """A source whose trainings can be scored on any weighting of its images.

    Attributes:
        trainings: One per seed.
        groups: Per image.
        truths: (C, I), true boxes or pixels per class and image.
    """

    name: str
    score_functions: tuple[ScoreFunction, ...]
    groups: tuple[str, ...]
    truth_counts: NDArray[np.generic]


@dataclass(frozen=True)
class TrialOutcome:
    """What became of one trial.

    Attributes:
        false: The verdict was not "no difference shown".
        covered: The interval of the score holds the true value; None where that is not known.
    """

    is_false_finding: bool
    covers_true_value: bool | None = None


def build_score_sample(
    of: ScorableSource, which: Sequence[int], chosen: IntArray, draws: Resamples
) -> ScoreSample:
    """Some trainings on some images: their scores, and those on the draws of these images."""
    weights = np.zeros((len(draws.unit_counts) + 1, len(of.groups)))
    weights[0, chosen] = 1
    weights[1:, chosen] = draws.image_weights
    found = np.stack([of.score_functions[i](weights) for i in which])
    held = [bootstrap.sum_per_unit(draws, counts) for counts in of.truth_counts[:, chosen]]
    shares = np.mean([each / each.sum() for each in held if each.any()], axis=0)
    return ScoreSample(found[:, 0], found[:, 1:], shares)


def run_synthetic_trial(
    world: DetectorModel,
    sizes: IntArray,
    seeds: int,
    truth: float,
    rng: np.random.Generator,
    resamples: int,
) -> dict[str, TrialOutcome]:
    """One trial on drawn detections, by three ways of reckoning.

    Args:
        world: What the detections are drawn from.
        sizes: Images per group.
        seeds: Trainings of each pretended source.
        truth: Mean AP@.5 over endless images and trainings.
        rng: Of this trial.
        resamples: How many.

    Returns:
        ``as reported``; ``groups ignored``, images drawn one by one; ``seeds ignored``, the
        variance of images alone.
    """
    on = synthetic_detections.generate_ground_truth(world, sizes, rng)
    every = tuple(_build_score_function(world, on, rng) for _ in range(2 * seeds))
    boxes = np.bincount(on.image_of_box, minlength=len(on.group_of_image))[None]
    grouped = ScorableSource("", every, tuple(map(str, on.group_of_image)), boxes)
    images = np.arange(len(on.group_of_image))
    seed = int(rng.integers(2**31))
    found = {}
    for name, groups in (("as reported", grouped.groups), ("groups ignored", images.astype(str))):
        draws = bootstrap.resample_units(list(groups), resamples, seed)
        pair = [
            build_score_sample(grouped, range(first, first + seeds), images, draws)
            for first in (0, seeds)
        ]
        found[name] = _evaluate_trial(pair, truth)
        if name == "as reported":
            found["seeds ignored"] = _evaluate_trial([_average_seeds(each) for each in pair], truth)
    return found


def run_split_half_trial(
    of: ScorableSource, rng: np.random.Generator, resamples: int
) -> TrialOutcome | None:
    """The same trainings on two halves of the groups; None where a half is too little to judge."""
    names = np.unique(of.groups)
    first = set(rng.permutation(names)[: len(names) // 2])
    inside = np.array([group in first for group in of.groups])
    parts = []
    for chosen in (np.flatnonzero(inside), np.flatnonzero(~inside)):
        draws = _resample_images(of, chosen, rng, resamples)
        parts.append(
            confidence_intervals.estimate_score(
                _average_seeds(
                    build_score_sample(of, range(len(of.score_functions)), chosen, draws)
                )
            )
        )
    one, other = parts
    return (
        TrialOutcome(compute_independent_p_value(one, other) < SIGNIFICANCE_LEVEL)
        if one and other
        else None
    )


def run_seed_trial(
    of: ScorableSource, rng: np.random.Generator, resamples: int
) -> TrialOutcome | None:
    """Some trainings against others of the same source, on half of the groups.

    Two against two where there are four; one against one where there are fewer, which is what a
    table of one seed each compares.
    """
    names = np.unique(of.groups)
    first = set(rng.permutation(names)[: (len(names) + 1) // 2])
    chosen = np.flatnonzero([group in first for group in of.groups])
    order = rng.permutation(len(of.score_functions))
    size = len(order) // 2 if len(order) > 3 else 1
    draws = _resample_images(of, chosen, rng, resamples)
    pair = [build_score_sample(of, list(order[i : i + size]), chosen, draws) for i in (0, size)]
    found = confidence_intervals.estimate_difference(*pair)
    return TrialOutcome(found.p_value < SIGNIFICANCE_LEVEL) if found else None


def compute_independent_p_value(one: Estimate, other: Estimate) -> float:
    """The p-value of a difference between scores on different images."""
    total = one.image_variance + other.image_variance
    gap = abs(one.value - other.value)
    if total == 0:
        return 1.0 if gap == 0 else 0.0
    freedom = total**2 / sum(
        each.image_variance**2 / each.degrees_of_freedom for each in (one, other)
    )
    return 2 * confidence_intervals.t_cdf(-gap / math.sqrt(total), freedom)


def _build_score_function(
    world: DetectorModel, on: synthetic_detections.SyntheticGroundTruth, rng: np.random.Generator
) -> ScoreFunction:
    found = synthetic_detections.simulate_detections(world, on, rng)

    def score(weights: FloatArray) -> FloatArray:
        alone: FloatArray = average_precision.weighted_average_precision(
            found, weights, overlaps=slice(0, 1)
        )[:, 0]
        return alone

    return score


def _resample_images(
    of: ScorableSource, chosen: IntArray, rng: np.random.Generator, resamples: int
) -> Resamples:
    return bootstrap.resample_units(
        [of.groups[i] for i in chosen], resamples, int(rng.integers(2**31))
    )


def _average_seeds(of: ScoreSample) -> ScoreSample:
    """The mean over the trainings as if it were one, whose seeds are not asked after."""
    return ScoreSample(
        of.seed_scores.mean(keepdims=True),
        of.bootstrap_scores.mean(axis=0, keepdims=True),
        of.unit_shares,
    )


def _evaluate_trial(pair: Sequence[ScoreSample], truth: float) -> TrialOutcome:
    gap, one = (
        confidence_intervals.estimate_difference(*pair),
        confidence_intervals.estimate_score(pair[0], pair[1:]),
    )
    assert gap is not None
    assert one is not None
    return TrialOutcome(gap.p_value < SIGNIFICANCE_LEVEL, one.low <= truth <= one.high)
