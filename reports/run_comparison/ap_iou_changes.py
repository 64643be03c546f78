"""AP and IoU of one source made twice on the same images: is the difference shown?

The same statistics as in the report (`reports.statistics.confidence_intervals`), from the saved matches and
confusion counts of both records. Resamples that `python -m reports.run` kept in a store are taken
from there, others are made and not kept.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from fusebench.evaluation import bootstrap
from fusebench.storage import image_index
from fusebench.storage.records import Record
from fusebench.storage.store import Store
from reports.results import bootstrap_cache, bootstrap_scoring
from reports.results.bootstrap_scores import BootstrapScores, ScoreKey, TaskBootstrap
from reports.results.bootstrap_scores import read_bootstrap_scores as kept
from reports.run_comparison.matched_records import StoredRun
from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import Estimate
from reports.tables import builders
from reports.tables.comparison import ColumnHeader, SourceComparison
from reports.tables.number_format import format_signed_score, get_difference_unit
from reports.tables.significance_text import format_comparison

POINT_DECIMALS = 2  # of points, as `reports.compare` prints scores
DIFFERENCE_SHOWN = "a difference is shown"


@dataclass(frozen=True)
class ScoreChange:
    """One score of a source, second store minus first.

    Attributes:
        name: Class; None for the mean.
        a: The mean over seeds in the first store.
        b: The same in the second.
    """

    source: str
    class_name: str | None
    metric: str
    score_a: float
    score_b: float
    header: ColumnHeader
    estimate: Estimate


def have_bootstrap_inputs(seeds: Sequence[StoredRun]) -> bool:
    """Whether what the statistics need is beside all of some records."""
    return all(bootstrap_scoring.has_bootstrap_inputs(one.record, one.folder) for one in seeds)


def find_score_changes(
    source: str, first: Sequence[StoredRun], second: Sequence[StoredRun]
) -> list[ScoreChange]:
    """Every mean and every class's first metric that differ, over the seeds of both stores.

    Raises:
        UserError: If a file of a record is damaged.
    """
    if image_index.read_image_index(first[0].folder) != image_index.read_image_index(
        second[0].folder
    ):
        return []  # the same keys in other groups or conditions: drawn apart
    sides = [
        TaskBootstrap({source: tuple(map(_load_or_compute_bootstrap, seeds))})
        for seeds in (first, second)
    ]
    record = first[0].record
    found = []
    for name, metric in _iterate_compared_scores(record):
        samples = [
            side.build_sample(
                source, ScoreKey(None, name, metric), [_get_score(s, name, metric) for s in of]
            )
            for side, of in zip(sides, (first, second), strict=True)
        ]
        one, other = samples
        if one is None or other is None or one.seed_scores.tolist() == other.seed_scores.tolist():
            continue
        estimate = confidence_intervals.estimate_difference(other, one)
        if estimate:
            heading = builders.build_header(record.columns[metric], decimals=POINT_DECIMALS)
            scores = float(one.seed_scores.mean()), float(other.seed_scores.mean())
            found.append(ScoreChange(source, name, metric, *scores, heading, estimate))
    return found


def decide_verdict(adjusted: float) -> str:
    """Whether a difference with this p-value, adjusted, is shown."""
    return (
        DIFFERENCE_SHOWN
        if adjusted < 1 - confidence_intervals.CONFIDENCE_LEVEL
        else confidence_intervals.NO_DIFFERENCE_SHOWN
    )


def describe_change(change: ScoreChange, adjusted: float) -> str:
    """A change in words; ``adjusted`` is its p-value, adjusted (Holm) for all of them."""
    heading, estimate = change.header, change.estimate
    ends = format_comparison(SourceComparison("A", estimate, adjusted, ""), heading)
    amount = (
        f"{format_signed_score(estimate.value, heading)} {get_difference_unit(heading)}".rstrip()
    )
    name = "" if change.class_name is None else f" of {change.class_name}"
    what = f"{change.source}, {heading.title}{name}"
    return f"{what}: B - A {amount}, {ends}: {decide_verdict(adjusted)}"


def _iterate_compared_scores(record: Record) -> Iterator[tuple[str | None, str]]:
    """Class (None: mean) and metric."""
    first = next(iter(record.columns))
    yield from ((None, metric) for metric in record.columns)
    yield from ((name, first) for name in record.by_class)


def _get_score(one: StoredRun, name: str | None, metric: str) -> float | None:
    scores = one.record.values if name is None else one.record.by_class.get(name, {})
    return scores.get(metric)


def _load_or_compute_bootstrap(one: StoredRun) -> BootstrapScores | None:
    """The resamples of a record, those that are kept beside it in its store if there are any."""
    root, label = one.folder.parents[1], one.folder.name.rpartition("-")[0]
    place = Store(root).get_path(
        bootstrap_cache.STORE_KIND, label, bootstrap_cache.build_spec(one.record.spec)
    )
    if place.is_dir():
        return kept(place)
    return bootstrap_scoring.compute_bootstrap_scores(
        one.record, one.folder, one.record.classes, bootstrap.RESAMPLE_COUNT
    )
