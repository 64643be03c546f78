"""Calibration of rank sets and letters: sources whose true order is known, ties included.

A trial simulates several detectors on the same images in sequences, tests all pairs as a table of
the report does, and compares the ranks with those of the true average precision.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import numpy as np

from fusebench.evaluation import bootstrap
from reports.statistics import (
    calibration_trials,
    rank_sets,
    synthetic_detections,
)
from reports.statistics.calibration_trials import (
    SIGNIFICANCE_LEVEL,
    IntArray,
    ScorableSource,
    TrialOutcome,
)
from reports.statistics.synthetic_detections import DetectorModel


def run_rank_trial(
    model: DetectorModel,
    skills: Sequence[float],
    sizes: IntArray,
    seeds: int,
    rng: np.random.Generator,
    resample_count: int,
) -> TrialOutcome:
    """Run one trial.

    Args:
        model: Generates the detections of all sources, apart from their skill.
        skills: Mean skill of each source; sources with equal skills are tied.
        sizes: Images per sequence.
        seeds: Trainings per source.
        rng: Generator of this trial.
        resample_count: Number of bootstrap resamples.

    Returns:
        A false finding is any pair of tied sources without a common letter. The true value is
        covered if the rank set of every source holds all of its true ranks: those that it shares
        with the sources it is tied with.
    """
    truth = synthetic_detections.generate_ground_truth(model, sizes, rng)
    image_count = len(truth.group_of_image)
    box_counts = np.bincount(truth.image_of_box, minlength=image_count)[None]
    groups = tuple(map(str, truth.group_of_image))
    images = np.arange(image_count)
    resamples = bootstrap.resample_units(groups, resample_count, int(rng.integers(2**31)))
    samples = []
    for skill in skills:
        scorers = tuple(
            calibration_trials.build_score_function(replace(model, mean_skill=skill), truth, rng)
            for _ in range(seeds)
        )
        source = ScorableSource("", scorers, groups, box_counts)
        samples.append(
            calibration_trials.build_score_sample(source, range(seeds), images, resamples)
        )
    p_values = rank_sets.compute_pairwise_p_values(samples)
    assert p_values is not None
    is_different = rank_sets.adjust_all_pairs(p_values) < SIGNIFICANCE_LEVEL
    scores = [float(sample.seed_scores.mean()) for sample in samples]
    return evaluate_rank_sets(rank_sets.compute_rank_sets(scores, is_different), skills)


def evaluate_rank_sets(
    sets: Sequence[rank_sets.RankSet], true_values: Sequence[float]
) -> TrialOutcome:
    """Compare rank sets and letters with the true order, see `run_rank_trial`."""
    values = np.asarray(true_values)
    is_covered = all(
        rank_set.low <= 1 + (values > value).sum() and rank_set.high >= (values >= value).sum()
        for rank_set, value in zip(sets, values, strict=True)
    )
    tied = [(i, j) for i, j in combinations(range(len(values)), 2) if values[i] == values[j]]
    is_false = any(not set(sets[i].letters) & set(sets[j].letters) for i, j in tied)
    return TrialOutcome(is_false, bool(is_covered))
