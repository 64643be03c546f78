"""Results as text: cells, captions and notes of tables, progress and missing runs."""

from collections.abc import Iterable, Sequence

from fusebench.experiments.failures import Failure
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import number_format, significance_text
from reports.tables.comparison import (
    BETTER_SINGLE_SENSOR,
    ColumnHeader,
    ScoreTable,
    SourceComparison,
    TableCell,
    TableRow,
    get_baseline_name,
)
from reports.tables.inference import rank_text
from reports.tables.number_format import (
    MINUS,
    format_score,
    format_signed_score,
)
from reports.tables.significance_text import VERDICT_MARKS

UNDEFINED = number_format.UNDEFINED
MISSING = "missing"
ONE_SEED_NOTE = "One seed: differences of this size may be chance."
UNTESTED_NOTE = "Not tested for significance."
SEEDS_DIFFER = "seeds differ"
MAX_NAMED_COLUMNS = 3  # in a caption
STANDARD_DEVIATION_NOTE = "± is the sample standard deviation over seeds."


def format_cell(cell: TableCell, header: ColumnHeader) -> str:
    """Format mean ± standard deviation, e.g. ``71.2 ± 0.4``; ``(n=1)`` if seeds lack a score."""
    text = format_score(cell.mean, header)
    if cell.standard_deviation is not None:
        text += f" ± {format_score(cell.standard_deviation, header)}"
    if 0 < len(cell.defined_scores) < len(cell.seed_scores):
        text += f" (n={len(cell.defined_scores)})"
    return text


def format_difference(
    difference: float | None, header: ColumnHeader, comparison: SourceComparison | None = None
) -> str:
    """Format a difference with its sign and its verdict, if there is one, e.g. ``+1.3 better``."""
    if difference is None:
        return UNDEFINED
    text = format_signed_score(difference, header)
    if comparison is None:
        return text
    return f"{text} {VERDICT_MARKS.get(comparison.verdict, comparison.verdict)}"


def format_correlation(correlation: float) -> str:
    """Format a correlation with its sign, e.g. ``+0.90``."""
    return f"{round(correlation, 2) + 0.0:+.2f}".replace("-", MINUS)


def format_count(count: int, noun: str) -> str:
    """Format a count with its noun, e.g. ``3 tables``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def describe_progress(tasks: Iterable[TaskResults], not_generated: Sequence[str]) -> str:
    """Describe how many runs of the plan are finished.

    Args:
        tasks: All tasks with a plan.
        not_generated: Tasks without a plan, because their first run generates the data.
    """
    sources = [source for results in tasks for source in results.sources]
    planned = sum(len(source.planned_seeds) for source in sources)
    finished = sum(len(source.records) for source in sources)
    failed = sum(len(source.failures) for source in sources)
    names = ", ".join(not_generated)
    if not planned:
        return f"No run is planned yet: the first run generates the scenes of {names}."
    text = f"{finished} of {planned} planned runs finished"
    if failed:
        text += f", {failed} failed"
    if names:
        text += f"; not counted: {names}, whose scenes the first run generates"
    return f"{text}."


def describe_seeds(row: TableRow) -> str:
    """Format the number of finished seeds of a source; empty where nothing is trained."""
    source = row.source_results
    if source.planned_seeds == (None,) or not source.records:
        return ""
    if source.missing_seeds:
        return f"{len(source.records)} of {len(source.planned_seeds)} seeds"
    return format_count(len(source.planned_seeds), "seed")


def describe_missing_runs(source: SourceResults) -> str:
    """Describe the missing and failed runs of a source, e.g. ``1 of 3 seeds missing``.

    Finished runs with other data or settings, as after an image was changed, are named too.
    """
    by_reason: dict[str, dict[int | None, Failure]] = {}
    for seed, failure in source.failures:
        by_reason.setdefault(failure.reason, {})[seed] = failure
    parts = []
    for reason, failures in by_reason.items():
        seeds = f"seed{'s' if len(failures) > 1 else ''} {', '.join(map(str, failures))} "
        prefix = "" if len(failures) == len(source.planned_seeds) else seeds
        last = max(failure.context for failure in failures.values())
        parts.append(f"{prefix}failed: {reason} ({last})")
    not_run = len(source.missing_seeds) - len(source.failures)
    if not_run == len(source.planned_seeds):
        parts.append(MISSING)
    elif not_run:
        parts.append(f"{not_run} of {len(source.planned_seeds)} seeds {MISSING}")
    if mismatched := source.mismatched_run_count:
        subject = "one is" if mismatched == 1 else f"{mismatched} are"
        parts.append(f"{subject} finished with other data or settings, and not counted")
    return "; ".join(parts)


def build_caption(table: ScoreTable) -> str:
    """Build the caption: the unit, where all columns agree, and the direction.

    Few columns of the other direction are named; many of them are left to the definitions.
    """
    lower = [header.title for header in table.headers if header.better == "lower"]
    parts = []
    if all(header.scale == 100 for header in table.headers):
        parts.append("points, 0 to 100")
    if len(lower) in (0, len(table.headers)):
        parts.append("lower is better" if lower else "higher is better")
    elif len(lower) <= MAX_NAMED_COLUMNS:
        parts.append(f"higher is better, for {' and '.join(lower)} lower")
    return "; ".join(parts)


def build_notes(results: TaskResults, table: ScoreTable) -> list[str]:
    """Build the notes below a table."""
    cells = [cell for row in table.rows for cell in row.cells]
    notes = []
    if any(cell.rank for cell in cells):
        notes.append("Best of a column bold, second best underlined; equal as printed is equal.")
    if any(row.differences for row in table.rows):
        name = get_baseline_name(table)
        baseline = "the column's better single sensor" if name == BETTER_SINGLE_SENSOR else name
        notes.append(f"Difference: mean minus that of {baseline}, before rounding.")
    elif results.kind != "quality" and any(
        row.cells and not row.source_results.is_single_sensor for row in table.rows
    ):
        notes.append(_explain_missing_difference(results))
    if any(cell.standard_deviation is not None for cell in cells):
        notes.append(STANDARD_DEVIATION_NOTE)
    notes += significance_text.describe_verdicts(results, table)
    if letters := rank_text.describe_letters(table, get_baseline_name(table)):
        notes.append(letters)
    seed_counts = {len(row.source_results.records) for row in table.rows if row.cells}
    is_tested = any(comparison for row in table.rows for comparison in row.comparisons)
    if 1 in seed_counts and results.sources[0].planned_seeds != (None,) and not is_tested:
        notes.append(ONE_SEED_NOTE)
    if len(seed_counts) > 1:
        notes.append("Sources have different numbers of finished seeds; see their names.")
    if any(cell.mean is None for cell in cells):
        reason = (
            "no object of the class in the truth, or none predicted"
            if results.classes
            else "see flags"
        )
        notes.append(f"{UNDEFINED} is undefined: {reason}.")
    return notes


def _explain_missing_difference(results: TaskResults) -> str:
    if not any(source.is_single_sensor for source in results.sources):
        return "No difference to a single sensor: the task lists neither infrared nor visible."
    return "No difference to a single sensor yet: not all single sensors are finished."
