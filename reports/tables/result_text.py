"""Numbers and findings in words, never beyond the numbers."""

from collections.abc import Iterable, Sequence

from fusebench.experiments.failures import Failure
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import fusion_metric_tables, number_format, significance_text
from reports.tables.comparison import (
    BETTER_SINGLE_SENSOR,
    ColumnHeader,
    ScoreTable,
    SourceComparison,
    TableCell,
    TableRow,
    are_single_sensors_equal,
    find_best_row,
    find_better_single_sensor,
    get_baseline_name,
)
from reports.tables.number_format import (
    MINUS,
    format_score,
    format_signed_score,
    get_difference_unit,
)
from reports.tables.significance_text import VERDICT_MARKS

UNDEFINED = number_format.UNDEFINED
MISSING = "missing"
ONE_SEED_NOTE = "One seed: differences of this size may be chance."
UNTESTED_NOTE = "Not tested for significance."
SEEDS_DIFFER = "seeds differ"
STANDARD_DEVIATION_NOTE = "± is the sample standard deviation over seeds."


def format_cell(found: TableCell, heading: ColumnHeader) -> str:
    """Mean ± standard deviation, e.g. ``71.2 ± 0.4``; says so if some seeds have no score."""
    text = format_score(found.mean, heading)
    if found.standard_deviation is not None:
        text += f" ± {format_score(found.standard_deviation, heading)}"
    if 0 < len(found.defined_scores) < len(found.seed_scores):
        text += f" (n={len(found.defined_scores)})"
    return text


def format_difference(
    score: float | None, heading: ColumnHeader, compared: SourceComparison | None = None
) -> str:
    """A difference with its sign, and the verdict if there is one, e.g. ``+1.3 better``."""
    if score is None:
        return UNDEFINED
    text = format_signed_score(score, heading)
    return f"{text} {VERDICT_MARKS.get(compared.verdict, compared.verdict)}" if compared else text


def format_correlation(value: float) -> str:
    """A number between -1 and 1 with its sign, e.g. ``+0.90``."""
    return f"{round(value, 2) + 0.0:+.2f}".replace("-", MINUS)


def format_count(number: int, what: str) -> str:
    """So many of a thing, e.g. ``3 tables``."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def describe_progress(every: Iterable[TaskResults], undrawn: Sequence[str]) -> str:
    """How much of the plan is finished.

    Args:
        every: All tasks that are planned.
        undrawn: Tasks that cannot be planned yet, because their scenes are drawn by the first run.
    """
    rows = [row for results in every for row in results.sources]
    planned = sum(len(row.planned_seeds) for row in rows)
    done, failed = (sum(len(row.records) for row in rows), sum(len(row.failures) for row in rows))
    waiting = ", ".join(undrawn)
    if not planned:
        return f"No run is planned yet: the first run draws the scenes of {waiting}."
    said = f"{done} of {planned} planned runs finished{f', {failed} failed' if failed else ''}"
    if waiting:
        said += f"; not counted: {waiting}, whose scenes the first run draws"
    return f"{said}."


def describe_seeds(line: TableRow) -> str:
    """How many of a source's seeds are there; nothing where it has no seeds."""
    row = line.source_results
    if row.planned_seeds == (None,) or not row.records:
        return ""
    if row.missing_seeds:
        return f"{len(row.records)} of {len(row.planned_seeds)} seeds"
    return f"{len(row.planned_seeds)} seed{'' if len(row.planned_seeds) == 1 else 's'}"


def describe_missing_runs(row: SourceResults) -> str:
    """What a source that is not finished lacks, e.g. ``1 of 3 seeds missing``, and what failed.

    Finished runs of other data or settings, as after an image was changed, are not passed over.
    """
    alike: dict[str, dict[int | None, Failure]] = {}
    for seed, failure in row.failures:
        alike.setdefault(failure.reason, {})[seed] = failure
    said = []
    for reason, those in alike.items():
        every = len(those) == len(row.planned_seeds)
        seeds = f"seed{'s' if len(those) > 1 else ''} {', '.join(map(str, those))} "
        last = max(failure.context for failure in those.values())
        said.append(f"{'' if every else seeds}failed: {reason} ({last})")
    unrun = len(row.missing_seeds) - len(row.failures)
    if unrun == len(row.planned_seeds):
        said.append(MISSING)
    elif unrun:
        said.append(f"{unrun} of {len(row.planned_seeds)} seeds {MISSING}")
    if row.mismatched_run_count:
        which = "one is" if row.mismatched_run_count == 1 else f"{row.mismatched_run_count} are"
        said.append(f"{which} finished with other data or settings, and not counted")
    return "; ".join(said)


def build_caption(table: ScoreTable) -> str:
    """Unit and which way is better, where all columns agree."""
    first = table.headers[0]
    said = ["points, 0 to 100"] if all(h.scale == 100 for h in table.headers) else []
    if {heading.better for heading in table.headers} == {first.better}:
        said.append(f"{first.better} is better")
    return "; ".join(said)


