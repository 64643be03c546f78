"""Audit of a published table against itself: means, duplicates, headers, ranges, metric order.

There are no tuned thresholds: the tolerance of a recomputed number follows from the printed
decimals.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import ROUND_HALF_UP, Decimal
from itertools import combinations

from reports.literature.published_tables import PublishedRow, PublishedTable

SYNONYMS = {"person": "people"}
# metric to one that can never be larger: IoU <= recall and precision, AP over stricter thresholds
UPPER_BOUND_METRICS = {"Acc": "IoU", "mAP@0.5": "mAP@[0.5:0.95]"}


@dataclass(frozen=True)
class Finding:
    """One inconsistency of a published table.

    Attributes:
        table: Name of the table.
        check: Name of the check that found it.
        method: The row; empty if it is about the whole table or the text around it.
        metric: As printed; empty if it is about every metric.
        columns: The printed classes that are involved.
        message: What is inconsistent.
        by_eye: Whether the numbers were read by eye from an image.
    """

    table: str
    check: str
    method: str
    metric: str
    columns: tuple[str, ...]
    message: str
    by_eye: bool


def collect_findings(table: PublishedTable) -> list[Finding]:
    """Collect all contradictions between the numbers and headers of one table."""
    findings = [
        *_check_headers(table),
        *_check_repeated_rows(table),
        *_check_ranges(table),
        *_check_metric_order(table),
    ]
    for rows in table.rows_by_metric.values():
        for row in rows:
            findings += [*_check_mean(table, row), *_check_duplicate_cells(table, row, rows)]
    return findings


def max_rounding_error(number: Decimal) -> Decimal:
    """Compute the largest rounding error of a printed number: half a unit of its last decimal."""
    return Decimal(5).scaleb(int(number.as_tuple().exponent) - 1)


def recompute_mean(row: PublishedRow) -> tuple[Decimal, Decimal] | None:
    """Compute the mean of a row's cells and its largest rounding error.

    The error of the mean is at most the largest error of a cell.

    Returns:
        (mean, error), or None if a cell is missing or there is none.
    """
    cells = list(row.cells.values())
    defined = [cell for cell in cells if cell is not None]
    if not cells or len(defined) < len(cells):
        return None
    return sum(defined, Decimal(0)) / len(defined), max(map(max_rounding_error, defined))


def compute_implied_cell(row: PublishedRow, column: str) -> Decimal:
    """Compute the value of a cell with which the printed mean would be the mean of the row."""
    assert row.mean is not None
    other_cells = [cell for name, cell in row.cells.items() if name != column and cell is not None]
    return row.mean * len(row.cells) - sum(other_cells, Decimal(0))


def is_mean_inconsistent(row: PublishedRow) -> bool:
    """Return whether the printed mean deviates from the cells' mean by more than rounding."""
    recomputed = recompute_mean(row)
    if recomputed is None or row.mean is None:
        return False
    mean, error = recomputed
    return abs(mean - row.mean) > error + max_rounding_error(row.mean)


def collect_other_cells(
    row: PublishedRow, rows: Sequence[PublishedRow], column: str
) -> list[Decimal]:
    """Collect the numbers of a column in all rows but one."""
    cells = (other.cells[column] for other in rows if other is not row)
    return [cell for cell in cells if cell is not None]


def build_row_finding(
    table: PublishedTable,
    check: str,
    row: PublishedRow,
    message: str,
    columns: tuple[str, ...] = (),
) -> Finding:
    """Build a finding about one row."""
    by_eye = table.metadata.by_eye
    return Finding(table.name, check, row.method, row.metric, columns, message, by_eye)


def _check_mean(table: PublishedTable, row: PublishedRow) -> Iterator[Finding]:
    recomputed = recompute_mean(row)
    if recomputed is None or row.mean is None or not is_mean_inconsistent(row):
        return
    mean = recomputed[0].quantize(row.mean, ROUND_HALF_UP)
    message = f"the mean is printed as {row.mean}; that of the {len(row.cells)} classes is {mean}"
    yield build_row_finding(table, "mean", row, message)


