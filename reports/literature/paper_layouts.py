"""Our own numbers in the columns of a paper's table, in its order, to lay them side by side.

A task that starts from the preset of such a table gets it; the columns are those of the published
table as it is kept in ``published/``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from fusebench.storage.records import Record
from reports.literature import published_tables
from reports.literature.published_tables import PublishedTable
from reports.results.bootstrap_scores import ScoreKey
from reports.results.task_results import TaskResults
from reports.tables.comparison import ColumnHeader, OptionalScores, ScoreTable, build_table
from reports.tables.significance import add_significance


@dataclass(frozen=True)
class PaperLayout:
    """How a paper lays its table out.

    Attributes:
        table: Name of the published table, for the classes and what it calls them.
        metrics: What it calls a metric to our name of it, in its order.
        mean: What it calls the mean over the classes, with a place for the metric.
        paired: A class's metrics side by side; else a metric's classes, mean last.
    """

    published_table: str
    metrics: Mapping[str, str]
    mean_title: str
    is_grouped_by_class: bool = False


LAYOUTS = {
    "dmfuse-table2": PaperLayout(
        "dmfuse-table-2", {"mAP@0.5": "AP50", "mAP@[0.5:0.95]": "AP"}, "All"
    ),
    "dmfuse-table3": PaperLayout("dmfuse-table-3", {"Acc": "accuracy", "IoU": "IoU"}, "m{}", True),
    "dmnet-table7": PaperLayout("dmnet-table-7", {"AP@0.5": "AP50"}, "mAP"),
}


def build_paper_tables(results: TaskResults) -> list[ScoreTable]:
    """The task's numbers as the paper prints its own; nothing for a task of another preset."""
    layout = LAYOUTS.get(results.preset)
    if layout is None or not any(name in results.columns for name in layout.metrics.values()):
        return []
    columns = list(_list_columns(layout))

    def pick(record: Record) -> OptionalScores:
        return [
            (record.values if name is None else record.by_class.get(name, {})).get(metric)
            for _, _, name, metric in columns
        ]

    headings = [_build_header(results, title, name, metric) for _, title, name, metric in columns]
    headings[-1] = replace(headings[-1], is_mean=not layout.is_grouped_by_class)
    title = f"In the columns of {_read_published_table(layout.published_table).metadata.title}"
    built = build_table(results, results.preset, title, headings, pick)
    return [add_significance(built, results.bootstrap)]


def get_header_groups(table: ScoreTable) -> tuple[tuple[str, int], ...]:
    """What stands above the columns of such a table, and above how many; else nothing."""
    layout = LAYOUTS.get(table.name)
    if layout is None or len(layout.metrics) == 1:
        return ()
    found: dict[str, int] = {}
    for above, *_ in _list_columns(layout):
        found[above] = found.get(above, 0) + 1
    return tuple(found.items())


def _list_columns(layout: PaperLayout) -> list[tuple[str, str, str | None, str]]:
    """What stands above it, title, class (None: mean) and metric of every column."""
    classes = list(_read_published_table(layout.published_table).metadata.classes.items())
    if layout.is_grouped_by_class:
        found: list[tuple[str, str, str | None, str]] = [
            (printed, f"{printed} {said}", name, metric)
            for printed, name in classes
            for said, metric in layout.metrics.items()
        ]
        return [
            *found,
            *(("", layout.mean_title.format(s), None, m) for s, m in layout.metrics.items()),
        ]
    alone = len(layout.metrics) == 1
    return [
        (said, printed if alone else f"{printed} {said}", name, metric)
        for said, metric in layout.metrics.items()
        for printed, name in [*classes, (layout.mean_title, None)]
    ]


def _build_header(results: TaskResults, title: str, name: str | None, metric: str) -> ColumnHeader:
    column = results.columns.get(metric)
    better = column.better if column else "higher"
    return ColumnHeader(
        title, better=better, score_key=ScoreKey(None, name, metric), is_repeated=True
    )


@cache
def _read_published_table(name: str) -> PublishedTable:
    return next(table for table in published_tables.read_tables() if table.name == name)
