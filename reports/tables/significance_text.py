"""How sure the numbers are, in words: no finding is stronger than its verdict."""

from collections.abc import Sequence
from itertools import compress

from fusebench.evaluation.bootstrap import RESAMPLE_COUNT
from reports.results.task_results import TaskResults
from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import Estimate
from reports.tables.comparison import ColumnHeader, ScoreTable, SourceComparison, TableRow
from reports.tables.number_format import (
    UNDEFINED,
    format_score,
    format_signed_score,
    get_difference_unit,
)

REPEATED_COLUMN_NOTE = "Differences that stand in an earlier table too are judged there."
VERDICT_MARKS = {
    confidence_intervals.NO_DIFFERENCE_SHOWN: "?"
}  # in a cell; better and worse are said in full


def format_interval(found: Estimate | None, heading: ColumnHeader) -> str:
    """The 95 % interval of a score, e.g. ``[70.1, 72.3]``, or a dash where there is none."""
    if found is None:
        return UNDEFINED
    return f"[{format_score(found.low, heading)}, {format_score(found.high, heading)}]"


def format_comparison(found: SourceComparison | None, heading: ColumnHeader) -> str:
    """How sure a difference is, e.g. ``[+0.2, +2.4], p 0.02, adjusted 0.06``."""
    if found is None:
        return UNDEFINED
    ends = ", ".join(
        format_signed_score(end, heading) for end in (found.estimate.low, found.estimate.high)
    )
    return f"[{ends}], p {format_p_value(found.estimate.p_value)}, adjusted {format_p_value(found.adjusted_p_value)}"


def format_row_intervals(line: TableRow, headings: Sequence[ColumnHeader]) -> tuple[str, ...]:
    """How sure the scores of a line are, per column; empty where nothing is known of any."""
    if not any(entry.estimate for entry in line.cells):
        return ()
    pairs = zip(line.cells, headings, strict=True)
    return tuple(format_interval(e.estimate, h) if e.estimate else "" for e, h in pairs)


def format_row_comparisons(line: TableRow, headings: Sequence[ColumnHeader]) -> tuple[str, ...]:
    """How sure the differences of a line are, per column; empty where nothing is known of any."""
    if not line.comparisons:
        return ()
    pairs = zip(line.comparisons, headings, strict=True)
    return tuple(format_comparison(c, h) if c else "" for c, h in pairs)


def format_table_intervals(table: ScoreTable) -> list[tuple[str, list[str]]]:
    """The interval of every score of the sources that have any."""
    return [
        (
            line.source_results.source_name,
            [
                format_interval(e.estimate, h)
                for e, h in zip(line.cells, table.headers, strict=True)
            ],
        )
        for line in table.rows
        if any(entry.estimate for entry in line.cells)
    ]


def format_table_comparisons(table: ScoreTable) -> list[tuple[str, list[str]]]:
    """How sure every difference is, of the sources that have any."""
    return [
        (
            line.source_results.source_name,
            [format_comparison(c, h) for c, h in zip(line.comparisons, table.headers, strict=True)],
        )
        for line in table.rows
        if line.comparisons
    ]


def format_p_value(p: float) -> str:
    """A p-value with two digits, e.g. ``0.032``."""
    return "<0.001" if p < 0.001 else f"{p:.2g}"


def describe_intervals(results: TaskResults) -> str:
    """What the intervals of a task do and do not answer for; nothing where there are none."""
    drawn = results.bootstrap.first_scores if results.bootstrap else None
    if drawn is None:
        return ""
    what = f"{drawn.unit_count} {'sequences' if drawn.is_clustered else 'images'}"
    said = f"Intervals are 95 %: bootstrap, {RESAMPLE_COUNT} resamples of {what}"
    if not drawn.is_clustered and drawn.sequence_count < drawn.image_count:
        said += f" (from {drawn.sequence_count} sequences; they say nothing of others)"
    counts = {len(row.records) for row in results.sources if row.records}
    if 1 in counts:
        alone = "Seeds were not varied" if len(counts) == 1 else "Some sources have one seed"
        return f"{said}. {alone}: where there is one seed, they cover other images, not trainings."
    few = f"{min(counts)}{'' if len(counts) == 1 else ' or more'} seeds"
    return f"{said}, and the variance over {few}, as Student's t."


def describe_verdicts(results: TaskResults, table: ScoreTable) -> list[str]:
    """How the verdicts of a table were reached, and what its intervals cover."""
    made = [found for line in table.rows for found in line.comparisons if found]
    judged = [not heading.is_repeated for heading in table.headers]
    gaps = [g for line in table.rows for g in compress(line.differences, judged)]
    shown = [gap for gap in gaps if gap is not None]
    said = []
    if made:
        said.append(
            f"Better, worse: p below {1 - confidence_intervals.CONFIDENCE_LEVEL:.2f}, adjusted (Holm) for the "
            f"{len(made)} comparison{'s' if len(made) > 1 else ''} of this table. "
            f"{VERDICT_MARKS[confidence_intervals.NO_DIFFERENCE_SHOWN]}: {confidence_intervals.NO_DIFFERENCE_SHOWN}, which is not the same as equal."
        )
    if made and len(shown) > len(made):
        said.append("No mark: not tested.")
    if not all(judged) and any(line.differences for line in table.rows):
        said.append(REPEATED_COLUMN_NOTE)
    if made or any(entry.estimate for line in table.rows for entry in line.cells):
        said.append(describe_intervals(results))
    return said


def describe_finding(
    found: SourceComparison, heading: ColumnHeader, who: str, other: str, rivals: str
) -> str:
    """A finding with its interval, no stronger than the verdict."""
    gap = format_signed_score(found.estimate.value, heading)
    amount = f"{gap} {get_difference_unit(heading)}".rstrip()
    ends = f"{amount}, {format_comparison(found, heading)}"
    if found.verdict == confidence_intervals.NO_DIFFERENCE_SHOWN:
        return f"No difference shown between {who}, {rivals}, and {other}: {ends}"
    return f"{who}, {rivals}, is {found.verdict} than {other}: {ends}"
