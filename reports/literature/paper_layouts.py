"""Our own results in the columns and order of a paper's table, for direct comparison.

A task has such a table if its preset is that of the paper. The columns are those of the
published table in ``published/``.
"""

from collections.abc import Iterator, Mapping
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
    """Layout of a paper's table.

    Attributes:
        published_table: Name of the published table, which has the classes in their order.
        metrics: The paper's name of a metric to ours, in the paper's order.
        mean_title: The paper's name of the mean over classes; ``{}`` is replaced by the metric.
        is_grouped_by_class: Whether the metrics of a class are side by side; otherwise the classes
            of a metric are, followed by their mean.
    """

    published_table: str
    metrics: Mapping[str, str]
    mean_title: str
    is_grouped_by_class: bool = False


@dataclass(frozen=True)
class PaperColumn:
    """One column: header group, title, class (None for the mean) and our name of the metric."""

    group: str
    title: str
    class_name: str | None
    metric: str


LAYOUTS = {
    "dmfuse-table2": PaperLayout(
        "dmfuse-table-2", {"mAP@0.5": "AP50", "mAP@[0.5:0.95]": "AP"}, "All"
    ),
    "dmfuse-table3": PaperLayout("dmfuse-table-3", {"Acc": "accuracy", "IoU": "IoU"}, "m{}", True),
    "dmnet-table7": PaperLayout("dmnet-table-7", {"AP@0.5": "AP50"}, "mAP"),
}


def build_paper_tables(results: TaskResults) -> list[ScoreTable]:
    """Build the task's table in the layout of its paper; none for other presets."""
    layout = LAYOUTS.get(results.preset)
    if layout is None or not any(name in results.columns for name in layout.metrics.values()):
        return []
    columns = list(_list_columns(layout))

    def select_scores(record: Record) -> OptionalScores:
        return [
            (
                record.values
                if column.class_name is None
                else record.by_class.get(column.class_name, {})
            ).get(column.metric)
            for column in columns
        ]

    headers = [_build_header(results, column) for column in columns]
    headers[-1] = replace(headers[-1], is_mean=not layout.is_grouped_by_class)
    title = f"In the columns of {_read_published_table(layout.published_table).metadata.title}"
    table = build_table(results, results.preset, title, headers, select_scores)
    return [add_significance(table, results.bootstrap)]


def get_header_groups(table: ScoreTable) -> tuple[tuple[str, int], ...]:
    """Return the titles above groups of columns in such a table, with their numbers of columns."""
    layout = LAYOUTS.get(table.name)
    if layout is None or len(layout.metrics) == 1:
        return ()
    spans: dict[str, int] = {}
    for column in _list_columns(layout):
        spans[column.group] = spans.get(column.group, 0) + 1
    return tuple(spans.items())


def _list_columns(layout: PaperLayout) -> Iterator[PaperColumn]:
    classes = _read_published_table(layout.published_table).metadata.classes
    if layout.is_grouped_by_class:
        for printed, name in classes.items():
            for title, metric in layout.metrics.items():
                yield PaperColumn(printed, f"{printed} {title}", name, metric)
        for title, metric in layout.metrics.items():
            yield PaperColumn("", layout.mean_title.format(title), None, metric)
        return
    has_one_metric = len(layout.metrics) == 1
    for title, metric in layout.metrics.items():
        for printed, class_name in [*classes.items(), (layout.mean_title, None)]:
            column_title = printed if has_one_metric else f"{printed} {title}"
            yield PaperColumn(title, column_title, class_name, metric)


def _build_header(results: TaskResults, column: PaperColumn) -> ColumnHeader:
    metric = results.columns.get(column.metric)
    return ColumnHeader(
        column.title,
        better=metric.better if metric else "higher",
        score_key=ScoreKey(None, column.class_name, column.metric),
        is_repeated=True,
    )


@cache
def _read_published_table(name: str) -> PublishedTable:
    return next(table for table in published_tables.read_tables() if table.name == name)
