"""Intervals, p-values and verdicts as text; no sentence claims more than its verdict."""

from collections.abc import Sequence
from itertools import compress

from fusebench.evaluation.bootstrap import RESAMPLE_COUNT
from reports.results.task_results import TaskResults
from reports.statistics.confidence_intervals import (
    CONFIDENCE_LEVEL,
    NO_DIFFERENCE_SHOWN,
    Estimate,
)
from reports.tables.comparison import ColumnHeader, ScoreTable, SourceComparison, TableRow
from reports.tables.number_format import (
    UNDEFINED,
    format_score,
    format_signed_score,
    get_difference_unit,
)

REPEATED_COLUMN_NOTE = "Differences that another table has too are tested there."
VERDICT_MARKS = {NO_DIFFERENCE_SHOWN: "?"}  # in a cell; better and worse are printed in full


def format_interval(estimate: Estimate | None, header: ColumnHeader) -> str:
    """Format the 95 % interval of a score, e.g. ``[70.1, 72.3]``; a dash for None."""
    if estimate is None:
        return UNDEFINED
    return f"[{format_score(estimate.low, header)}, {format_score(estimate.high, header)}]"


def format_comparison(comparison: SourceComparison | None, header: ColumnHeader) -> str:
    """Format the test of a difference, e.g. ``[+0.2, +2.4], p 0.02, adjusted 0.06``."""
    if comparison is None:
        return UNDEFINED
    estimate = comparison.estimate
    low, high = (format_signed_score(end, header) for end in (estimate.low, estimate.high))
    p, adjusted = format_p_value(estimate.p_value), format_p_value(comparison.adjusted_p_value)
    return f"[{low}, {high}], p {p}, adjusted {adjusted}"


def format_row_intervals(row: TableRow, headers: Sequence[ColumnHeader]) -> tuple[str, ...]:
    """Format the intervals of a row's scores per column; empty if it has none."""
    if not any(cell.estimate for cell in row.cells):
        return ()
    return tuple(
        format_interval(cell.estimate, header) if cell.estimate else ""
        for cell, header in zip(row.cells, headers, strict=True)
    )


def format_row_comparisons(row: TableRow, headers: Sequence[ColumnHeader]) -> tuple[str, ...]:
    """Format the tests of a row's differences per column; empty if it has none."""
    if not row.comparisons:
        return ()
    return tuple(
        format_comparison(comparison, header) if comparison else ""
        for comparison, header in zip(row.comparisons, headers, strict=True)
    )


def format_table_intervals(table: ScoreTable) -> list[tuple[str, list[str]]]:
    """Format the interval of every score; per source that has any, its name and the texts."""
    return [
        (
            row.source_results.source_name,
            [
                format_interval(cell.estimate, header)
                for cell, header in zip(row.cells, table.headers, strict=True)
            ],
        )
        for row in table.rows
        if any(cell.estimate for cell in row.cells)
    ]


def format_table_comparisons(table: ScoreTable) -> list[tuple[str, list[str]]]:
    """Format the test of every difference; per source that has any, its name and the texts."""
    return [
        (
            row.source_results.source_name,
            [
                format_comparison(comparison, header)
                for comparison, header in zip(row.comparisons, table.headers, strict=True)
            ],
        )
        for row in table.rows
        if row.comparisons
    ]


def format_p_value(p_value: float) -> str:
    """Format a p-value with two digits, e.g. ``0.032``."""
    return "<0.001" if p_value < 0.001 else f"{p_value:.2g}"


def describe_intervals(results: TaskResults) -> str:
    """Describe the method of a task's intervals and what they cover; empty without intervals."""
    method = describe_resamples(results)
    return f"Intervals are 95 %: {method}" if method else ""


def describe_resamples(results: TaskResults) -> str:
    """Describe what a task's intervals are computed from; empty without intervals."""
    bootstrap = results.bootstrap.first_scores if results.bootstrap else None
    if bootstrap is None:
        return ""
    units = f"{bootstrap.unit_count} {'sequences' if bootstrap.is_clustered else 'images'}"
    text = f"bootstrap, {RESAMPLE_COUNT} resamples of {units}"
    if not bootstrap.is_clustered and bootstrap.sequence_count < bootstrap.image_count:
        text += f" (from {bootstrap.sequence_count} sequences; they do not cover other sequences)"
    seed_counts = {len(source.records) for source in results.sources if source.records}
    if 1 in seed_counts:
        seeds = "Seeds were not varied" if len(seed_counts) == 1 else "Some sources have one seed"
        return f"{text}. {seeds}: where there is one seed, they cover other images, not trainings."
    seeds = f"{min(seed_counts)}{'' if len(seed_counts) == 1 else ' or more'} seeds"
    return f"{text}, and the variance over {seeds}, with Student's t."


def describe_verdicts(results: TaskResults, table: ScoreTable) -> list[str]:
    """List the notes on how the verdicts of a table were reached and what its intervals cover."""
    comparisons = [comparison for row in table.rows for comparison in row.comparisons if comparison]
    is_tested_here = [not header.is_repeated for header in table.headers]
    differences = [
        difference
        for row in table.rows
        for difference in compress(row.differences, is_tested_here)
        if difference is not None
    ]
    notes = []
    if comparisons:
        count = len(comparisons)
        notes.append(
            f"Better, worse: p below {1 - CONFIDENCE_LEVEL:.2f}, adjusted (Holm) for the "
            f"{count} comparison{'s' if count > 1 else ''} of this table. "
            f"{VERDICT_MARKS[NO_DIFFERENCE_SHOWN]}: {NO_DIFFERENCE_SHOWN}, which does not mean "
            "equal."
        )
    if comparisons and len(differences) > len(comparisons):
        notes.append("No mark: not tested.")
    if not all(is_tested_here) and any(row.differences for row in table.rows):
        notes.append(REPEATED_COLUMN_NOTE)
    if comparisons or any(cell.estimate for row in table.rows for cell in row.cells):
        notes.append(describe_intervals(results))
    return notes


def describe_finding(
    comparison: SourceComparison,
    header: ColumnHeader,
    candidate: str,
    baseline: str,
    candidate_note: str,
) -> str:
    """Describe a tested difference with its interval, no stronger than its verdict.

    Args:
        comparison: The test.
        header: Its column.
        candidate: The fused source, with its score.
        baseline: The single sensor, with its score.
        candidate_note: Apposition of the candidate, e.g. ``the best of 3 fused sources``.
    """
    difference = format_signed_score(comparison.estimate.value, header)
    amount = f"{difference} {get_difference_unit(header)}".rstrip()
    test = f"{amount}, {format_comparison(comparison, header)}"
    if comparison.verdict == NO_DIFFERENCE_SHOWN:
        return f"No difference shown between {candidate}, {candidate_note}, and {baseline}: {test}"
    return f"{candidate}, {candidate_note}, is {comparison.verdict} than {baseline}: {test}"
