"""Answer to a task's question: does the fused image help, and with which classes and conditions?

Every sentence follows from a table of the report. A difference is called better or worse only by
its verdict; for a table without verdicts, the largest differences are named as not tested.
"""

from collections.abc import Iterator, Sequence

from reports.results.task_results import TaskResults
from reports.statistics.confidence_intervals import BETTER, NO_DIFFERENCE_SHOWN, WORSE
from reports.tables import builders, fusion_metric_tables, significance_text
from reports.tables.comparison import (
    BETTER_SINGLE_SENSOR,
    ColumnHeader,
    ScoreTable,
    SourceComparison,
    TableRow,
    are_single_sensors_equal,
    find_best_row,
    find_better_single_sensor,
    get_baseline_name,
)
from reports.tables.inference import rank_text
from reports.tables.number_format import format_score, format_signed_score, get_difference_unit
from reports.tables.result_text import ONE_SEED_NOTE, UNTESTED_NOTE, format_cell

NO_RESULT = "No result yet."


def build_answer(results: TaskResults, table: ScoreTable) -> str:
    """Build the answer to a task's question: does the fused image help?

    Args:
        results: The task.
        table: Its main table, whose last column is the mean.
    """
    rows = [row for row in table.rows if row.cells]
    if results.kind == "quality" and rows:
        rank = fusion_metric_tables.describe_mean_rank(table)
        best = rank_text.describe_best(table, 0) or UNTESTED_NOTE
        return " ".join([*_describe_circumstances(results), rank, best])
    column = len(table.headers) - 1
    best_row = find_best_row(rows, table.headers[column], column)
    if best_row is None:
        return "No score is defined: no true label in the test images." if rows else NO_RESULT
    sentences = [*_describe_circumstances(results), _describe_finding(table, best_row, column)]
    is_tested = _get_best_fused_comparison(table, column) is not None
    if not is_tested and results.sources[0].planned_seeds != (None,):
        sentences.append(_describe_seed_counts(results))
    sentences.append(significance_text.describe_intervals(results) if is_tested else UNTESTED_NOTE)
    sentences.append(rank_text.describe_best(table, column))
    return " ".join(sentence for sentence in sentences if sentence)


def _list_fused_rows(table: ScoreTable) -> list[TableRow]:
    return [row for row in table.rows if row.source_results.is_fused and row.cells]


def _get_best_fused_comparison(table: ScoreTable, column: int) -> SourceComparison | None:
    """Return the test of the best fused source's difference in a column."""
    best = find_best_row(_list_fused_rows(table), table.headers[column], column)
    if best is None or not best.comparisons:
        return None
    return best.comparisons[column]


def _describe_circumstances(results: TaskResults) -> list[str]:
    parts = ["on simulated scenes, not camera images"] if results.is_simulated else []
    if len(results.records) < results.planned_run_count:
        parts.append(f"with {len(results.records)} of {results.planned_run_count} runs finished")
    text = ", ".join(parts)
    return [f"{text[0].upper()}{text[1:]}:"] if text else []


def _describe_seed_counts(results: TaskResults) -> str:
    counts = {len(source.records) for source in results.sources if source.records}
    if counts == {1}:
        return ONE_SEED_NOTE
    return f"{'' if len(counts) == 1 else 'Up to '}{max(counts)} seeds per source."


def _describe_finding(table: ScoreTable, best: TableRow, column: int) -> str:
    """Describe the best fused source against the better single sensor in a column."""
    header = table.headers[column]
    single = find_better_single_sensor(table, column)
    fusions = _list_fused_rows(table)
    fused = find_best_row(fusions, header, column)
    if single is None or fused is None:
        return _describe_best_finished(table, best, column)
    candidate = _format_source_score(fused, header, column)
    baseline = _format_baseline(table, single, column)
    note = f"the best of {len(fusions)} fused sources" if len(fusions) > 1 else "fused"
    comparison = _get_best_fused_comparison(table, column)
    if comparison:
        finding = significance_text.describe_finding(comparison, header, candidate, baseline, note)
        return f"{finding}."
    difference = fused.differences[column]
    if difference is None:
        return f"No difference between {candidate}, {note}, and {baseline}: their seeds differ."
    gain = header.round_score(difference if header.better == "higher" else -difference)
    if gain == 0:
        return f"{candidate}, {note}, equals {baseline}, as printed."
    amount = f"{abs(gain):.{header.decimals}f} {get_difference_unit(header)}".rstrip()
    return f"{candidate}, {note}, is {amount} {'better' if gain > 0 else 'worse'} than {baseline}."


def _format_baseline(table: ScoreTable, single: TableRow, column: int) -> str:
    """Format the better single sensor with its score, and a sensor that has the same score."""
    text = _format_source_score(single, table.headers[column], column)
    if are_single_sensors_equal(table, column):
        equal = [
            row.source_results.source_name
            for row in table.rows
            if row.source_results.is_single_sensor and row.cells and row is not single
        ]
        return f"{text}, which scores like {', '.join(equal)}"
    if get_baseline_name(table) == BETTER_SINGLE_SENSOR:
        return f"{BETTER_SINGLE_SENSOR}, {text}"
    return text


