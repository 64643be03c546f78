"""Rank correlation of fusion metrics with task scores over the sources of one set of pairs.

Spearman's rho between the means of a fusion metric and of a task, over the sources that both have.
Its 95 % interval is Fisher's z with the standard error of Bonett, Wright, "Sample size
requirements for estimating Pearson, Kendall and Spearman correlations", Psychometrika 65(1), 2000:

    tanh(atanh(rho) +- 1.96 sqrt((1 + rho^2 / 2) / (n - 3)))
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from fusebench.storage.records import Column
from reports.results.task_results import TaskResults

MIN_SOURCES = 4  # the interval needs more than 3
COLUMNS = ("quality_task", "metric", "task", "task_metric", "sources", "rho", "low", "high")
NORMAL_QUANTILE = 1.959963984540054  # of the normal distribution, two-sided 95 %


@dataclass(frozen=True)
class MetricCorrelation:
    """Correlation of one fusion metric with one score of a task.

    Attributes:
        quality_task: Name of the quality task.
        fusion_metric: Title of the fusion metric.
        task: Name of the other task.
        task_metric: Title of its score.
        source_count: n, sources that both have.
        rho: Positive if sources that are better by one metric tend to be better by the other.
        interval: Ends of the 95 % interval; None for a rho of 1 or -1, whose error is undefined.
    """

    quality_task: str
    fusion_metric: str
    task: str
    task_metric: str
    source_count: int
    rho: float
    interval: tuple[float, float] | None


def compute_correlations(tasks: Sequence[TaskResults]) -> list[MetricCorrelation]:
    """Correlate every fusion metric with the first two scores of every task on its data set.

    The tasks have test pairs in common, known by their files: simulated scenes of another seed are
    other pairs of a data set with the same name. Without scores per image the name decides.
    """
    return [
        correlation
        for quality in tasks
        if quality.kind == "quality"
        for task in tasks
        if task.kind != "quality" and _have_common_pairs(quality, task)
        for correlation in _correlate_tasks(quality, task)
    ]


def spearman_correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Compute Spearman's rho; ties have their mean rank, None if a side is constant."""
    x_ranks, y_ranks = (pd.Series(list(values), dtype="float64").rank() for values in (x, y))
    if x_ranks.nunique() < 2 or y_ranks.nunique() < 2:
        return None
    return max(-1.0, min(1.0, float(x_ranks.corr(y_ranks))))


def correlation_interval(rho: float, count: int) -> tuple[float, float] | None:
    """Compute the 95 % interval of a correlation over ``count`` sources; None for 1 or -1."""
    if abs(rho) > 1 - 1e-12 or count < MIN_SOURCES:
        return None
    z, margin = math.atanh(rho), NORMAL_QUANTILE * math.sqrt((1 + rho**2 / 2) / (count - 3))
    return math.tanh(z - margin), math.tanh(z + margin)


def build_dataframe(correlations: Sequence[MetricCorrelation]) -> pd.DataFrame:
    """Tabulate one row per correlation, columns `COLUMNS`."""
    rows = [
        (
            *(correlation.quality_task, correlation.fusion_metric),
            *(correlation.task, correlation.task_metric),
            *(correlation.source_count, correlation.rho),
            *(correlation.interval or (None, None)),
        )
        for correlation in correlations
    ]
    floats = dict.fromkeys(("rho", "low", "high"), "float64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(floats)


def _have_common_pairs(quality: TaskResults, task: TaskResults) -> bool:
    """Return whether the pairs are the same as far as that is known."""
    if quality.dataset != task.dataset:
        return False
    if quality.image_scores is None or task.image_scores is None:
        return True
    return not set(quality.image_scores.pairs).isdisjoint(task.image_scores.pairs)


def _correlate_tasks(quality: TaskResults, task: TaskResults) -> Iterator[MetricCorrelation]:
    for fusion_metric, fusion_column in quality.columns.items():
        x = _compute_means(quality, fusion_metric, fusion_column)
        for task_metric, task_column in list(task.columns.items())[:2]:
            y = _compute_means(task, task_metric, task_column)
            common = [source for source in x if source in y]
            if len(common) < MIN_SOURCES:
                continue
            rho = spearman_correlation(
                [x[source] for source in common], [y[source] for source in common]
            )
            if rho is not None:
                interval = correlation_interval(rho, len(common))
                titles = fusion_column.mean_title, task.name, task_column.mean_title
                yield MetricCorrelation(quality.name, *titles, len(common), rho, interval)


def _compute_means(results: TaskResults, metric: str, column: Column) -> Mapping[str, float]:
    """Compute each source's mean over seeds, negated where lower is better."""
    sign = 1.0 if column.better == "higher" else -1.0
    means = {}
    for source in results.sources:
        values = [record.values.get(metric) for record in source.records]
        defined = [value for value in values if value is not None]
        if defined:
            means[source.source_name] = sign * math.fsum(defined) / len(defined)
    return means
