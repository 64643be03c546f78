"""Selection of the tables of one task: the main table, the visible and the collapsed tables."""

from reports.literature import paper_layouts
from reports.results.task_results import TaskResults
from reports.tables import builders, fusion_metric_tables
from reports.tables.comparison import ScoreTable, find_best_row
from reports.tables.inference import source_ranks


def build_main_table(results: TaskResults) -> ScoreTable:
    """Build the table that answers the task's question.

    It is the first metric by class, or for quality tasks the mean rank over all metrics.
    """
    if not results.columns:
        return builders.build_empty_table(results)
    if results.kind == "quality":
        return fusion_metric_tables.build_mean_rank_table(results)
    return builders.build_class_table(results, next(iter(results.columns)))


def rank_sources(table: ScoreTable) -> list[str]:
    """List the finished sources by the last column (the mean), best first.

    Sources without a mean follow in the order of the table.
    """
    last = len(table.headers) - 1
    remaining = [row for row in table.rows if row.cells]
    ranking = []
    while (best := find_best_row(remaining, table.headers[last], last)) is not None:
        ranking.append(best.source_results.source_name)
        remaining.remove(best)
    return [*ranking, *(row.source_results.source_name for row in remaining)]


def select_tables(results: TaskResults) -> tuple[list[ScoreTable], list[ScoreTable]]:
    """Select the tables that are always visible, and those that are collapsed at first.

    Visible are: the first two metrics by class, the means of all metrics, the table in a paper's
    layout, the first metric by condition, and the error types. Quality tasks start with the ranks
    of the sources, because no single fusion metric can stand for all. Collapsed are: the further
    metrics by class, by condition and by error type, every other metric family, the means by other
    conventions, and intervals that the records have themselves.

    Returns:
        Visible tables, collapsed tables.
    """
    metrics = [name for name, column in results.columns.items() if not column.family]
    if not metrics:
        return [builders.build_empty_table(results)], []
    main_visible, main_collapsed = _select_class_tables(results, metrics)
    condition_visible, condition_collapsed = _select_condition_tables(results, metrics)
    error_visible, error_collapsed = _select_error_tables(results)
    visible = [
        *main_visible,
        *paper_layouts.build_paper_tables(results),
        *condition_visible,
        *error_visible,
    ]
    collapsed = [
        *main_collapsed,
        *_build_family_tables(results),
        *condition_collapsed,
        *error_collapsed,
    ]
    if results.conventions:
        collapsed += [builders.build_convention_table(results, metric) for metric in metrics]
    if any(record.intervals for record in results.records):
        collapsed.insert(0, fusion_metric_tables.build_interval_table(results))
    if results.kind == "quality":
        visible.insert(0, fusion_metric_tables.build_rank_table(results))
    tables = source_ranks.copy_repeated_ranks([*visible, *collapsed])
    return tables[: len(visible)], tables[len(visible) :]


def _select_class_tables(
    results: TaskResults, metrics: list[str]
) -> tuple[list[ScoreTable], list[ScoreTable]]:
    """Build the tables by class and the means: visible, collapsed."""
    if not results.classes:
        return [builders.build_means_table(results)], []
    visible = [builders.build_class_table(results, metric) for metric in metrics[:2]]
    if len(metrics) > 1:
        visible.append(builders.build_means_table(results))
    return visible, [builders.build_class_table(results, metric) for metric in metrics[2:]]


def _build_family_tables(results: TaskResults) -> list[ScoreTable]:
    """Build one table of means per metric family other than the error types."""
    families = dict.fromkeys(column.family for column in results.columns.values() if column.family)
    error_families = builders.list_error_families(results)
    return [
        builders.build_means_table(results, family)
        for family in families
        if family not in error_families
    ]


def _select_condition_tables(
    results: TaskResults, metrics: list[str]
) -> tuple[list[ScoreTable], list[ScoreTable]]:
    """Build the tables by condition, and by class within a condition: visible, collapsed."""
    if not results.conditions:
        return [], []
    visible = [builders.build_condition_table(results, metrics[0])]
    collapsed = [builders.build_condition_table(results, metric) for metric in metrics[1:]]
    if results.classes:
        collapsed += [
            builders.build_class_table(results, metrics[0], condition)
            for condition in results.conditions
        ]
    return visible, collapsed


def _select_error_tables(results: TaskResults) -> tuple[list[ScoreTable], list[ScoreTable]]:
    """Build the tables of error types: means visible, classes collapsed."""
    families = builders.list_error_families(results)
    visible = [builders.build_means_table(results, family) for family in families]
    collapsed = [
        builders.build_error_table(results, family, name)
        for family in families
        for name in results.classes
    ]
    return visible, collapsed
