"""Bootstrap test of AP and IoU of one source measured twice on the same images.

The same statistics as in the report (`reports.statistics.confidence_intervals`), from the saved
matches and confusion counts of both records. Bootstrap scores that `python -m reports.run` stored
are reused; others are computed and not stored.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fusebench.evaluation import bootstrap
from fusebench.storage import image_index
from fusebench.storage.records import Record
from fusebench.storage.store import Store
from reports.results import bootstrap_cache, bootstrap_scores, bootstrap_scoring
from reports.results.bootstrap_scores import BootstrapScores, ScoreKey, TaskBootstrap
from reports.run_comparison.matched_records import StoredRun
from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import (
    CONFIDENCE_LEVEL,
    NO_DIFFERENCE_SHOWN,
    Estimate,
)
from reports.tables import builders
from reports.tables.comparison import ColumnHeader, SourceComparison
from reports.tables.number_format import format_signed_score, get_difference_unit
from reports.tables.significance_text import format_comparison

POINT_DECIMALS = 2  # of points, as `reports.compare` prints scores
DIFFERENCE_SHOWN = "a difference is shown"


@dataclass(frozen=True)
class ScoreChange:
    """Change of one score of a source, second store minus first.

    Attributes:
        source: Name of the source.
        class_name: None for the mean.
        metric: Name of the metric.
        score_a: Mean over seeds in the first store.
        score_b: Mean over seeds in the second store.
        header: Header and number format of the metric.
        estimate: Estimate of the difference.
    """

    source: str
    class_name: str | None
    metric: str
    score_a: float
    score_b: float
    header: ColumnHeader
    estimate: Estimate


def have_bootstrap_inputs(runs: Sequence[StoredRun]) -> bool:
    """Return whether all records have the files that resampling needs."""
    return all(bootstrap_scoring.has_bootstrap_inputs(run.record, run.folder) for run in runs)


def find_score_changes(
    source: str, runs_a: Sequence[StoredRun], runs_b: Sequence[StoredRun]
) -> list[ScoreChange]:
    """Estimate the change of every mean, and of the first metric of every class, that differs.

    Args:
        source: Name of the source.
        runs_a: Its runs in the first store, one per seed.
        runs_b: Its runs in the second store.

    Raises:
        UserError: If a file of a record is damaged.
    """
    index_a, index_b = (image_index.read_image_index(runs[0].folder) for runs in (runs_a, runs_b))
    if index_a != index_b:
        return []  # the same keys in other sequences or conditions have other resamples
    bootstraps = [
        TaskBootstrap({source: tuple(map(_load_or_compute_bootstrap, runs))})
        for runs in (runs_a, runs_b)
    ]
    record = runs_a[0].record
    changes = []
    for class_name, metric in _iterate_compared_scores(record):
        a, b = (
            side.build_sample(
                source,
                ScoreKey(None, class_name, metric),
                [_get_score(run, class_name, metric) for run in runs],
            )
            for side, runs in zip(bootstraps, (runs_a, runs_b), strict=True)
        )
        if a is None or b is None or a.seed_scores.tolist() == b.seed_scores.tolist():
            continue
        estimate = confidence_intervals.estimate_difference(b, a)
        if estimate:
            header = builders.build_header(record.columns[metric], decimals=POINT_DECIMALS)
            scores = float(a.seed_scores.mean()), float(b.seed_scores.mean())
            changes.append(ScoreChange(source, class_name, metric, *scores, header, estimate))
    return changes


def decide_verdict(adjusted_p_value: float) -> str:
    """Return whether a difference with this adjusted p-value is shown."""
    is_shown = adjusted_p_value < 1 - CONFIDENCE_LEVEL
    return DIFFERENCE_SHOWN if is_shown else NO_DIFFERENCE_SHOWN


def describe_change(change: ScoreChange, adjusted_p_value: float) -> str:
    """Describe a change and its test in a line; the p-value is adjusted (Holm) for the task."""
    header, estimate = change.header, change.estimate
    comparison = SourceComparison("A", estimate, adjusted_p_value, "")
    difference = format_signed_score(estimate.value, header)
    amount = f"{difference} {get_difference_unit(header)}".rstrip()
    of_class = "" if change.class_name is None else f" of {change.class_name}"
    return (
        f"{change.source}, {header.title}{of_class}: B - A {amount}, "
        f"{format_comparison(comparison, header)}: {decide_verdict(adjusted_p_value)}"
    )


def _iterate_compared_scores(record: Record) -> Iterator[tuple[str | None, str]]:
    """Yield class (None: mean) and metric of the scores to compare."""
    first_metric = next(iter(record.columns))
    yield from ((None, metric) for metric in record.columns)
    yield from ((class_name, first_metric) for class_name in record.by_class)


def _get_score(run: StoredRun, class_name: str | None, metric: str) -> float | None:
    record = run.record
    scores = record.values if class_name is None else record.by_class.get(class_name, {})
    return scores.get(metric)


def _load_or_compute_bootstrap(run: StoredRun) -> BootstrapScores | None:
    """Return the bootstrap scores of a record, from its store if they are there."""
    root, label = run.folder.parents[1], run.folder.name.rpartition("-")[0]
    folder = Store(root).find_finished(
        bootstrap_cache.STORE_KIND, label, bootstrap_cache.build_spec(run.record.spec)
    )
    if folder is not None:
        return bootstrap_scores.read_bootstrap_scores(folder)
    return bootstrap_scoring.compute_bootstrap_scores(
        run.record, run.folder, run.record.classes, bootstrap.RESAMPLE_COUNT
    )
