"""Estimates of robustness: retained scores per source, corruption and severity, and their mean."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import combinations

import numpy as np

from fusebench.storage.records import Column
from reports.results.bootstrap_scores import ScoreKey
from reports.results.robustness.collection import RobustnessResults, RunsBySource, ScoredRun, Seed
from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import Estimate, ScoreSample
from reports.statistics.retained_scores import average_samples, divide_samples


@dataclass(frozen=True)
class RobustnessValue:
    """A retained score, or a mean of several.

    Attributes:
        value: Mean over the seeds; 1 is the score on clean pairs. None: undefined.
        score: The score on corrupted pairs, mean over the seeds; of a mean, the mean score.
        estimate: Interval of ``value``; None without resamples.
        is_unchanged: The corruption does not change the images of the source.
    """

    value: float | None
    score: float | None
    estimate: Estimate | None = None
    is_unchanged: bool = False


@dataclass(frozen=True)
class RobustnessComparison:
    """Difference of the mean retained scores of two sources: ``source`` minus ``other``."""

    source: str
    other: str
    estimate: Estimate
    adjusted_p_value: float

    @property
    def is_shown(self) -> bool:
        """Whether the sources are shown to differ."""
        return self.adjusted_p_value < 1 - confidence_intervals.CONFIDENCE_LEVEL


@dataclass(frozen=True)
class RobustnessEstimates:
    """All estimates of one metric.

    Attributes:
        metric: Name of the metric.
        column: Its column.
        seeds: Seeds per source that are finished with every corruption.
        clean: Score on clean pairs per source.
        by_level: Per (corruption, severity), per source.
        by_corruption: Mean over the severities per corruption, per source.
        means: Mean over the corruptions, per source.
        comparisons: Every pair of sources whose means can be tested.
    """

    metric: str
    column: Column
    seeds: Mapping[str, tuple[Seed, ...]]
    clean: Mapping[str, float | None]
    by_level: Mapping[tuple[str, int], Mapping[str, RobustnessValue]]
    by_corruption: Mapping[str, Mapping[str, RobustnessValue]]
    means: Mapping[str, RobustnessValue]
    comparisons: tuple[RobustnessComparison, ...]


@dataclass(frozen=True, eq=False)
class _Samples:
    """Score and retained score of one source; the score alone may be defined."""

    score: ScoreSample
    retained: ScoreSample
    has_resamples: bool
    is_unchanged: bool = False


def estimate_robustness(
    results: RobustnessResults, metric: str, column: Column
) -> RobustnessEstimates:
    """Estimate the retained scores of all sources that have a seed with every run.

    Args:
        results: Results on clean and corrupted pairs.
        metric: Name of the metric; its mean over classes is used.
        column: Column of the metric.
    """
    seeds = {name: results.list_common_seeds(name) for name in results.sources}
    seeds = {name: common for name, common in seeds.items() if common}
    clean = {name: _build_sample(results.clean, name, s, metric) for name, s in seeds.items()}
    by_level: dict[tuple[str, int], dict[str, _Samples]] = {}
    for level in results.levels:
        by_level[level.name, level.severity] = {
            name: _build_samples(level.runs, name, seeds[name], metric, clean[name])
            if name in level.planned_seeds
            else _mark_unchanged(clean[name])
            for name in seeds
        }
    by_corruption = {
        corruption: _average([by_level[key] for key in by_level if key[0] == corruption])
        for corruption in dict.fromkeys(name for name, _ in by_level)
    }
    means = _average(list(by_corruption.values()))
    return RobustnessEstimates(
        metric,
        column,
        seeds,
        {name: _get_mean(sample[0]) for name, sample in clean.items()},
        {key: _estimate(samples) for key, samples in by_level.items()},
        {name: _estimate(samples) for name, samples in by_corruption.items()},
        _estimate(means),
        tuple(_compare(means)),
    )


def _build_sample(
    runs: RunsBySource, source: str, seeds: Sequence[Seed], metric: str
) -> tuple[ScoreSample, bool]:
    """Build the sample of a score; and whether it has resamples."""
    chosen = [runs[source][seed] for seed in seeds]
    scores = np.array([_get_score(run, metric) for run in chosen])
    key = ScoreKey(None, None, metric)
    resampled = [
        run.bootstrap.scores[key]
        for run in chosen
        if run.bootstrap is not None and key in run.bootstrap.scores
    ]
    bootstrap = chosen[0].bootstrap
    if bootstrap is None or len(resampled) != len(chosen):
        return ScoreSample(scores, np.full((len(chosen), 1), np.nan), np.ones(1)), False
    return ScoreSample(scores, np.stack(resampled), bootstrap.unit_shares[None, None]), True


def _get_score(run: ScoredRun, metric: str) -> float:
    score = run.record.values.get(metric)
    return np.nan if score is None else score


def _build_samples(
    runs: RunsBySource,
    source: str,
    seeds: Sequence[Seed],
    metric: str,
    clean: tuple[ScoreSample, bool],
) -> _Samples:
    sample, has_resamples = _build_sample(runs, source, seeds, metric)
    has_both = has_resamples and clean[1]
    if not has_both:  # the numbers of resamples may differ
        sample = ScoreSample(sample.seed_scores, clean[0].bootstrap_scores * np.nan, np.ones(1))
    return _Samples(sample, divide_samples(sample, clean[0]), has_both)


def _mark_unchanged(clean: tuple[ScoreSample, bool]) -> _Samples:
    return _Samples(clean[0], divide_samples(clean[0], clean[0]), clean[1], is_unchanged=True)


def _average(entries: Sequence[Mapping[str, _Samples]]) -> dict[str, _Samples]:
    """Average the samples of every source over severities or corruptions."""
    return {
        source: _Samples(
            average_samples([entry[source].score for entry in entries]),
            average_samples([entry[source].retained for entry in entries]),
            all(entry[source].has_resamples for entry in entries),
            all(entry[source].is_unchanged for entry in entries),
        )
        for source in (entries[0] if entries else ())
    }


def _estimate(samples: Mapping[str, _Samples]) -> dict[str, RobustnessValue]:
    """Estimate the retained scores of all sources, with one variance over seeds."""
    testable = {name: s.retained for name, s in samples.items() if s.has_resamples}
    values = {}
    for name, entry in samples.items():
        estimate = None
        if name in testable and not entry.is_unchanged:
            others = [
                sample
                for other, sample in testable.items()
                if other != name and not samples[other].is_unchanged
            ]
            estimate = confidence_intervals.estimate_mean(entry.retained, others)
            if estimate is not None:  # a share has no upper end, but it is not negative
                estimate = replace(estimate, low=max(0.0, estimate.low))
        values[name] = RobustnessValue(
            _get_mean(entry.retained), _get_mean(entry.score), estimate, entry.is_unchanged
        )
    return values


def _compare(means: Mapping[str, _Samples]) -> list[RobustnessComparison]:
    """Test every pair of sources; p-values are adjusted (Holm) over the pairs."""
    testable = {name: s.retained for name, s in means.items() if s.has_resamples}
    pairs = [
        (source, other, estimate)
        for (source, first), (other, second) in combinations(testable.items(), 2)
        if (estimate := confidence_intervals.estimate_difference(first, second)) is not None
    ]
    adjusted = confidence_intervals.adjust_p_values([estimate.p_value for *_, estimate in pairs])
    return [RobustnessComparison(*pair, p) for pair, p in zip(pairs, adjusted, strict=True)]


def _get_mean(sample: ScoreSample) -> float | None:
    return float(sample.seed_scores.mean()) if sample.is_defined else None
