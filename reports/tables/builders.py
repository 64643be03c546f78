"""Build the tables of a task: sources x classes, conditions, metrics, error types, conventions."""

from dataclasses import replace

from fusebench.storage.records import Column, Record, Scores
from reports.results.bootstrap_scores import ScoreKey
from reports.results.task_results import TaskResults
from reports.tables.comparison import (
    ColumnHeader,
    OptionalScores,
    ScoreTable,
    build_table,
)
from reports.tables.inference import source_ranks
from reports.tables.significance import add_significance

BY_CONDITION_SUFFIX = "-by-condition"  # of the names of tables by condition
ERROR_SUFFIX = " error"  # of the names of metrics that measure the cost of an error type


def build_class_table(
    results: TaskResults, metric: str, condition: str | None = None
) -> ScoreTable:
    """Build the table sources x classes of one metric, with the means over classes.

    Args:
        results: The task.
        metric: Name of the metric.
        condition: Condition of the images; None for all images.
    """
    column = results.columns[metric]
    classes, other_means = results.classes, results.other_means

    def select_scores(record: Record) -> OptionalScores:
        part = record if condition is None else record.by_condition.get(condition)
        if part is None:
            return [None] * len(headers)
        by_class = [part.by_class.get(name, {}).get(metric) for name in classes]
        means = [part.subset_means.get(name, {}).get(metric) for name in other_means]
        return [*by_class, *means, part.values.get(metric)]

    def build_scored_header(title: str | None, name: str | None) -> ColumnHeader:
        return replace(build_header(column, title), score_key=ScoreKey(condition, name, metric))

    # Classes, means over fewer classes, mean; in one condition, the table by condition has the
    # mean too and tests its differences
    headers = [build_scored_header(name, name) for name in classes]
    headers += [build_scored_header(f"{column.mean_title} {name}", name) for name in other_means]
    headers.append(replace(build_scored_header(None, None), is_repeated=condition is not None))
    title = f"{column.title} by class" if classes else column.mean_title
    if condition is not None:
        title += f", {condition}"
    name = metric if condition is None else f"{metric}-{condition}"
    table = build_table(results, name, title, headers, select_scores)
    return add_significance(table, results.bootstrap)


def build_condition_table(results: TaskResults, metric: str) -> ScoreTable:
    """Build the table sources x conditions of one metric's mean over classes."""
    column, conditions = results.columns[metric], results.conditions

    def select_scores(record: Record) -> OptionalScores:
        parts: list[Scores | None] = [record.by_condition.get(name) for name in conditions]
        return [part.values.get(metric) if part else None for part in [*parts, record]]

    headers = [
        replace(
            build_header(column, name),
            subtitle=_format_image_count(results, name),
            score_key=ScoreKey(name, None, metric),
        )
        for name in conditions
    ]
    headers.append(
        replace(
            build_header(column, "all"),
            is_mean=True,
            score_key=ScoreKey(None, None, metric),
            is_repeated=True,
        )
    )
    name, title = f"{metric}{BY_CONDITION_SUFFIX}", f"{column.mean_title} by condition"
    table = build_table(results, name, title, headers, select_scores)
    return add_significance(table, results.bootstrap)


def build_means_table(results: TaskResults, family: str = "") -> ScoreTable:
    """Build the table sources x metrics of the means over classes (or images).

    Args:
        results: The task.
        family: Family of metrics; empty for the main metrics.
    """
    columns = {
        metric: column for metric, column in results.columns.items() if column.family == family
    }

    def select_scores(record: Record) -> OptionalScores:
        return [record.values.get(metric) for metric in columns]

    headers = [
        replace(
            build_header(column, column.mean_title),
            score_key=ScoreKey(None, None, metric),
            is_repeated=bool(results.classes) and not family,
        )
        for metric, column in columns.items()
    ]
    name, title = (family, f"{family}, means") if family else ("means", "All metrics, means")
    table = build_table(results, name, title, headers, select_scores)
    if results.quality_bootstrap:
        return source_ranks.add_untested_rank_sets(table, results.quality_bootstrap)
    return add_significance(table, results.bootstrap)


def list_error_families(results: TaskResults) -> list[str]:
    """List the metric families that measure the cost of error types."""
    return list(
        dict.fromkeys(
            column.family
            for metric, column in results.columns.items()
            if column.family and metric.endswith(ERROR_SUFFIX)
        )
    )


def build_error_table(results: TaskResults, family: str, class_name: str) -> ScoreTable:
    """Build the table sources x error types with their cost for one class."""
    columns = {
        metric: column for metric, column in results.columns.items() if column.family == family
    }

    def select_scores(record: Record) -> OptionalScores:
        return [record.by_class.get(class_name, {}).get(metric) for metric in columns]

    headers = [
        replace(
            build_header(column, column.mean_title), score_key=ScoreKey(None, class_name, metric)
        )
        for metric, column in columns.items()
    ]
    name, title = f"{family}-{class_name}", f"{family}, {class_name}"
    return build_table(results, name, title, headers, select_scores)


def build_convention_table(results: TaskResults, metric: str) -> ScoreTable:
    """Build the table sources x conventions of one metric's mean, this report's own last."""
    column, conventions = results.columns[metric], results.conventions

    def select_scores(record: Record) -> OptionalScores:
        other_means = [record.by_convention.get(name, {}).get(metric) for name in conventions]
        return [*other_means, record.values.get(metric)]

    headers = [
        replace(build_header(column, name), score_key=ScoreKey(None, name, metric))
        for name in conventions
    ]
    headers.append(build_header(column))
    title = (
        f"{column.mean_title} by other conventions: class set, and absent classes skipped or zero"
    )
    return build_table(results, f"{metric}-conventions", title, headers, select_scores)


def build_empty_table(results: TaskResults) -> ScoreTable:
    """Build the table of a task without any record: the sources alone."""
    return build_table(
        results, "missing", "Nothing measured yet", [ColumnHeader("result")], lambda _: [None]
    )


def build_header(column: Column, title: str | None = None, *, decimals: int = 1) -> ColumnHeader:
    """Build the header of a metric.

    Args:
        column: Column of the metric in the record.
        title: Printed title; None for the mean and its title.
        decimals: Of points; other numbers have 3.
    """
    is_points = column.is_in_points
    return ColumnHeader(
        title=column.mean_title if title is None else title,
        scale=100.0 if is_points else 1.0,
        decimals=decimals if is_points else 3,
        better=column.better,
        subtitle=column.unit,
        is_mean=title is None,
    )


def _format_image_count(results: TaskResults, condition: str) -> str:
    """Format the number of images of a condition; empty if the records disagree or lack it."""
    parts = [record.by_condition.get(condition) for record in results.records]
    counts = {part.counts.get("images") for part in parts if part}
    count = counts.pop() if len(counts) == 1 else None
    return "" if count is None else f"{count} image{'' if count == 1 else 's'}"
