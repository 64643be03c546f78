"""Do fusion metrics predict the task? Rank correlation over the sources of one data set.

Spearman's rho between a fusion metric's means and a task's, over the sources that both have. Its
95 % interval is Fisher's z with the error of Bonett, Wright, "Sample size requirements for
estimating Pearson, Kendall and Spearman correlations", Psychometrika 65(1), 2000:

    tanh(atanh(rho) +- 1.96 sqrt((1 + rho^2 / 2) / (n - 3)))
"""

import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd

from fusebench.storage.records import Column
from reports.results.task_results import TaskResults

MIN_SOURCES = 4  # sources; the interval needs more than 3
COLUMNS = ("quality_task", "metric", "task", "task_metric", "sources", "rho", "low", "high")
NORMAL_QUANTILE = 1.959963984540054  # of the normal distribution, two-sided 95 %


@dataclass(frozen=True)
class MetricCorrelation:
    """One fusion metric against one score of a task.

    Attributes:
        metric: The fusion metric's heading.
        score: The task's heading.
        sources: How many.
        rho: Positive where what is better by the one is better by the other.
        interval: None where all ranks agree (or all are turned round): there is no error to see.
    """

    quality_task: str
    fusion_metric: str
    task: str
    task_metric: str
    source_count: int
    rho: float
    interval: tuple[float, float] | None


def compute_correlations(every: Sequence[TaskResults]) -> list[MetricCorrelation]:
    """Every fusion metric against the first two scores of every task on the same data set."""
    return [
        relation
        for quality in every
        if quality.kind == "quality"
        for task in every
        if task.kind != "quality" and task.dataset == quality.dataset
        for relation in _correlate_tasks(quality, task)
    ]


def spearman_correlation(x: Sequence[float], y: Sequence[float]) -> float | None:
    """Rank correlation, ties sharing their mean rank; None if one of them is constant."""
    one, other = (pd.Series(list(values), dtype="float64").rank() for values in (x, y))
    if one.nunique() < 2 or other.nunique() < 2:
        return None
    return max(-1.0, min(1.0, float(one.corr(other))))


def correlation_interval(rho: float, count: int) -> tuple[float, float] | None:
    """Both ends of the 95 % interval; None for a correlation of 1 or -1."""
    if abs(rho) > 1 - 1e-12 or count < MIN_SOURCES:
        return None
    middle, half = math.atanh(rho), NORMAL_QUANTILE * math.sqrt((1 + rho**2 / 2) / (count - 3))
    return math.tanh(middle - half), math.tanh(middle + half)


def build_dataframe(found: Sequence[MetricCorrelation]) -> pd.DataFrame:
    """One row per relation, columns `COLUMNS`."""
    rows = [
        (
            r.quality_task,
            r.fusion_metric,
            r.task,
            r.task_metric,
            r.source_count,
            r.rho,
            *(r.interval or (None, None)),
        )
        for r in found
    ]
    floats = dict.fromkeys(("rho", "low", "high"), "float64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(floats)


def _correlate_tasks(quality: TaskResults, task: TaskResults) -> Iterator[MetricCorrelation]:
    for name, column in quality.columns.items():
        mine = _compute_means(quality, name, column)
        for score, heading in list(task.columns.items())[:2]:
            theirs = _compute_means(task, score, heading)
            common = [source for source in mine if source in theirs]
            if len(common) < MIN_SOURCES:
                continue
            rho = spearman_correlation([mine[s] for s in common], [theirs[s] for s in common])
            if rho is not None:
                ends = correlation_interval(rho, len(common))
                titles = column.mean_title, task.name, heading.mean_title
                yield MetricCorrelation(quality.name, *titles, len(common), rho, ends)


def _compute_means(results: TaskResults, metric: str, column: Column) -> Mapping[str, float]:
    """Source to its mean over seeds, turned round where lower is better."""
    sign = 1.0 if column.better == "higher" else -1.0
    found = {}
    for row in results.sources:
        values = [record.values.get(metric) for record in row.records]
        there = [value for value in values if value is not None]
        if there:
            found[row.source_name] = sign * math.fsum(there) / len(there)
    return found
