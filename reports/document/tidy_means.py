"""Every mean over seeds as one tidy table: its interval, its difference to a sensor, how sure.

Nothing is judged here: intervals, p-values and verdicts are those of the report's tables.
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
NOT_COMPARED = (*(None,) * 6, "not compared", None)  # scores that stand in no table of the report
TEXT_COLUMNS = ("compared with", "verdict", "table")
TableColumn = tuple[ScoreTable, int]


def build_dataframe(every: Iterable[tuple[TaskResults, Sequence[ScoreTable]]]) -> pd.DataFrame:
    """One row per source and score: columns `COLUMNS`.

    ``level`` to ``metric`` are those of `tidy.scores`, and numbers fractions with `DECIMALS`.
    ``seeds`` says of how many scores the mean is, ``table`` which file beside it judges the
    difference: ``p Holm`` is adjusted for the comparisons of that one. What is not known is a
    missing value. The verdict is "seeds differ" where no difference is formed for that reason, and
    "not compared" for scores that no table of the report shows.
    Several values of a source's seeds are joined by a bar.

    Args:
        every: Tasks with all tables of the report.
    """
    rows = [
        row
        for results, tables in every
        for row in _build_rows(results, _map_scores_to_columns(results, tables))
    ]
    floats = dict.fromkeys(set(STATISTIC_COLUMNS) - {"seeds", *TEXT_COLUMNS}, "float64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(floats).round(DECIMALS)


def _map_scores_to_columns(
    results: TaskResults, tables: Iterable[ScoreTable]
) -> dict[ScoreLocation, TableColumn]:
    """Where each score stands: the table that judges its differences, else the first."""
    found: dict[ScoreLocation, TableColumn] = {}
    for table in tables:
        for column, heading in enumerate(table.headers):
            if heading.score_key is None:
                continue
            scene, name, metric = heading.score_key
            where = ScoreLocation(scene, _get_level(results, name), name, metric)
            first, place = found.get(where, (table, column))
            if where not in found or (first.headers[place].is_repeated and not heading.is_repeated):
                found[where] = table, column
    return found


def _get_level(results: TaskResults, name: str | None) -> str:
    if name is None:
        return MEAN
    if name in results.classes:
        return CLASS
    return MEAN_OVER_FEWER if name in results.other_means else CONVENTION


def _build_rows(
    results: TaskResults, columns: Mapping[ScoreLocation, TableColumn]
) -> Iterator[tuple[object, ...]]:
    for number, row in enumerate(results.sources):
        found = [index_scores(record) for record in row.records]
        facts = [
            _merge_seed_values(values)
            for values in zip(*map(tidy_scores.get_facts, row.records), strict=True)
        ]
        key = _merge_seed_values([protocol.compute_key(record) for record in row.records])
        for where in dict.fromkeys(where for scores in found for where in scores):
            table, column = columns.get(where, (None, 0))
            line = table.rows[number] if table else None
            scores = TableCell(tuple(scores.get(where) for scores in found))
            yield (
                *(results.name, results.kind, results.dataset, row.source_name, *where.labels),
                *_summarize_score(line.cells[column] if line else scores, row, where),
                *(_summarize_difference(table, line, column) if table and line else NOT_COMPARED),
                _merge_seed_values(
                    [tidy_scores.get_signature(record, where.metric) for record in row.records]
                ),
                *(*facts, key),
            )


def _summarize_score(
    entry: TableCell, row: SourceResults, where: ScoreLocation
) -> tuple[float | None, ...]:
    """How many seeds, their mean and spread, both ends of the interval of the mean."""
    low, high = (
        (entry.estimate.low, entry.estimate.high)
        if entry.estimate
        else _get_recorded_interval(row, where)
    )
    return len(entry.defined_scores), entry.mean, entry.standard_deviation, low, high


def _get_recorded_interval(
    row: SourceResults, where: ScoreLocation
) -> tuple[float | None, float | None]:
    """The interval that a record has of itself, as those of fusion metrics."""
    (record, *others) = row.records
    part = record if where.condition is None else record.by_condition.get(where.condition)
    if others or part is None or where.level != MEAN:
        return None, None
    return part.intervals.get(where.metric) or (None, None)


def _summarize_difference(
    table: ScoreTable, line: TableRow, column: int
) -> tuple[str | float | None, ...]:
    """What a table says of one difference, from the name of the other source to its own file."""
    single = find_better_single_sensor(table, column) if line.differences else None
    if single is None:
        return (None,) * 8
    file, gap = PurePosixPath(table_text.get_csv_path(table)).name, line.differences[column]
    sure = line.comparisons[column] if line.comparisons else None
    if sure:
        ends = sure.estimate.low, sure.estimate.high
        return (
            sure.other_source,
            gap,
            *ends,
            sure.estimate.p_value,
            sure.adjusted_p_value,
            sure.verdict,
            file,
        )
    unknown = SEEDS_DIFFER if have_different_seeds(line, single, column) and gap is None else None
    return single.source_results.source_name, gap, None, None, None, None, unknown, file


def _merge_seed_values(values: Sequence[Scalar]) -> Scalar:
    """What the seeds of a source share, or all they say."""
    once = list(dict.fromkeys(values))
    return once[0] if len(once) == 1 else " | ".join(map(str, once))
