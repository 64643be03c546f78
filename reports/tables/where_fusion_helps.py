"""What the best fused source helps with, in words: classes, conditions, kinds of error.

Every sentence follows from a table of the report. A difference is called better or worse only by
its verdict; where a table has no verdicts, its largest differences are named as not tested.
"""

from collections.abc import Iterator, Sequence

from reports.results.task_results import TaskResults
from reports.statistics import confidence_intervals
from reports.tables import builders
from reports.tables.comparison import ColumnHeader, ScoreTable, TableRow, find_best_row
from reports.tables.number_format import format_signed_score, get_difference_unit


def build_sentences(results: TaskResults, main: ScoreTable) -> list[str]:
    """A sentence for classes, one for conditions, one for kinds of error, as far as there are any.

    Args:
        results: The task.
        main: Its main table, whose last column is the mean.
    """
    source = _find_best_fused_source(main)
    if source is None or not results.classes:
        return []
    metric = next(iter(results.columns))
    asked = [("class", main)]
    if results.conditions:
        asked.append(("condition", builders.build_condition_table(results, metric)))
    asked += [
        ("kind of error", builders.build_means_table(results, name))
        for name in builders.list_error_families(results)
    ]
    found = [_build_sentence(word, table, source, results.other_means) for word, table in asked]
    return [sentence for sentence in found if sentence]


def _find_best_fused_source(table: ScoreTable) -> str | None:
    """The best fused source by the last column, if it has differences to single sensors."""
    fusions = [line for line in table.rows if line.differences]
    line = find_best_row(fusions, table.headers[-1], len(table.headers) - 1)
    return line.source_results.source_name if line else None


def _build_sentence(word: str, table: ScoreTable, source: str, means: Sequence[str]) -> str:
    """Without the columns of means, of all classes or of fewer."""
    line = next(line for line in table.rows if line.source_results.source_name == source)
    columns = [
        i
        for i, heading in enumerate(table.headers)
        if not heading.is_mean
        and not (heading.score_key and heading.score_key.class_or_mean in means)
    ]
    if any(line.comparisons[i] for i in columns if line.comparisons):
        parts = [*_describe_verdicts(table, line, columns)]
        return f"By {word}: {'; '.join(parts)}."
    parts = [*_describe_largest_differences(table, line, columns)]
    return f"By {word}, not tested: {'; '.join(parts)}." if parts else ""


def _describe_verdicts(table: ScoreTable, line: TableRow, columns: Sequence[int]) -> Iterator[str]:
    """Where it is better and where worse, with the difference, and how many show none."""
    shown = {i: found for i in columns if (found := line.comparisons[i])}
    for verdict in (confidence_intervals.BETTER, confidence_intervals.WORSE):
        these = [i for i, found in shown.items() if found.verdict == verdict]
        if these:
            yield f"{verdict} in {', '.join(_format_column_difference(table, line, i) for i in these)}"
    rest = sum(
        found.verdict == confidence_intervals.NO_DIFFERENCE_SHOWN for found in shown.values()
    )
    if rest == len(shown):
        yield (
            f"{confidence_intervals.NO_DIFFERENCE_SHOWN} in any of {rest}"
            if rest > 1
            else confidence_intervals.NO_DIFFERENCE_SHOWN
        )
    elif rest:
        yield f"{confidence_intervals.NO_DIFFERENCE_SHOWN} in {rest} of {len(shown)}"


def _describe_largest_differences(
    table: ScoreTable, line: TableRow, columns: Sequence[int]
) -> Iterator[str]:
    """The largest difference to the better and that to the worse, if they are seen as printed."""
    gains = {i: g for i in columns if line.differences and (g := _compute_gain(table, line, i))}
    if gains and max(gains.values()) > 0:
        yield f"most improved in {_format_column_difference(table, line, max(gains, key=lambda i: gains[i]))}"
    if gains and min(gains.values()) < 0:
        yield f"most worsened in {_format_column_difference(table, line, min(gains, key=lambda i: gains[i]))}"


def _compute_gain(table: ScoreTable, line: TableRow, column: int) -> float:
    """The difference as printed, positive to the better; 0 where it is not known."""
    heading, gap = table.headers[column], line.differences[column]
    shown = 0.0 if gap is None else heading.round_score(gap)
    return shown if heading.better == "higher" else -shown


def _format_column_difference(table: ScoreTable, line: TableRow, column: int) -> str:
    heading = table.headers[column]
    gap = line.differences[column]
    assert gap is not None
    return (
        f"{_normalize_title(heading)} ({format_signed_score(gap, heading)} {get_difference_unit(heading)}".rstrip()
        + ")"
    )


def _normalize_title(heading: ColumnHeader) -> str:
    return " ".join(heading.title.split())
