"""Significance tests: intervals and verdicts of a table, and all pairs of its sources.

A table's differences are to the better single sensor. All other pairs, e.g. two fusions or the two
sensors, have a table of their own; ranks with their uncertainty are in `source_ranks`.
"""

from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations

import pandas as pd

from reports.results.bootstrap_scores import TaskBootstrap
from reports.statistics import confidence_intervals
from reports.statistics.confidence_intervals import CONFIDENCE_LEVEL, Estimate, ScoreSample
from reports.tables.comparison import (
    ColumnHeader,
    ScoreTable,
    SourceComparison,
    TableCell,
    TableRow,
    find_better_single_sensor,
)
from reports.tables.inference import source_ranks

PAIRWISE_COLUMNS = (
    *("column", "source", "other", "difference", "low", "high"),
    *("p", "p Holm", "verdict"),
)


def add_significance(table: ScoreTable, bootstrap: TaskBootstrap | None) -> ScoreTable:
    """Add the interval of every score and the verdict of every difference.

    The p-values are adjusted over all differences of the table, without those that an earlier
    table tests: the probability that a table without true differences has any "better" or "worse"
    is at most 5 %.
    """
    if bootstrap is None:
        return table
    samples = [_build_samples(table, row, bootstrap) for row in table.rows]
    estimates = _estimate_differences(table, samples)
    p_values = {
        (i, j): pair[1].p_value
        for i, pairs in enumerate(estimates)
        for j, pair in enumerate(pairs)
        if pair and not table.headers[j].is_repeated
    }
    adjusted = dict(
        zip(p_values, confidence_intervals.adjust_p_values([*p_values.values()]), strict=True)
    )
    rows = []
    for i, (row, pairs) in enumerate(zip(table.rows, estimates, strict=True)):
        comparisons = [
            SourceComparison(
                *pair, adjusted[i, j], _decide_verdict(table.headers[j], pair[1], adjusted[i, j])
            )
            if pair and (i, j) in adjusted
            else None
            for j, pair in enumerate(pairs)
        ]
        rows.append(
            replace(
                row,
                cells=_add_estimates(row.cells, samples[i], samples),
                differences=_fill_in_tested_differences(row, pairs),
                comparisons=tuple(comparisons) if any(comparisons) else (),
            )
        )
    return source_ranks.add_rank_sets(replace(table, rows=tuple(rows)), samples)


def build_pairwise_dataframe(
    table: ScoreTable, bootstrap: TaskBootstrap | None
) -> pd.DataFrame | None:
    """Test every source against every other in every column of a table.

    The p-values are adjusted (Holm) over all pairs and columns, because any of them may be
    selected afterwards.

    Returns:
        One row per column and pair, scaled as in the table: ``difference`` is ``source`` minus
        ``other``, ``verdict`` that on ``source``. None if no pair can be tested.
    """
    estimates: list[tuple[ColumnHeader, str, str, Estimate]] = []
    for column, header in enumerate(table.headers):
        samples = _collect_samples(table, column, bootstrap) if bootstrap else {}
        for (source, first), (other, second) in combinations(samples.items(), 2):
            estimate = confidence_intervals.estimate_difference(first, second)
            if estimate is not None:
                estimates.append((header, source, other, estimate))
    if not estimates:
        return None
    adjusted = confidence_intervals.adjust_p_values(
        [estimate.p_value for *_, estimate in estimates]
    )
    rows = [
        (
            *(header.title, source, other),
            *(round(x * header.scale, 6) for x in (estimate.value, estimate.low, estimate.high)),
            *(round(estimate.p_value, 6), round(p, 6), _decide_verdict(header, estimate, p)),
        )
        for (header, source, other, estimate), p in zip(estimates, adjusted, strict=True)
    ]
    return pd.DataFrame(rows, columns=list(PAIRWISE_COLUMNS))


def _build_samples(
    table: ScoreTable, row: TableRow, bootstrap: TaskBootstrap
) -> list[ScoreSample | None]:
    """Build the samples of a row, one per column; none if the source has no record."""
    return [
        bootstrap.build_sample(row.source_results.source_name, header.score_key, cell.seed_scores)
        for header, cell in zip(table.headers, row.cells, strict=False)
    ]


def _collect_samples(
    table: ScoreTable, column: int, bootstrap: TaskBootstrap
) -> dict[str, ScoreSample]:
    """Collect the defined samples of a column by source."""
    score_key = table.headers[column].score_key
    samples = {
        row.source_results.source_name: bootstrap.build_sample(
            row.source_results.source_name, score_key, row.cells[column].seed_scores
        )
        for row in table.rows
        if row.cells
    }
    return {source: sample for source, sample in samples.items() if sample is not None}


def _add_estimates(
    cells: Sequence[TableCell],
    row_samples: Sequence[ScoreSample | None],
    all_samples: Sequence[Sequence[ScoreSample | None]],
) -> tuple[TableCell, ...]:
    """Add the interval of every cell, with the seed variance pooled over its column."""
    estimated = []
    for column, (cell, sample) in enumerate(zip(cells, row_samples, strict=True)):
        same_recipe = [
            other
            for row in all_samples
            if row and row is not row_samples and (other := row[column]) is not None
        ]
        estimate = confidence_intervals.estimate_score(sample, same_recipe) if sample else None
        estimated.append(replace(cell, estimate=estimate))
    return tuple(estimated)


def _estimate_differences(
    table: ScoreTable, samples: Sequence[Sequence[ScoreSample | None]]
) -> list[list[tuple[str, Estimate] | None]]:
    """Estimate, per row and column, the difference to the better single sensor; with its name."""
    index = {row.source_results.source_name: number for number, row in enumerate(table.rows)}
    estimates: list[list[tuple[str, Estimate] | None]] = []
    for row, row_samples in zip(table.rows, samples, strict=True):
        pairs: list[tuple[str, Estimate] | None] = []
        for column in range(len(row.differences)):
            single = find_better_single_sensor(table, column)
            name = single.source_results.source_name if single else ""
            candidate = row_samples[column]
            baseline = samples[index[name]][column] if single else None
            estimate = (
                confidence_intervals.estimate_difference(candidate, baseline)
                if candidate and baseline
                else None
            )
            pairs.append((name, estimate) if estimate else None)
        estimates.append(pairs)
    return estimates


def _fill_in_tested_differences(
    row: TableRow, pairs: Sequence[tuple[str, Estimate] | None]
) -> tuple[float | None, ...]:
    """Fill in the differences of means over different seeds, which the test accounts for."""
    return tuple(
        pair[1].value if difference is None and pair else difference
        for difference, pair in zip(row.differences, pairs, strict=True)
    )


def _decide_verdict(header: ColumnHeader, estimate: Estimate, adjusted_p_value: float) -> str:
    if adjusted_p_value >= 1 - CONFIDENCE_LEVEL:
        return confidence_intervals.NO_DIFFERENCE_SHOWN
    is_better = (estimate.value > 0) == (header.better == "higher")
    return confidence_intervals.BETTER if is_better else confidence_intervals.WORSE