def _check_duplicate_cells(
    table: PublishedTable, row: PublishedRow, rows: Sequence[PublishedRow]
) -> Iterator[Finding]:
    """Find two equal cells in a row whose printed mean requires another value in one of them.

    Equal cells alone are no evidence: of 15 pairs of cells with three decimals some are equal by
    chance. The required value has to be in the range of its column; otherwise the mean is wrong.
    """
    if not is_mean_inconsistent(row):
        return
    for first, second in combinations(row.cells, 2):
        if row.cells[first] is None or row.cells[first] != row.cells[second]:
            continue
        candidates = [
            name
            for name in (first, second)
            if _is_in_column_range(compute_implied_cell(row, name), row, rows, name)
        ]
        if candidates:
            message = (
                f"{first} and {second} are both {row.cells[first]}; the printed mean needs "
                f"{compute_implied_cell(row, candidates[0])} in {' or '.join(candidates)}"
            )
            yield build_row_finding(table, "duplicate", row, message, (first, second))


def _is_in_column_range(
    value: Decimal, row: PublishedRow, rows: Sequence[PublishedRow], column: str
) -> bool:
    cells = collect_other_cells(row, rows, column)
    return bool(cells) and min(cells) <= value <= max(cells)


def _check_headers(table: PublishedTable) -> Iterator[Finding]:
    """Find headers that are neither a class of the data set, nor its beginning or a synonym."""
    for printed, name in table.metadata.classes.items():
        header = printed.casefold()
        if not name.casefold().startswith((header, SYNONYMS.get(header, header))):
            message = f"a column header is {printed}; the class is {name}"
            yield _build_table_finding(table, "header", message, columns=(printed,))


def _check_repeated_rows(table: PublishedTable) -> Iterator[Finding]:
    for metric, rows in table.rows_by_metric.items():
        names = [row.method for row in rows]
        for name in dict.fromkeys(name for name in names if names.count(name) > 1):
            message = f"{name} has {names.count(name)} rows"
            yield _build_table_finding(table, "repeated row", message, metric=metric)


def _check_ranges(table: PublishedTable) -> Iterator[Finding]:
    """Find numbers outside 0 to 1, or 0 to 100 if any number of the table is above 1."""
    numbers = [
        number
        for row in table.rows
        for number in (*row.cells.values(), row.mean)
        if number is not None
    ]
    maximum = 100 if any(number > 1 for number in numbers) else 1
    for row in table.rows:
        named: Mapping[str, Decimal | None] = {**row.cells, "mean": row.mean}
        for name, number in named.items():
            if number is not None and not 0 <= number <= maximum:
                message = f"{name} {number} is not between 0 and {maximum}"
                yield build_row_finding(table, "range", row, message, (name,))


def _check_metric_order(table: PublishedTable) -> Iterator[Finding]:
    """Find cells in which a metric is larger than its upper bound (`UPPER_BOUND_METRICS`)."""
    for upper_metric, lower_metric in UPPER_BOUND_METRICS.items():
        lower_rows = {row.method: row for row in table.rows_by_metric.get(lower_metric, ())}
        for row in table.rows_by_metric.get(upper_metric, ()):
            for name, upper in row.cells.items():
                lower = lower_rows[row.method].cells[name] if row.method in lower_rows else None
                if upper is None or lower is None or upper >= lower:
                    continue
                message = (
                    f"{name}: {lower_metric} {lower} is above {upper_metric} {upper}, "
                    "which is impossible"
                )
                yield build_row_finding(table, "metric order", row, message, (name,))


def _build_table_finding(
    table: PublishedTable,
    check: str,
    message: str,
    metric: str = "",
    columns: tuple[str, ...] = (),
) -> Finding:
    return Finding(table.name, check, "", metric, columns, message, table.metadata.by_eye)