def _describe_best_finished(table: ScoreTable, best: TableRow, column: int) -> str:
    """Name the best finished source, or those that share the best score as printed."""
    header = table.headers[column]
    best_score = format_score(best.cells[column].mean, header)
    names = [
        row.source_results.source_name
        for row in table.rows
        if row.cells and format_score(row.cells[column].mean, header) == best_score
    ]
    if len(names) == 1:
        return f"{_format_source_score(best, header, column)} is the best finished source."
    return f"{', '.join(names)} share the best score, {header.title} {best_score}."


def _format_source_score(row: TableRow, header: ColumnHeader, column: int) -> str:
    score = format_cell(row.cells[column], header)
    return f"{row.source_results.source_name} ({header.title} {score})"


def build_sentences(results: TaskResults, main_table: ScoreTable) -> list[str]:
    """Build one sentence each on classes, conditions and error types, where there are any.

    Args:
        results: The task.
        main_table: Its main table, whose last column is the mean.
    """
    source = _find_best_fused_source(main_table)
    if source is None or not results.classes:
        return []
    metric = next(iter(results.columns))
    tables = [("class", main_table)]
    if results.conditions:
        tables.append(("condition", builders.build_condition_table(results, metric)))
    tables += [
        ("error type", builders.build_means_table(results, family))
        for family in builders.list_error_families(results)
    ]
    sentences = [
        _build_sentence(kind, table, source, results.other_means) for kind, table in tables
    ]
    return [sentence for sentence in sentences if sentence]


def _find_best_fused_source(table: ScoreTable) -> str | None:
    """Find the best fused source by the last column, if it has differences to single sensors."""
    fusions = [row for row in table.rows if row.differences and row.source_results.is_fused]
    row = find_best_row(fusions, table.headers[-1], len(table.headers) - 1)
    return row.source_results.source_name if row else None


def _build_sentence(kind: str, table: ScoreTable, source: str, means: Sequence[str]) -> str:
    """Build the sentence on one table; ``means`` are the names of means over fewer classes."""
    row = next(row for row in table.rows if row.source_results.source_name == source)
    columns = [
        i
        for i, header in enumerate(table.headers)
        if not header.is_mean and not (header.score_key and header.score_key.class_or_mean in means)
    ]
    if any(row.comparisons[i] for i in columns if row.comparisons):
        parts = [*_describe_verdicts(table, row, columns)]
        return f"By {kind}: {'; '.join(parts)}."
    parts = [*_describe_largest_differences(table, row, columns)]
    return f"By {kind}, not tested: {'; '.join(parts)}." if parts else ""


def _describe_verdicts(table: ScoreTable, row: TableRow, columns: Sequence[int]) -> Iterator[str]:
    """List the columns with a better or worse score, and count those without a difference."""
    verdicts = {
        i: comparison.verdict for i in columns if (comparison := row.comparisons[i]) is not None
    }
    for verdict in (BETTER, WORSE):
        texts = [
            _format_column_difference(table, row, i) for i in verdicts if verdicts[i] == verdict
        ]
        if texts:
            yield f"{verdict} in {', '.join(texts)}"
    undecided = sum(verdict == NO_DIFFERENCE_SHOWN for verdict in verdicts.values())
    if undecided == len(verdicts):
        suffix = f" in any of {undecided}" if undecided > 1 else ""
        yield f"{NO_DIFFERENCE_SHOWN}{suffix}"
    elif undecided:
        yield f"{NO_DIFFERENCE_SHOWN} in {undecided} of {len(verdicts)}"


def _describe_largest_differences(
    table: ScoreTable, row: TableRow, columns: Sequence[int]
) -> Iterator[str]:
    """Name the largest improvement and the largest worsening that are not 0 as printed."""
    gains = {i: gain for i in columns if row.differences and (gain := _compute_gain(table, row, i))}
    if gains and max(gains.values()) > 0:
        column = max(gains, key=lambda i: gains[i])
        yield f"most improved in {_format_column_difference(table, row, column)}"
    if gains and min(gains.values()) < 0:
        column = min(gains, key=lambda i: gains[i])
        yield f"most worsened in {_format_column_difference(table, row, column)}"


def _compute_gain(table: ScoreTable, row: TableRow, column: int) -> float:
    """Return the printed difference, positive for an improvement; 0 where it is undefined."""
    header, difference = table.headers[column], row.differences[column]
    rounded = 0.0 if difference is None else header.round_score(difference)
    return rounded if header.better == "higher" else -rounded


def _format_column_difference(table: ScoreTable, row: TableRow, column: int) -> str:
    header, difference = table.headers[column], row.differences[column]
    assert difference is not None
    title = " ".join(header.title.split())
    amount = f"{format_signed_score(difference, header)} {get_difference_unit(header)}".rstrip()
    return f"{title} ({amount})"
