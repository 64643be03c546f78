"""What the report says about a task, in order: the same on the page, in the text, in a terminal."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fusebench.runtime import file_names
from reports.document import table_text
from reports.figures import sample_panels
from reports.figures.sample_panels import SamplePair
from reports.literature import paper_layouts, published_comparison
from reports.results import protocol
from reports.results.protocol import TaskProtocol
from reports.results.task_results import TaskResults
from reports.tables import (
    builders,
    fusion_metric_tables,
    interval_tables,
    result_text,
    where_fusion_helps,
)
from reports.tables.comparison import ScoreTable, find_best_row
from reports.tables.metric_correlation import MetricCorrelation
from reports.tables.text_table import TextRow as TextRow
from reports.tables.text_table import TextTable as TextTable

if TYPE_CHECKING:
    from reports.document.efficiency import Efficiency


@dataclass(frozen=True)
class MissingRuns:
    """A source of which runs are missing: what is, and what to type to make it."""

    source: str
    description: str
    command: str


@dataclass(frozen=True)
class TaskSection:
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

    results: TaskResults
    answer: str
    missing_runs: tuple[MissingRuns, ...]
    main_tables: tuple[TextTable, ...]
    collapsed_tables: tuple[TextTable, ...]
    protocol: TaskProtocol
    bar_chart_stem: str = ""
    samples: tuple[SamplePair, ...] = ()
    sample_legend: str = ""
    published_comparisons: tuple[published_comparison.PublishedComparison, ...] = ()
    curves_stem: str = ""
    error_chart_stem: str = ""
    confusion_matrix_stems: tuple[tuple[str, str], ...] = ()

    @property
    def confusions_file(self) -> str:
        """Where the numbers of the confusion matrices are, relative to the report."""
        return f"tables/{file_names.make_safe_file_name(self.results.name)}-confusions.csv"

    @property
    def published_file(self) -> str:
        """Where the published numbers are, relative to the report."""
        return f"tables/{file_names.make_safe_file_name(self.results.name)}-published.csv"

    @property
    def curves_file(self) -> str:
        """Where the numbers of the curves are, relative to the report."""
        return f"tables/{file_names.make_safe_file_name(self.results.name)}-curves.csv"


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
    skipped_tasks: tuple[tuple[str, str], ...]
    sections: tuple[TaskSection, ...]
    sample_selection_rule: str
    metric_correlations: tuple[MetricCorrelation, ...] = ()
    efficiency: "Efficiency | None" = None


def build_section(results: TaskResults, figure: str, samples: Sequence[SamplePair]) -> TaskSection:
    """The chapter of one task."""
    shown, folded = select_tables(results)
    main = build_main_table(results)
    made = TaskSection(
        results=results,
        answer=" ".join(
            [
                where_fusion_helps.build_answer(results, main),
                *where_fusion_helps.build_sentences(results, main),
            ]
        ),
        missing_runs=tuple(
            MissingRuns(row.source_name, result_text.describe_missing_runs(row), row.command)
            for row in results.sources
            if row.missing_seeds
        ),
        main_tables=tuple(table_text.build_text_table(results, table) for table in shown),
        collapsed_tables=(
            *(table_text.build_text_table(results, table) for table in folded),
            *(
                g
                for t in shown
                for g in interval_tables.build_interval_tables(
                    table_text.build_unranked_text_table(results, t), t
                )
            ),
            *interval_tables.build_power_tables(results, main),
        ),
        protocol=protocol.collect_protocol(results),
        published_comparisons=published_comparison.compare_with_published(results),
    )
    return with_figures(made, figure, samples)


def with_figures(chapter: TaskSection, figure: str, samples: Sequence[SamplePair]) -> TaskSection:
    """The same chapter with its pictures."""
    finished = [row.source_name for row in chapter.results.sources if row.records]
    legend = sample_panels.build_legend(chapter.results.kind, finished, samples)
    return replace(chapter, bar_chart_stem=figure, samples=tuple(samples), sample_legend=legend)


def build_main_table(results: TaskResults) -> ScoreTable:
    """The table that answers the task's question: its first metric by class, or the mean rank."""
    if not results.columns:
        return builders.build_empty_table(results)
    if results.kind == "quality":
        return fusion_metric_tables.build_mean_rank_table(results)
    return builders.build_class_table(results, next(iter(results.columns)))


def rank_sources(table: ScoreTable) -> list[str]:
    """The finished sources by the last column, the mean: best first."""
    heading, left = table.headers[-1], [line for line in table.rows if line.cells]
    order = []
    while (leader := find_best_row(left, heading, len(table.headers) - 1)) is not None:
        order.append(leader.source_results.source_name)
        left.remove(leader)
    return [*order, *(line.source_results.source_name for line in left)]


def select_tables(results: TaskResults) -> tuple[list[ScoreTable], list[ScoreTable]]:
    """The tables to show at once, and those to fold away.

    At once: the first two metrics by class, every metric's mean, the first metric by condition,
    what kinds of error cost; of fusion metrics first the sources' ranks, which no single metric
    can stand for. Metrics of another family have one folded table of their means.
    """
    metrics = [name for name, column in results.columns.items() if not column.family]
    families = dict.fromkeys(column.family for column in results.columns.values() if column.family)
    if not metrics:
        return [builders.build_empty_table(results)], []
    if not results.classes:
        shown, folded = [builders.build_means_table(results)], []
    else:
        shown = [builders.build_class_table(results, metric) for metric in metrics[:2]]
        folded = [builders.build_class_table(results, metric) for metric in metrics[2:]]
        if len(metrics) > 1:
            shown.append(builders.build_means_table(results))
    shown += paper_layouts.build_paper_tables(results)
    costs = builders.list_error_families(results)
    folded += [
        builders.build_means_table(results, family) for family in families if family not in costs
    ]
    if results.conditions:
        shown.append(builders.build_condition_table(results, metrics[0]))
        folded += [builders.build_condition_table(results, metric) for metric in metrics[1:]]
    if results.classes:
        folded += [
            builders.build_class_table(results, metrics[0], scene) for scene in results.conditions
        ]
    shown += [builders.build_means_table(results, family) for family in costs]
    folded += [
        builders.build_error_table(results, f, name) for f in costs for name in results.classes
    ]
    if results.conventions:
        folded += [builders.build_convention_table(results, metric) for metric in metrics]
    if any(record.intervals for record in results.records):
        folded.insert(0, fusion_metric_tables.build_interval_table(results))
    if results.kind == "quality":
        shown.insert(0, fusion_metric_tables.build_rank_table(results))
    return shown, folded
