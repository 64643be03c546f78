"""Checks of published tables against each other: rows taken over, run again, or swapped."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations

from reports.literature.audit_rows import Finding, max_rounding_error
from reports.literature.published_tables import ANY_VALUE, NOT_STATED, PublishedRow, PublishedTable

COMPARABLE_TAGS = (
    "kind",
    "dataset",
    "images",
    "protocol",
    "split",
    "metric",
)  # else nobody expects one value


def collect_findings(tables: Sequence[PublishedTable]) -> list[Finding]:
    """Everything in which two tables contradict each other, told of the later one."""
    found = []
    for one, other in combinations(tables, 2):
        found += [
            *_find_swapped_rows(one, other),
            *_find_rerun_rows(one, other),
            *_find_convention_conflicts(one, other),
        ]
    return found


def can_be_equal(one: Decimal | None, other: Decimal | None) -> bool | None:
    """Whether one number can be behind both printed ones; None if one is missing.

    Zeros at the end do not count as printed decimals: tables fill up with them.
    """
    if one is None or other is None:
        return None
    return abs(one - other) <= sum(
        max_rounding_error(_strip_trailing_zeros(each)) for each in (one, other)
    )


def are_rows_equal(one: PublishedRow, other: PublishedRow) -> bool:
    """Whether two rows agree in the mean and in every class that both tables have."""
    said = [can_be_equal(a, b) for _, a, b in _match_cells(one, other)]
    return False not in said and True in said


def is_copied_from(one: Sequence[PublishedRow], other: Sequence[PublishedRow]) -> bool:
    """Whether two tables are one experiment: most rows that both have, two at least, agree.

    Two tables that were made apart do not share a row in all of its cells.
    """
    pairs = _match_rows(one, other)
    same = sum(are_rows_equal(a, b) for a, b in pairs)
    return same >= 2 and 2 * same > len(pairs)


def _find_rerun_rows(one: PublishedTable, other: PublishedTable) -> Iterator[Finding]:
    """A method whose row is another one, though the later table takes the earlier one's rows."""
    for a, b in _find_copied_rows(one, other):
        if are_rows_equal(a, b) or _is_swapped(a, b, _find_copied_rows(one, other)):
            continue
        gaps = [
            f"{name} {y - x:+}"
            for name, x, y in _match_cells(a, b)
            if x is not None and y is not None and not can_be_equal(x, y)
        ]
        said = f"other values than in {one.metadata.title}, whose rows this table takes over: "
        said += ", ".join(gaps)
        yield _build_row_finding(other, "run again", b, said)


def _find_swapped_rows(one: PublishedTable, other: PublishedTable) -> Iterator[Finding]:
    """Two methods that have each other's row in the later table."""
    pairs = _find_copied_rows(one, other)
    for (a, b), (c, d) in combinations(pairs, 2):
        if (
            a.metric == c.metric
            and are_rows_equal(a, d)
            and are_rows_equal(c, b)
            and not are_rows_equal(a, b)
        ):
            said = f"the rows {b.method} and {d.method} are swapped against {one.metadata.title}"
            yield _build_row_finding(other, "swapped rows", b, said)


def _find_convention_conflicts(one: PublishedTable, other: PublishedTable) -> Iterator[Finding]:
    """A method with two means on the same data and split that cannot be one number."""
    for a, b in _match_rows(one.rows, other.rows):
        if can_be_equal(a.mean, b.mean) is not False or (a, b) in _find_copied_rows(one, other):
            continue
        if any(a.tags[tag] != b.tags[tag] or a.tags[tag] == NOT_STATED for tag in COMPARABLE_TAGS):
            continue
        apart = [
            f"{tag} {a.tags[tag]} there, {b.tags[tag]} here"
            for tag in a.tags
            if a.tags[tag] != b.tags[tag] and ANY_VALUE not in (a.tags[tag], b.tags[tag])
        ]
        said = f"mean {b.mean}, but {a.mean} in {one.metadata.title}"
        said += f" ({'; '.join(apart)})" if apart else " (nothing that is stated differs)"
        yield _build_row_finding(other, "conventions", b, said)


def _find_copied_rows(
    one: PublishedTable, other: PublishedTable
) -> list[tuple[PublishedRow, PublishedRow]]:
    found = []
    for name in sorted({row.tags["metric"] for row in one.rows} - {NOT_STATED}):
        mine, theirs = ([r for r in t.rows if r.tags["metric"] == name] for t in (one, other))
        if is_copied_from(mine, theirs) and mine[0].cells:
            found += _match_rows(mine, theirs)
    return found


def _is_swapped(
    a: PublishedRow, b: PublishedRow, pairs: Sequence[tuple[PublishedRow, PublishedRow]]
) -> bool:
    return any(are_rows_equal(a, d) and are_rows_equal(c, b) for c, d in pairs if c is not a)


def _match_rows(
    one: Sequence[PublishedRow], other: Sequence[PublishedRow]
) -> list[tuple[PublishedRow, PublishedRow]]:
    """The rows of the same method, data set and metric."""

    def key(row: PublishedRow) -> tuple[str, str, str]:
        return row.method, row.tags["dataset"], row.tags["metric"]

    theirs = {key(row): row for row in other}
    return [(row, theirs[key(row)]) for row in one if key(row) in theirs]


def _match_cells(
    one: PublishedRow, other: PublishedRow
) -> list[tuple[str, Decimal | None, Decimal | None]]:
    """The classes that both have, and the mean."""
    names = [name for name in one.by_class if name in other.by_class]
    found = [(name, one.by_class[name], other.by_class[name]) for name in names]
    return [*found, ("mean", one.mean, other.mean)]


def _strip_trailing_zeros(number: Decimal) -> Decimal:
    """Without zeros at the end of its decimals; the first decimal stays if there is one."""
    least = Decimal("1.0") if _count_decimals(number) > 0 else Decimal(1)
    return max(number.quantize(least), number.normalize(), key=_count_decimals)


def _count_decimals(number: Decimal) -> int:
    return -int(number.as_tuple().exponent)


def _build_row_finding(table: PublishedTable, check: str, row: PublishedRow, said: str) -> Finding:
    return Finding(table.name, check, row.method, row.metric, (), said, table.metadata.by_eye)
