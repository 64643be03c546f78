"""Intervals and verdicts for a table: which of its differences are more than chance."""

from collections.abc import Sequence
from dataclasses import replace

from reports.results.bootstrap_scores import TaskBootstrap
from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import CONFIDENCE_LEVEL, Estimate, ScoreSample
from reports.tables.comparison import (
    ScoreTable,
    SourceComparison,
    TableCell,
    TableRow,
    find_better_single_sensor,
)


def add_significance(table: ScoreTable, evidence: TaskBootstrap | None) -> ScoreTable:
    """The table with the interval of every score and the verdict on every difference.

    The p-values are adjusted over all differences of the table but those that an earlier one
    judges, so that a table without any true difference has a "better" or "worse" anywhere in it
    in at most 5 % of the cases.
    """
    if evidence is None:
        return table
    samples = [_build_samples(table, line, evidence) for line in table.rows]
    lines = [
        replace(line, cells=_add_estimates(line.cells, mine, samples))
        for line, mine in zip(table.rows, samples, strict=True)
    ]
    found = _estimate_differences(table, samples)
    known = {
        (i, j): pair[1].p_value
        for i, row in enumerate(found)
        for j, pair in enumerate(row)
        if pair and not table.headers[j].is_repeated
    }
    adjusted = dict(
        zip(known, confidence_intervals.adjust_p_values([*known.values()]), strict=True)
    )
    for i, row in enumerate(found):
        made = [
            SourceComparison(
                *pair, adjusted[i, j], _decide_verdict(table, j, pair[1], adjusted[i, j])
            )
            if pair and (i, j) in adjusted
            else None
            for j, pair in enumerate(row)
        ]
        comparisons = tuple(made) if any(made) else ()
        lines[i] = replace(
            lines[i],
            differences=_fill_in_tested_differences(lines[i], row),
            comparisons=comparisons,
        )
    return replace(table, rows=tuple(lines))


def _build_samples(
    table: ScoreTable, line: TableRow, evidence: TaskBootstrap
) -> list[ScoreSample | None]:
    return [
        evidence.build_sample(line.source_results.source_name, heading.score_key, entry.seed_scores)
        for heading, entry in zip(table.headers, line.cells, strict=False)
    ]


def _add_estimates(
    entries: Sequence[TableCell],
    mine: Sequence[ScoreSample | None],
    samples: Sequence[Sequence[ScoreSample | None]],
) -> tuple[TableCell, ...]:
    found = []
    for column, (entry, sample) in enumerate(zip(entries, mine, strict=True)):
        others = [row[column] for row in samples if row and row is not mine]
        alike = [other for other in others if other is not None]
        estimate = confidence_intervals.estimate_score(sample, alike) if sample else None
        found.append(replace(entry, estimate=estimate))
    return tuple(found)


def _estimate_differences(
    table: ScoreTable, samples: Sequence[Sequence[ScoreSample | None]]
) -> list[list[tuple[str, Estimate] | None]]:
    """Per line and column the better single sensor and the difference to it."""
    place = {line.source_results.source_name: number for number, line in enumerate(table.rows)}
    found: list[list[tuple[str, Estimate] | None]] = []
    for line, mine in zip(table.rows, samples, strict=True):
        row: list[tuple[str, Estimate] | None] = []
        for column in range(len(line.differences)):
            single = find_better_single_sensor(table, column)
            own = mine[column]
            other = samples[place[single.source_results.source_name]][column] if single else None
            estimate = (
                confidence_intervals.estimate_difference(own, other) if own and other else None
            )
            row.append(
                (single.source_results.source_name, estimate) if single and estimate else None
            )
        found.append(row)
    return found


def _fill_in_tested_differences(
    line: TableRow, found: Sequence[tuple[str, Estimate] | None]
) -> tuple[float | None, ...]:
    """A line's differences, with those of other seeds, which a test accounts for."""
    return tuple(
        pair[1].value if gap is None and pair else gap
        for gap, pair in zip(line.differences, found, strict=True)
    )


def _decide_verdict(table: ScoreTable, column: int, estimate: Estimate, adjusted: float) -> str:
    if adjusted >= 1 - CONFIDENCE_LEVEL:
        return confidence_intervals.NO_DIFFERENCE_SHOWN
    rises = table.headers[column].better == "higher"
    return (
        confidence_intervals.BETTER if (estimate.value > 0) == rises else confidence_intervals.WORSE
    )
