"""A/A tests: how often the statistics find a difference between a source and itself.

A trial splits images and trainings of one source into two samples that differ by chance only, and
tests their difference (`confidence_intervals`) as if they were two sources. Where the true value is
known, the trial also checks whether the confidence interval covers it.
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
    """A source whose trainings can be scored at any weights of its images.

    Attributes:
        name: Printed name.
        score_functions: One per training (seed).
        groups: Sequence of each image.
        truth_counts: (C, I), true boxes or pixels per class and image.
    """

    name: str
    score_functions: tuple[ScoreFunction, ...]
    groups: tuple[str, ...]
    truth_counts: NDArray[np.generic]


@dataclass(frozen=True)
class TrialOutcome:
    """Outcome of one trial.

    Attributes:
        is_false_finding: Whether a difference was found.
        covers_true_value: Whether the interval of the score covers the true value; None where
            that is not known.
    """

    is_false_finding: bool
    covers_true_value: bool | None = None


def build_score_sample(
    source: ScorableSource, seeds: Sequence[int], images: IntArray, resamples: Resamples
) -> ScoreSample:
    """Score some trainings on some images and on resamples of these images.

    Args:
        source: The source.
        seeds: Indices of its trainings.
        images: Indices of its images.
        resamples: Resamples of these images.
    """
    # Row 0: every image once; rows 1 to R: the resamples
    weights = np.zeros((len(resamples.unit_counts) + 1, len(source.groups)))
    weights[0, images] = 1
    weights[1:, images] = resamples.image_weights
    scores = np.stack([source.score_functions[seed](weights) for seed in seeds])
    # Shares of the units in each class's truth, averaged over the classes that have any
    unit_count = resamples.unit_counts.shape[1]
    unit_sums = [
        bootstrap.sum_per_unit(counts, resamples.unit_of_image, unit_count)
        for counts in source.truth_counts[:, images]
    ]
    shares = np.mean([sums / sums.sum() for sums in unit_sums if sums.any()], axis=0)
    return ScoreSample(scores[:, 0], scores[:, 1:], shares)


def run_synthetic_trial(
    model: DetectorModel,
    sizes: IntArray,
    seeds: int,
    truth: float,
    rng: np.random.Generator,
    resample_count: int,
) -> dict[str, TrialOutcome]:
    """Run one trial on synthetic detections, with three variants of the statistics.

    Args:
        model: Generates the detections.
        sizes: Images per group.
        seeds: Number of trainings of each sample.
        truth: Mean AP@.5 over infinitely many images and trainings.
        rng: Generator of this trial.
        resample_count: Number of bootstrap resamples.

    Returns:
        Outcome by variant: ``as reported``; ``groups ignored``, single images resampled; ``seeds
        ignored``, with the variance over images alone.
    """
    ground_truth = synthetic_detections.generate_ground_truth(model, sizes, rng)
    score_functions = tuple(
        build_score_function(model, ground_truth, rng) for _ in range(2 * seeds)
    )
    image_count = len(ground_truth.group_of_image)
    box_counts = np.bincount(ground_truth.image_of_box, minlength=image_count)[None]
    groups = tuple(map(str, ground_truth.group_of_image))
    source = ScorableSource("", score_functions, groups, box_counts)
    images = np.arange(image_count)
    bootstrap_seed = int(rng.integers(2**31))
    outcomes = {}
    for variant, units in (("as reported", groups), ("groups ignored", images.astype(str))):
        resamples = bootstrap.resample_units(list(units), resample_count, bootstrap_seed)
        pair = [
            build_score_sample(source, range(first, first + seeds), images, resamples)
            for first in (0, seeds)
        ]
        outcomes[variant] = _evaluate_trial(pair, truth)
        if variant == "as reported":
            averaged = [_average_seeds(sample) for sample in pair]
            outcomes["seeds ignored"] = _evaluate_trial(averaged, truth)
    return outcomes


def run_split_half_trial(
    source: ScorableSource, rng: np.random.Generator, resample_count: int
) -> TrialOutcome | None:
    """Compare the same trainings on two random halves of the sequences.

    Returns:
        None if a half has too little data for an estimate.
    """
    names = np.unique(source.groups)
    first_half = set(rng.permutation(names)[: len(names) // 2])
    is_in_first = np.array([group in first_half for group in source.groups])
    estimates = []
    for images in (np.flatnonzero(is_in_first), np.flatnonzero(~is_in_first)):
        resamples = _resample_images(source, images, rng, resample_count)
        sample = build_score_sample(source, range(len(source.score_functions)), images, resamples)
        estimates.append(confidence_intervals.estimate_score(_average_seeds(sample)))
    first, second = estimates
    if first is None or second is None:
        return None
    return TrialOutcome(compute_independent_p_value(first, second) < SIGNIFICANCE_LEVEL)


def run_seed_trial(
    source: ScorableSource, rng: np.random.Generator, resample_count: int
) -> TrialOutcome | None:
    """Compare trainings of a source with others of it, on a random half of its sequences.

    With four or more trainings, one half is compared with the other half; with fewer, one training
    with another, as in a table with one seed per source.

    Returns:
        None if there is too little data for an estimate.
    """
    names = np.unique(source.groups)
    half = set(rng.permutation(names)[: (len(names) + 1) // 2])
    images = np.flatnonzero([group in half for group in source.groups])
    order = rng.permutation(len(source.score_functions))
    size = len(order) // 2 if len(order) > 3 else 1
    resamples = _resample_images(source, images, rng, resample_count)
    pair = [
        build_score_sample(source, list(order[start : start + size]), images, resamples)
        for start in (0, size)
    ]
    estimate = confidence_intervals.estimate_difference(pair[0], pair[1])
    return TrialOutcome(estimate.p_value < SIGNIFICANCE_LEVEL) if estimate else None


def compute_independent_p_value(first: Estimate, second: Estimate) -> float:
    """Compute the two-sided p-value of the difference of two scores on different images.

    Welch's t test with the variances over images, f by Satterthwaite:

        t = |difference| / sqrt(V1 + V2),   f = (V1 + V2)^2 / (V1^2 / f1 + V2^2 / f2)
    """
    variance = first.image_variance + second.image_variance
    difference = abs(first.value - second.value)
    if variance == 0:
        return 1.0 if difference == 0 else 0.0
    freedom = variance**2 / sum(
        estimate.image_variance**2 / estimate.degrees_of_freedom for estimate in (first, second)
    )
    return 2 * confidence_intervals.t_cdf(-difference / math.sqrt(variance), freedom)


def build_score_function(
    model: DetectorModel,
    ground_truth: synthetic_detections.SyntheticGroundTruth,
    rng: np.random.Generator,
) -> ScoreFunction:
    """Simulate one training; return its AP@.5 as a function of the image weights."""
    matches = synthetic_detections.simulate_detections(model, ground_truth, rng)

    def score(weights: FloatArray) -> FloatArray:
        scores: FloatArray = average_precision.weighted_average_precision(
            matches, weights, thresholds=slice(0, 1)
        )[:, 0]
        return scores

    return score


def _resample_images(
    source: ScorableSource, images: IntArray, rng: np.random.Generator, resample_count: int
) -> Resamples:
    groups = [source.groups[i] for i in images]
    return bootstrap.resample_units(groups, resample_count, int(rng.integers(2**31)))


def _average_seeds(sample: ScoreSample) -> ScoreSample:
    """Average over the trainings as if they were one, which removes the variance over seeds."""
    return ScoreSample(
        sample.seed_scores.mean(keepdims=True),
        sample.bootstrap_scores.mean(axis=0, keepdims=True),
        sample.unit_shares,
    )


def _evaluate_trial(pair: Sequence[ScoreSample], truth: float) -> TrialOutcome:
    difference = confidence_intervals.estimate_difference(pair[0], pair[1])
    score = confidence_intervals.estimate_score(pair[0], pair[1:])
    assert difference is not None
    assert score is not None
    return TrialOutcome(difference.p_value < SIGNIFICANCE_LEVEL, score.low <= truth <= score.high)
