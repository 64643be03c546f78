"""Checks of a printed table against itself: is it what its own numbers say?

No threshold is fitted to a table: printed decimals say how far a recomputed number may be off.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations

from reports.literature.published_tables import PublishedRow, PublishedTable

SYNONYMS = {"person": "people"}
UPPER_BOUND_METRICS = {
    "Acc": "IoU",
    "mAP@0.5": "mAP@[0.5:0.95]",
}  # the first can never be below the second


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong with, or has to be known of, a published table.

    Attributes:
        check: Which check found it.
        method: The row; empty if it is the whole table or the text around it.
        metric: As printed; empty if it is every metric.
        columns: The printed classes concerned.
        said: What was found, in words.
        by_eye: Whether the numbers were read by eye.
    """

    table: str
    check: str
    method: str
    metric: str
    columns: tuple[str, ...]
    message: str
    by_eye: bool


def collect_findings(table: PublishedTable) -> list[Finding]:
    """Everything that the table's own numbers and heads say against it."""
    found = [
        *_check_headers(table),
        *_check_repeated_rows(table),
        *_check_ranges(table),
        *_check_metric_order(table),
    ]
    for rows in table.rows_by_metric.values():
        for row in rows:
            found += [*_check_mean(table, row), *_check_duplicate_cells(table, row, rows)]
    return found


def max_rounding_error(number: Decimal) -> Decimal:
    """How far the number behind a printed one may be from it: half a unit of its last decimal."""
    return Decimal(5).scaleb(int(number.as_tuple().exponent) - 1)


def recompute_mean(row: PublishedRow) -> tuple[Decimal, Decimal] | None:
    """The unweighted mean of a row's cells, and how far rounding may have moved it.

    The means of the numbers behind the cells lie within the largest half unit of them. None if a
    cell is missing or there is none.
    """
    cells = list(row.cells.values())
    known = [cell for cell in cells if cell is not None]
    if not cells or len(known) < len(cells):
        return None
    return sum(known, Decimal(0)) / len(known), max(map(max_rounding_error, known))


def compute_implied_cell(row: PublishedRow, column: str) -> Decimal:
    """What a cell would have to be for the row's printed mean to be the mean of its cells."""
    assert row.mean is not None
    others = [cell for name, cell in row.cells.items() if name != column and cell is not None]
    return row.mean * len(row.cells) - sum(others, Decimal(0))


def is_mean_inconsistent(row: PublishedRow) -> bool:
    """Whether no numbers that round to the cells have a mean that rounds to the printed one."""
    made = recompute_mean(row)
    if made is None or row.mean is None:
        return False
    mean, slack = made
    return abs(mean - row.mean) > slack + max_rounding_error(row.mean)


def _check_mean(table: PublishedTable, row: PublishedRow) -> Iterator[Finding]:
    made = recompute_mean(row)
    if made is None or row.mean is None or not is_mean_inconsistent(row):
        return
    mean = made[0].quantize(row.mean, ROUND_HALF_UP)
    said = f"the mean is printed as {row.mean}; that of the {len(row.cells)} classes is {mean}"
    yield _build_row_finding(table, "mean", row, (), said)


def _check_duplicate_cells(
    table: PublishedTable, row: PublishedRow, rows: Sequence[PublishedRow]
) -> Iterator[Finding]:
    """Two equal cells of a row whose printed mean says that one of them is something else.

    Equal cells alone say nothing: among 15 pairs of cells with three decimals chance makes some.
    What the printed mean asks for must lie within the column, or the mean itself is the fault.
    """
    if not is_mean_inconsistent(row):
        return
    for one, other in combinations(row.cells, 2):
        if row.cells[one] is None or row.cells[one] != row.cells[other]:
            continue
        fitting = [
            name
            for name in (one, other)
            if _is_in_column_range(compute_implied_cell(row, name), row, rows, name)
        ]
        if fitting:
            said = f"{one} and {other} are both {row.cells[one]}; the printed mean needs "
            said += f"{compute_implied_cell(row, fitting[0])} in {' or '.join(fitting)}"
            yield _build_row_finding(table, "duplicate", row, (one, other), said)


def _is_in_column_range(
    value: Decimal, row: PublishedRow, rows: Sequence[PublishedRow], column: str
) -> bool:
    others = _collect_other_cells(row, rows, column)
    return bool(others) and min(others) <= value <= max(others)


def _collect_other_cells(
    row: PublishedRow, rows: Sequence[PublishedRow], column: str
) -> list[Decimal]:
    cells = (each.cells[column] for each in rows if each is not row)
    return [cell for cell in cells if cell is not None]


def _check_headers(table: PublishedTable) -> Iterator[Finding]:
    """Heads that are neither a class of the data set, nor the start or a synonym of one."""
    for printed, name in table.metadata.classes.items():
        short = printed.casefold()
        if not name.casefold().startswith((short, SYNONYMS.get(short, short))):
            said = f"a column is headed {printed}; the class is {name}"
            yield _build_table_finding(table, "head", "", (printed,), said)


def _check_repeated_rows(table: PublishedTable) -> Iterator[Finding]:
    for metric, rows in table.rows_by_metric.items():
        names = [row.method for row in rows]
        for name in dict.fromkeys(each for each in names if names.count(each) > 1):
            said = f"{name} stands {names.count(name)} times"
            yield _build_table_finding(table, "repeated row", metric, (), said)


def _check_ranges(table: PublishedTable) -> Iterator[Finding]:
    """Numbers that no share can be; a table that has any above 1 is in points."""
    numbers = [n for row in table.rows for n in (*row.cells.values(), row.mean) if n is not None]
    top = 100 if any(number > 1 for number in numbers) else 1
    for row in table.rows:
        named: Mapping[str, Decimal | None] = {**row.cells, "mean": row.mean}
        for name, number in named.items():
            if number is not None and not 0 <= number <= top:
                yield _build_row_finding(
                    table, "range", row, (name,), f"{name} {number} is not 0 to {top}"
                )


def _check_metric_order(table: PublishedTable) -> Iterator[Finding]:
    """Cells where the smaller measure is the larger number.

    IoU is at most recall and at most precision; AP over stricter thresholds is at most AP@.5.
    """
    for above, below in UPPER_BOUND_METRICS.items():
        lower = {row.method: row for row in table.rows_by_metric.get(below, ())}
        for row in table.rows_by_metric.get(above, ()):
            for name, high in row.cells.items():
                low = lower[row.method].cells[name] if row.method in lower else None
                if high is None or low is None or high >= low:
                    continue
                said = f"{name}: {below} {low} is above {above} {high}, which cannot be"
                yield _build_row_finding(table, "order", row, (name,), said)


def _build_row_finding(
    table: PublishedTable, check: str, row: PublishedRow, columns: tuple[str, ...], said: str
) -> Finding:
    return Finding(table.name, check, row.method, row.metric, columns, said, table.metadata.by_eye)


def _build_table_finding(
    table: PublishedTable, check: str, metric: str, columns: tuple[str, ...], said: str
) -> Finding:
    return Finding(table.name, check, "", metric, columns, said, table.metadata.by_eye)
