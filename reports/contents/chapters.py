"""What the report says about a task, in order: the same on the page, in the text, in a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from bench import names
from reports.contents import printing
from reports.papers import beside, layouts
from reports.pictures import panels
from reports.pictures.panels import Sample
from reports.records import protocol
from reports.records.protocol import Protocol
from reports.records.results import Results
from reports.scores import appendix, helps, quality, tables, wording
from reports.scores.comparison import Table, best
from reports.scores.grids import Grid as Grid
from reports.scores.grids import Printed as Printed
from reports.scores.relations import Relation

if TYPE_CHECKING:
    from reports.contents.efficiency import Efficiency


@dataclass(frozen=True)
class Gap:
    """A source of which runs are missing: what is, and what to type to make it."""

    source: str
    what: str
    command: str


@dataclass(frozen=True)
class Chapter:
    """Everything about one task.

    Attributes:
        gaps: One per source that is not finished.
        main: The tables that are seen at once.
        more: The tables that are folded away.
        figure: Stem of the picture files, relative to the report; empty if there is none.
        published: What papers print for the same data set, those made as ours first.
        curves: Stem of the precision-recall charts; empty if there are none.
        errors: Stem of the chart of what kinds of error cost; empty if there is none.
        confusions: Source to the stem of its confusion matrix.
    """

    results: Results
    answer: str
    gaps: tuple[Gap, ...]
    main: tuple[Grid, ...]
    more: tuple[Grid, ...]
    protocol: Protocol
    figure: str = ""
    samples: tuple[Sample, ...] = ()
    legend: str = ""
    published: tuple[beside.Part, ...] = ()
    curves: str = ""
    errors: str = ""
    confusions: tuple[tuple[str, str], ...] = ()

    @property
    def confusions_file(self) -> str:
        """Where the numbers of the confusion matrices are, relative to the report."""
        return f"tables/{names.safe(self.results.name)}-confusions.csv"

    @property
    def published_file(self) -> str:
        """Where the published numbers are, relative to the report."""
        return f"tables/{names.safe(self.results.name)}-published.csv"

    @property
    def curves_file(self) -> str:
        """Where the numbers of the curves are, relative to the report."""
        return f"tables/{names.safe(self.results.name)}-curves.csv"


@dataclass(frozen=True)
class Report:
    """The whole report.

    Attributes:
        status: How much of the plan is finished, in words.
        command: What makes the rest; empty if nothing is missing.
        absent: Tasks that are left out, and why.
        rule: How the sample pairs were chosen.
        relations: How fusion metrics and task scores order the sources.
        efficiency: What fusing and training cost; None where nothing is fused.
    """

    title: str
    status: str
    command: str
    absent: tuple[tuple[str, str], ...]
    chapters: tuple[Chapter, ...]
    rule: str
    relations: tuple[Relation, ...] = ()
    efficiency: "Efficiency | None" = None


def of(results: Results, figure: str, samples: Sequence[Sample]) -> Chapter:
    """The chapter of one task."""
    shown, folded = chosen(results)
    main = leading(results)
    made = Chapter(
        results=results,
        answer=" ".join([wording.answer(results, main), *helps.said(results, main)]),
        gaps=tuple(
            Gap(row.source, wording.gap(row), row.command) for row in results.rows if row.missing
        ),
        main=tuple(printing.grid(results, table) for table in shown),
        more=(
            *(printing.grid(results, table) for table in folded),
            *(g for t in shown for g in appendix.intervals(printing.bare(results, t), t)),
            *appendix.planning(results, main),
        ),
        protocol=protocol.of(results),
        published=beside.of(results),
    )
    return illustrated(made, figure, samples)


def illustrated(chapter: Chapter, figure: str, samples: Sequence[Sample]) -> Chapter:
    """The same chapter with its pictures."""
    finished = [row.source for row in chapter.results.rows if row.records]
    legend = panels.legend(chapter.results.kind, finished, samples)
    return replace(chapter, figure=figure, samples=tuple(samples), legend=legend)


def leading(results: Results) -> Table:
    """The table that answers the task's question: its first metric by class, or the mean rank."""
    if not results.columns:
        return tables.empty(results)
    if results.kind == "quality":
        return quality.mean_rank(results)
    return tables.by_class(results, next(iter(results.columns)))


def ranking(table: Table) -> list[str]:
    """The finished sources by the last column, the mean: best first."""
    heading, left = table.headings[-1], [line for line in table.lines if line.entries]
    order = []
    while (leader := best(left, heading, len(table.headings) - 1)) is not None:
        order.append(leader.row.source)
        left.remove(leader)
    return [*order, *(line.row.source for line in left)]


def chosen(results: Results) -> tuple[list[Table], list[Table]]:
    """The tables to show at once, and those to fold away.

    At once: the first two metrics by class, every metric's mean, the first metric by condition,
    what kinds of error cost; of fusion metrics first the sources' ranks, which no single metric
    can stand for. Metrics of another family have one folded table of their means.
    """
    metrics = [name for name, column in results.columns.items() if not column.family]
    families = dict.fromkeys(column.family for column in results.columns.values() if column.family)
    if not metrics:
        return [tables.empty(results)], []
    if not results.classes:
        shown, folded = [tables.means(results)], []
    else:
        shown = [tables.by_class(results, metric) for metric in metrics[:2]]
        folded = [tables.by_class(results, metric) for metric in metrics[2:]]
        if len(metrics) > 1:
            shown.append(tables.means(results))
    shown += layouts.of(results)
    costs = tables.errors(results)
    folded += [tables.means(results, family) for family in families if family not in costs]
    if results.scenes:
        shown.append(tables.by_scene(results, metrics[0]))
        folded += [tables.by_scene(results, metric) for metric in metrics[1:]]
    if results.classes:
        folded += [tables.by_class(results, metrics[0], scene) for scene in results.scenes]
    shown += [tables.means(results, family) for family in costs]
    folded += [tables.errors_of(results, f, name) for f in costs for name in results.classes]
    if results.conventions:
        folded += [tables.conventions(results, metric) for metric in metrics]
    if any(record.intervals for record in results.records):
        folded.insert(0, quality.intervals(results))
    if results.kind == "quality":
        shown.insert(0, quality.ranks(results))
    return shown, folded
