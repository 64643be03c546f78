"""Audit of published tables against each other: copied, rerun and swapped rows, conflicts."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations

from reports.literature.audit_rows import Finding, build_row_finding, max_rounding_error
from reports.literature.published_tables import ANY_VALUE, NOT_STATED, PublishedRow, PublishedTable

# tags that must be equal for two means to be expected equal
COMPARABLE_TAGS = ("kind", "dataset", "images", "protocol", "split", "metric")

RowPair = tuple[PublishedRow, PublishedRow]


def collect_findings(tables: Sequence[PublishedTable]) -> list[Finding]:
    """Collect all contradictions between two tables, as findings about the later one."""
    findings = []
    for earlier, later in combinations(tables, 2):
        copied = _find_copied_rows(earlier, later)
        findings += [
            *_find_swapped_rows(earlier, later, copied),
            *_find_rerun_rows(earlier, later, copied),
            *_find_convention_conflicts(earlier, later, copied),
        ]
    return findings


def can_be_equal(first: Decimal | None, second: Decimal | None) -> bool | None:
    """Return whether two printed numbers can be roundings of one number; None if one is missing.

    Trailing zeros do not count as printed decimals, because tables are padded with them.
    """
    if first is None or second is None:
        return None
    errors = (max_rounding_error(_strip_trailing_zeros(number)) for number in (first, second))
    return abs(first - second) <= sum(errors)


def are_rows_equal(first: PublishedRow, second: PublishedRow) -> bool:
    """Return whether two rows agree in the mean and in every class that both tables have."""
    agreement = [can_be_equal(a, b) for _, a, b in _match_cells(first, second)]
    return False not in agreement and True in agreement


def is_copied_from(earlier: Sequence[PublishedRow], later: Sequence[PublishedRow]) -> bool:
    """Return whether two tables report one experiment: most (at least two) common rows are equal.

    Tables of independent experiments do not have a single row in common in all of its cells.
    """
    pairs = _match_rows(earlier, later)
    equal_count = sum(are_rows_equal(first, second) for first, second in pairs)
    return equal_count >= 2 and 2 * equal_count > len(pairs)


def _find_rerun_rows(
    earlier: PublishedTable, later: PublishedTable, copied: Sequence[RowPair]
) -> Iterator[Finding]:
    """Find methods with other numbers, although the later table copies the earlier one's rows."""
    for first, second in copied:
        if are_rows_equal(first, second) or _is_swapped(first, second, copied):
            continue
        changes = [
            f"{name} {after - before:+}"
            for name, before, after in _match_cells(first, second)
            if before is not None and after is not None and not can_be_equal(before, after)
        ]
        message = (
            f"other values than in {earlier.metadata.title}, from which this table copies its "
            f"rows: {', '.join(changes)}"
        )
        yield build_row_finding(later, "rerun", second, message)


def _find_swapped_rows(
    earlier: PublishedTable, later: PublishedTable, copied: Sequence[RowPair]
) -> Iterator[Finding]:
    """Find two methods that have each other's row in the later table."""
    for (a, b), (c, d) in combinations(copied, 2):
        if (
            a.metric == c.metric
            and are_rows_equal(a, d)
            and are_rows_equal(c, b)
            and not are_rows_equal(a, b)
        ):
            message = (
                f"the rows {b.method} and {d.method} are swapped compared with "
                f"{earlier.metadata.title}"
            )
            yield build_row_finding(later, "swapped rows", b, message)


def _find_convention_conflicts(
    earlier: PublishedTable, later: PublishedTable, copied: Sequence[RowPair]
) -> Iterator[Finding]:
    """Find methods with two different means on the same data, split and protocol."""
    for first, second in _match_rows(earlier.rows, later.rows):
        if can_be_equal(first.mean, second.mean) is not False or (first, second) in copied:
            continue
        if any(
            first.tags[tag] != second.tags[tag] or first.tags[tag] == NOT_STATED
            for tag in COMPARABLE_TAGS
        ):
            continue
        differences = [
            f"{tag} {first.tags[tag]} there, {second.tags[tag]} here"
            for tag in first.tags
            if first.tags[tag] != second.tags[tag]
            and ANY_VALUE not in (first.tags[tag], second.tags[tag])
        ]
        reason = "; ".join(differences) or "nothing that is stated differs"
        message = f"mean {second.mean}, but {first.mean} in {earlier.metadata.title} ({reason})"
        yield build_row_finding(later, "conventions", second, message)


def _find_copied_rows(earlier: PublishedTable, later: PublishedTable) -> list[RowPair]:
    """Match the rows of every metric in which the later table copies the earlier one."""
    pairs = []
    for metric in sorted({row.tags["metric"] for row in earlier.rows} - {NOT_STATED}):
        first_rows, second_rows = (
            [row for row in table.rows if row.tags["metric"] == metric]
            for table in (earlier, later)
        )
        if is_copied_from(first_rows, second_rows) and first_rows[0].cells:
            pairs += _match_rows(first_rows, second_rows)
    return pairs


def _is_swapped(first: PublishedRow, second: PublishedRow, pairs: Sequence[RowPair]) -> bool:
    return any(
        are_rows_equal(first, d) and are_rows_equal(c, second) for c, d in pairs if c is not first
    )


def _match_rows(first: Sequence[PublishedRow], second: Sequence[PublishedRow]) -> list[RowPair]:
    """Match the rows of the same method, data set and metric."""

    def build_key(row: PublishedRow) -> tuple[str, str, str]:
        return row.method, row.tags["dataset"], row.tags["metric"]

    by_key = {build_key(row): row for row in second}
    return [(row, by_key[build_key(row)]) for row in first if build_key(row) in by_key]


def _match_cells(
    first: PublishedRow, second: PublishedRow
) -> list[tuple[str, Decimal | None, Decimal | None]]:
    """Match the cells of the classes that both rows have, and the means."""
    common = [name for name in first.by_class if name in second.by_class]
    cells = [(name, first.by_class[name], second.by_class[name]) for name in common]
    return [*cells, ("mean", first.mean, second.mean)]


def _strip_trailing_zeros(number: Decimal) -> Decimal:
    """Remove trailing zeros of the decimals, but keep the first decimal if there is one."""
    minimum = Decimal("1.0") if _count_decimals(number) > 0 else Decimal(1)
    return max(number.quantize(minimum), number.normalize(), key=_count_decimals)


def _count_decimals(number: Decimal) -> int:
    return -int(number.as_tuple().exponent)
