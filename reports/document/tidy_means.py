"""All means over seeds as one tidy table: interval, difference to a single sensor, verdict.

Nothing is tested here: intervals, p-values and verdicts are copied from the report's tables.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import pandas as pd

from fusebench.storage.records import Scalar
from reports.document import table_text
from reports.results import protocol
from reports.results.score_index import (
    CLASS,
    CONVENTION,
    MEAN,
    MEAN_OVER_FEWER,
    ScoreLocation,
    index_scores,
)
from reports.results.task_results import SourceResults, TaskResults
from reports.tables import tidy_scores
from reports.tables.comparison import (
    ScoreTable,
    TableCell,
    TableRow,
    find_better_single_sensor,
    have_different_seeds,
)
from reports.tables.result_text import SEEDS_DIFFER

STATISTIC_COLUMNS = (
    *("seeds", "mean", "sd", "low", "high", "compared with"),
    *("difference", "difference low", "difference high", "p", "p Holm", "verdict", "table"),
)
COLUMNS = (
    *("task", "kind", "dataset", "source", "level", "condition", "class", "metric"),
    *(*STATISTIC_COLUMNS, "signature", *tidy_scores.FACT_COLUMNS, "protocol"),
)
DECIMALS = 6
NOT_COMPARED = (*(None,) * 6, "not compared", None)  # of scores that no table of the report has
TEXT_COLUMNS = ("compared with", "verdict", "table")
TableColumn = tuple[ScoreTable, int]


def build_dataframe(
    tables_by_task: Iterable[tuple[TaskResults, Sequence[ScoreTable]]],
) -> pd.DataFrame:
    """Build one row per source and score, with the columns `COLUMNS`.

    ``level`` to ``metric`` are those of `tidy_scores`. Numbers are fractions with `DECIMALS`.
    ``seeds`` is the number of averaged scores. ``table`` names the CSV file in which the difference
    is tested; ``p Holm`` is adjusted for the comparisons of that table. Unknown values are missing
    values. The verdict is "seeds differ" where no difference is computed for that reason, and "not
    compared" for scores that are in no table of the report. Facts that differ between the seeds of
    a source are joined by a bar.

    Args:
        tables_by_task: Every task with all of its tables in the report.
    """
    rows = [
        row
        for results, tables in tables_by_task
        for row in _build_rows(results, _map_scores_to_columns(results, tables))
    ]
    floats = dict.fromkeys(set(STATISTIC_COLUMNS) - {"seeds", *TEXT_COLUMNS}, "float64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(floats).round(DECIMALS)


def _map_scores_to_columns(
    results: TaskResults, tables: Iterable[ScoreTable]
) -> dict[ScoreLocation, TableColumn]:
    """Map each score to the table column that tests its differences, else to its first column."""
    columns: dict[ScoreLocation, TableColumn] = {}
    for table in tables:
        for index, header in enumerate(table.headers):
            if header.score_key is None:
                continue
            condition, name, metric = header.score_key
            location = ScoreLocation(condition, _get_level(results, name), name, metric)
            if location not in columns:
                columns[location] = table, index
                continue
            first_table, first_index = columns[location]
            if first_table.headers[first_index].is_repeated and not header.is_repeated:
                columns[location] = table, index
    return columns


def _get_level(results: TaskResults, name: str | None) -> str:
    if name is None:
        return MEAN
    if name in results.classes:
        return CLASS
    return MEAN_OVER_FEWER if name in results.other_means else CONVENTION


def _build_rows(
    results: TaskResults, columns: Mapping[ScoreLocation, TableColumn]
) -> Iterator[tuple[object, ...]]:
    for number, source in enumerate(results.sources):
        scores_by_seed = [index_scores(record) for record in source.records]
        facts = [
            _merge_seed_values(values)
            for values in zip(*map(tidy_scores.get_facts, source.records), strict=True)
        ]
        protocol_key = _merge_seed_values(
            [protocol.compute_key(record) for record in source.records]
        )
        for location in dict.fromkeys(location for scores in scores_by_seed for location in scores):
            table, column = columns.get(location, (None, 0))
            row = table.rows[number] if table else None
            cell = (
                row.cells[column]
                if row
                else TableCell(tuple(scores.get(location) for scores in scores_by_seed))
            )
            yield (
                *(results.name, results.kind, results.dataset, source.source_name),
                *location.labels,
                *_summarize_score(cell, source, location),
                *(_summarize_difference(table, row, column) if table and row else NOT_COMPARED),
                _merge_seed_values(
                    [
                        tidy_scores.get_signature(record, location.metric)
                        for record in source.records
                    ]
                ),
                *(*facts, protocol_key),
            )


def _summarize_score(
    cell: TableCell, source: SourceResults, location: ScoreLocation
) -> tuple[float | None, ...]:
    """Return number of seeds, mean, standard deviation, and both ends of the mean's interval."""
    low, high = (
        (cell.estimate.low, cell.estimate.high)
        if cell.estimate
        else _get_recorded_interval(source, location)
    )
    return len(cell.defined_scores), cell.mean, cell.standard_deviation, low, high


def _get_recorded_interval(
    source: SourceResults, location: ScoreLocation
) -> tuple[float | None, float | None]:
    """Return the interval that the record itself has, as those of fusion metrics."""
    if len(source.records) > 1 or location.level != MEAN:
        return None, None
    (record,) = source.records
    scores = record if location.condition is None else record.by_condition.get(location.condition)
    if scores is None:
        return None, None
    return scores.intervals.get(location.metric) or (None, None)


def _summarize_difference(
    table: ScoreTable, row: TableRow, column: int
) -> tuple[str | float | None, ...]:
    """Return the columns "compared with" to "table" for one difference of a table."""
    sensor = find_better_single_sensor(table, column) if row.differences else None
    if sensor is None:
        return (None,) * 8
    file = PurePosixPath(table_text.get_csv_path(table)).name
    difference = row.differences[column]
    comparison = row.comparisons[column] if row.comparisons else None
    if comparison:
        estimate = comparison.estimate
        return (
            *(comparison.other_source, difference, estimate.low, estimate.high, estimate.p_value),
            *(comparison.adjusted_p_value, comparison.verdict, file),
        )
    seeds_differ = difference is None and have_different_seeds(row, sensor, column)
    verdict = SEEDS_DIFFER if seeds_differ else None
    return sensor.source_results.source_name, difference, None, None, None, None, verdict, file


def _merge_seed_values(values: Sequence[Scalar]) -> Scalar:
    """Return the value that all seeds of a source share, or all values joined by a bar."""
    distinct = list(dict.fromkeys(values))
    return distinct[0] if len(distinct) == 1 else " | ".join(map(str, distinct))
