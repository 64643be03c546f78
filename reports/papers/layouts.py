"""Our own numbers in the columns of a paper's table, in its order, to lay them side by side.

A task that starts from the preset of such a table gets it; the columns are those of the published
table as it is kept in ``published/``.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cache

from bench.records import Record
from reports.papers import published
from reports.papers.published import Published
from reports.records.evidence import Quantity
from reports.records.results import Results
from reports.scores.comparison import Heading, Scores, Table, build
from reports.scores.verdicts import judged


@dataclass(frozen=True)
class Layout:
    """How a paper lays its table out.

    Attributes:
        table: Name of the published table, for the classes and what it calls them.
        metrics: What it calls a metric to our name of it, in its order.
        mean: What it calls the mean over the classes, with a place for the metric.
        paired: A class's metrics side by side; else a metric's classes, mean last.
    """

    table: str
    metrics: Mapping[str, str]
    mean: str
    paired: bool = False


LAYOUTS = {
    "dmfuse-table2": Layout("dmfuse-table-2", {"mAP@0.5": "AP50", "mAP@[0.5:0.95]": "AP"}, "All"),
    "dmfuse-table3": Layout("dmfuse-table-3", {"Acc": "accuracy", "IoU": "IoU"}, "m{}", True),
    "dmnet-table7": Layout("dmnet-table-7", {"AP@0.5": "AP50"}, "mAP"),
}


def of(results: Results) -> list[Table]:
    """The task's numbers as the paper prints its own; nothing for a task of another preset."""
    layout = LAYOUTS.get(results.preset)
    if layout is None or not any(name in results.columns for name in layout.metrics.values()):
        return []
    columns = list(_columns(layout))

    def pick(record: Record) -> Scores:
        return [
            (record.values if name is None else record.by_class.get(name, {})).get(metric)
            for _, _, name, metric in columns
        ]

    headings = [_heading(results, title, name, metric) for _, title, name, metric in columns]
    headings[-1] = replace(headings[-1], is_mean=not layout.paired)
    title = f"In the columns of {_printed(layout.table).head.title}"
    built = build(results, results.preset, title, headings, pick)
    return [judged(built, results.evidence)]


def groups(table: Table) -> tuple[tuple[str, int], ...]:
    """What stands above the columns of such a table, and above how many; else nothing."""
    layout = LAYOUTS.get(table.name)
    if layout is None or len(layout.metrics) == 1:
        return ()
    found: dict[str, int] = {}
    for above, *_ in _columns(layout):
        found[above] = found.get(above, 0) + 1
    return tuple(found.items())


def _columns(layout: Layout) -> list[tuple[str, str, str | None, str]]:
    """What stands above it, title, class (None: mean) and metric of every column."""
    classes = list(_printed(layout.table).head.classes.items())
    if layout.paired:
        found: list[tuple[str, str, str | None, str]] = [
            (printed, f"{printed} {said}", name, metric)
            for printed, name in classes
            for said, metric in layout.metrics.items()
        ]
        return [*found, *(("", layout.mean.format(s), None, m) for s, m in layout.metrics.items())]
    alone = len(layout.metrics) == 1
    return [
        (said, printed if alone else f"{printed} {said}", name, metric)
        for said, metric in layout.metrics.items()
        for printed, name in [*classes, (layout.mean, None)]
    ]


def _heading(results: Results, title: str, name: str | None, metric: str) -> Heading:
    column = results.columns.get(metric)
    better = column.better if column else "higher"
    return Heading(title, better=better, quantity=Quantity(None, name, metric), repeated=True)


@cache
def _printed(name: str) -> Published:
    return next(table for table in published.read() if table.name == name)
