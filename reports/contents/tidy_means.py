"""Every mean over seeds as one tidy table: its interval, its difference to a sensor, how sure.

Nothing is judged here: intervals, p-values and verdicts are those of the report's tables.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import PurePosixPath

import pandas as pd

from bench.records import Scalar
from reports.contents import printing
from reports.records import protocol
from reports.records.places import CLASS, CONVENTION, FEWER, MEAN, Place, numbers
from reports.records.results import Results, Row
from reports.scores import tidy
from reports.scores.comparison import Entry, Line, Table, best_single, seeds_differ
from reports.scores.wording import SEEDS_DIFFER

NUMBERS = (
    *("seeds", "mean", "sd", "low", "high", "compared with"),
    *("difference", "difference low", "difference high", "p", "p Holm", "verdict", "table"),
)
COLUMNS = (
    *("task", "kind", "dataset", "source", "level", "scene", "class", "metric"),
    *(*NUMBERS, "signature", *tidy.FACTS, "protocol"),
)
DECIMALS = 6
UNCOMPARED = (*(None,) * 6, "not compared", None)  # scores that stand in no table of the report
TEXTS = ("compared with", "verdict", "table")
Column = tuple[Table, int]


def sheet(every: Iterable[tuple[Results, Sequence[Table]]]) -> pd.DataFrame:
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
    rows = [row for results, tables in every for row in _rows(results, _columns(results, tables))]
    floats = dict.fromkeys(set(NUMBERS) - {"seeds", *TEXTS}, "float64")
    return pd.DataFrame(rows, columns=list(COLUMNS)).astype(floats).round(DECIMALS)


def _columns(results: Results, tables: Iterable[Table]) -> dict[Place, Column]:
    """Where each score stands: the table that judges its differences, else the first."""
    found: dict[Place, Column] = {}
    for table in tables:
        for column, heading in enumerate(table.headings):
            if heading.quantity is None:
                continue
            scene, name, metric = heading.quantity
            where = Place(scene, _level(results, name), name, metric)
            first, place = found.get(where, (table, column))
            if where not in found or (first.headings[place].repeated and not heading.repeated):
                found[where] = table, column
    return found


def _level(results: Results, name: str | None) -> str:
    if name is None:
        return MEAN
    if name in results.classes:
        return CLASS
    return FEWER if name in results.other_means else CONVENTION


def _rows(results: Results, columns: Mapping[Place, Column]) -> Iterator[tuple[object, ...]]:
    for number, row in enumerate(results.rows):
        found = [numbers(record) for record in row.records]
        facts = [_shared(values) for values in zip(*map(tidy.facts, row.records), strict=True)]
        key = _shared([protocol.key(record) for record in row.records])
        for where in dict.fromkeys(where for scores in found for where in scores):
            table, column = columns.get(where, (None, 0))
            line = table.lines[number] if table else None
            scores = Entry(tuple(scores.get(where) for scores in found))
            yield (
                *(results.name, results.kind, results.dataset, row.source, *where.said),
                *_score(line.entries[column] if line else scores, row, where),
                *(_difference(table, line, column) if table and line else UNCOMPARED),
                _shared([tidy.signature(record, where.metric) for record in row.records]),
                *(*facts, key),
            )


def _score(entry: Entry, row: Row, where: Place) -> tuple[float | None, ...]:
    """How many seeds, their mean and spread, both ends of the interval of the mean."""
    low, high = (entry.estimate.low, entry.estimate.high) if entry.estimate else _saved(row, where)
    return len(entry.defined), entry.mean, entry.spread, low, high


def _saved(row: Row, where: Place) -> tuple[float | None, float | None]:
    """The interval that a record has of itself, as those of fusion metrics."""
    (record, *others) = row.records
    part = record if where.scene is None else record.by_scene.get(where.scene)
    if others or part is None or where.of != MEAN:
        return None, None
    return part.intervals.get(where.metric) or (None, None)


def _difference(table: Table, line: Line, column: int) -> tuple[str | float | None, ...]:
    """What a table says of one difference, from the name of the other source to its own file."""
    single = best_single(table, column) if line.differences else None
    if single is None:
        return (None,) * 8
    file, gap = PurePosixPath(printing.file_name(table)).name, line.differences[column]
    sure = line.comparisons[column] if line.comparisons else None
    if sure:
        ends = sure.estimate.low, sure.estimate.high
        return sure.other, gap, *ends, sure.estimate.p, sure.adjusted, sure.verdict, file
    unknown = SEEDS_DIFFER if seeds_differ(line, single, column) and gap is None else None
    return single.row.source, gap, None, None, None, None, unknown, file


def _shared(values: Sequence[Scalar]) -> Scalar:
    """What the seeds of a source share, or all they say."""
    once = list(dict.fromkeys(values))
    return once[0] if len(once) == 1 else " | ".join(map(str, once))