def build_notes(results: TaskResults, table: ScoreTable) -> list[str]:
    """How to read the table."""
    said = []
    if any(found.rank for line in table.rows for found in line.cells):
        said.append("Best of a column bold, second best underlined; equal as printed is equal.")
    if any(line.differences for line in table.rows):
        single = get_baseline_name(table)
        other = "the column's better single sensor" if single == BETTER_SINGLE_SENSOR else single
        said.append(f"Difference: mean minus that of {other}, before rounding.")
    elif results.kind != "quality" and any(
        line.cells and not line.source_results.is_single_sensor for line in table.rows
    ):
        said.append(_explain_missing_difference(results))
    if any(found.standard_deviation is not None for line in table.rows for found in line.cells):
        said.append(STANDARD_DEVIATION_NOTE)
    said += significance_text.describe_verdicts(results, table)
    counts = {len(line.source_results.records) for line in table.rows if line.cells}
    if (
        1 in counts
        and results.sources[0].planned_seeds != (None,)
        and not any(map(_has_comparisons, table.rows))
    ):
        said.append(ONE_SEED_NOTE)
    if len(counts) > 1:
        said.append("Sources have different numbers of finished seeds; see their names.")
    if any(found.mean is None for line in table.rows for found in line.cells):
        why = "nothing of that class to find, or nothing found" if results.classes else "see flags"
        said.append(f"{UNDEFINED} is undefined: {why}.")
    return said


def _has_comparisons(line: TableRow) -> bool:
    return any(line.comparisons)


def build_answer(results: TaskResults, table: ScoreTable) -> str:
    """What the main table says about the task's question: does the fused image help?

    Args:
        results: The task.
        table: Its main table, whose last column is the mean.
    """
    column = len(table.headers) - 1
    heading = table.headers[column]
    lines = [line for line in table.rows if line.cells]
    leader = find_best_row(lines, heading, column)
    if results.kind == "quality" and lines:
        return " ".join(
            [
                *_describe_circumstances(results),
                fusion_metric_tables.describe_mean_rank(table),
                UNTESTED_NOTE,
            ]
        )
    if leader is None:
        return "No result yet."
    said = [*_describe_circumstances(results), _describe_finding(table, leader, column)]
    tested = _get_best_fused_comparison(table, column)
    if tested is None and results.sources[0].planned_seeds != (None,):
        said.append(_describe_seed_counts(results))
    return " ".join(
        [*said, significance_text.describe_intervals(results) if tested else UNTESTED_NOTE]
    )


def _get_best_fused_comparison(table: ScoreTable, column: int) -> SourceComparison | None:
    """How sure the difference of the best fused source is in a column."""
    fusions = [
        line for line in table.rows if not line.source_results.is_single_sensor and line.cells
    ]
    fused = find_best_row(fusions, table.headers[column], column)
    if fused is None or not fused.comparisons:
        return None
    return fused.comparisons[column]


def _describe_circumstances(results: TaskResults) -> list[str]:
    said = ["on simulated scenes, not camera images"] if results.is_simulated else []
    if len(results.records) < results.planned_run_count:
        said.append(f"with {len(results.records)} of {results.planned_run_count} runs finished")
    text = ", ".join(said)
    return [f"{text[0].upper()}{text[1:]}:"] if said else []


def _describe_seed_counts(results: TaskResults) -> str:
    counts = {len(row.records) for row in results.sources if row.records}
    if counts == {1}:
        return ONE_SEED_NOTE
    return f"{'' if len(counts) == 1 else 'Up to '}{max(counts)} seeds per source."


def _describe_finding(table: ScoreTable, leader: TableRow, column: int) -> str:
    heading = table.headers[column]
    single = find_better_single_sensor(table, column)
    fusions = [
        line for line in table.rows if not line.source_results.is_single_sensor and line.cells
    ]
    fused = find_best_row(fusions, heading, column)
    if single is None or fused is None:
        return _describe_best_finished(table, leader, column)
    who, other = (
        _format_source_score(fused, heading, column),
        _format_source_score(single, heading, column),
    )
    if are_single_sensors_equal(table, column):
        names = [
            line.source_results.source_name
            for line in table.rows
            if line.source_results.is_single_sensor and line.cells
        ]
        alike = ", ".join(name for name in names if name != single.source_results.source_name)
        other = f"{other}, which scores like {alike}"
    elif get_baseline_name(table) == BETTER_SINGLE_SENSOR:
        other = f"{BETTER_SINGLE_SENSOR}, {other}"
    rivals = f"the best of {len(fusions)} fused sources" if len(fusions) > 1 else "fused"
    tested = _get_best_fused_comparison(table, column)
    if tested:
        return f"{significance_text.describe_finding(tested, heading, who, other, rivals)}."
    gap = fused.differences[column]
    if gap is None:
        return f"No difference between {who}, {rivals}, and {other}: their seeds differ."
    shown = heading.round_score(gap if heading.better == "higher" else -gap)
    amount = f"{abs(shown):.{heading.decimals}f} {get_difference_unit(heading)}".rstrip()
    if shown > 0:
        return f"{who}, {rivals}, is {amount} better than {other}."
    if shown < 0:
        return f"{who}, {rivals}, is {amount} worse than {other}."
    return f"{who}, {rivals}, equals {other}, as printed."


def _describe_best_finished(table: ScoreTable, leader: TableRow, column: int) -> str:
    """The best of the sources that are there, or those that share the best score as printed."""
    heading = table.headers[column]
    best_score = format_score(leader.cells[column].mean, heading)
    names = [
        line.source_results.source_name
        for line in table.rows
        if line.cells and format_score(line.cells[column].mean, heading) == best_score
    ]
    if len(names) == 1:
        return f"{_format_source_score(leader, heading, column)} is the best finished source."
    return f"{', '.join(names)} share the best score, {heading.title} {best_score}."


def _format_source_score(line: TableRow, heading: ColumnHeader, column: int) -> str:
    return f"{line.source_results.source_name} ({heading.title} {format_cell(line.cells[column], heading)})"


def _explain_missing_difference(results: TaskResults) -> str:
    singles = [row for row in results.sources if row.is_single_sensor]
    if not singles:
        return "No difference to a single sensor: the task lists neither infrared nor visible."
    return "No difference to a single sensor yet: not all single sensors are finished."
