"""Checks of published tables against each other: rows taken over, run again, or swapped."""

from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations

from reports.papers.audit_rows import Finding, half_unit
from reports.papers.published import ANY, NOT_STATED, Published, Row

SAME = ("kind", "dataset", "images", "protocol", "split", "metric")  # else nobody expects one value


def findings(tables: Sequence[Published]) -> list[Finding]:
    """Everything in which two tables contradict each other, told of the later one."""
    found = []
    for one, other in combinations(tables, 2):
        found += [*_swapped_rows(one, other), *_run_again(one, other), *_conventions(one, other)]
    return found


def agree(one: Decimal | None, other: Decimal | None) -> bool | None:
    """Whether one number can be behind both printed ones; None if one is missing.

    Zeros at the end do not count as printed decimals: tables fill up with them.
    """
    if one is None or other is None:
        return None
    return abs(one - other) <= sum(half_unit(_short(each)) for each in (one, other))


def same_row(one: Row, other: Row) -> bool:
    """Whether two rows agree in the mean and in every class that both tables have."""
    said = [agree(a, b) for _, a, b in _shared(one, other)]
    return False not in said and True in said


def takes_over(one: Sequence[Row], other: Sequence[Row]) -> bool:
    """Whether two tables are one experiment: most rows that both have, two at least, agree.

    Two tables that were made apart do not share a row in all of its cells.
    """
    pairs = _pairs(one, other)
    same = sum(same_row(a, b) for a, b in pairs)
    return same >= 2 and 2 * same > len(pairs)


def _run_again(one: Published, other: Published) -> Iterator[Finding]:
    """A method whose row is another one, though the later table takes the earlier one's rows."""
    for a, b in _taken_over(one, other):
        if same_row(a, b) or _is_swapped(a, b, _taken_over(one, other)):
            continue
        gaps = [
            f"{name} {y - x:+}"
            for name, x, y in _shared(a, b)
            if x is not None and y is not None and not agree(x, y)
        ]
        said = f"other values than in {one.head.title}, whose rows this table takes over: "
        said += ", ".join(gaps)
        yield _finding(other, "run again", b, said)


def _swapped_rows(one: Published, other: Published) -> Iterator[Finding]:
    """Two methods that have each other's row in the later table."""
    pairs = _taken_over(one, other)
    for (a, b), (c, d) in combinations(pairs, 2):
        if a.metric == c.metric and same_row(a, d) and same_row(c, b) and not same_row(a, b):
            said = f"the rows {b.method} and {d.method} are swapped against {one.head.title}"
            yield _finding(other, "swapped rows", b, said)


def _conventions(one: Published, other: Published) -> Iterator[Finding]:
    """A method with two means on the same data and split that cannot be one number."""
    for a, b in _pairs(one.rows, other.rows):
        if agree(a.mean, b.mean) is not False or (a, b) in _taken_over(one, other):
            continue
        if any(a.tags[tag] != b.tags[tag] or a.tags[tag] == NOT_STATED for tag in SAME):
            continue
        apart = [
            f"{tag} {a.tags[tag]} there, {b.tags[tag]} here"
            for tag in a.tags
            if a.tags[tag] != b.tags[tag] and ANY not in (a.tags[tag], b.tags[tag])
        ]
        said = f"mean {b.mean}, but {a.mean} in {one.head.title}"
        said += f" ({'; '.join(apart)})" if apart else " (nothing that is stated differs)"
        yield _finding(other, "conventions", b, said)


def _taken_over(one: Published, other: Published) -> list[tuple[Row, Row]]:
    found = []
    for name in sorted({row.tags["metric"] for row in one.rows} - {NOT_STATED}):
        mine, theirs = ([r for r in t.rows if r.tags["metric"] == name] for t in (one, other))
        if takes_over(mine, theirs) and mine[0].cells:
            found += _pairs(mine, theirs)
    return found


def _is_swapped(a: Row, b: Row, pairs: Sequence[tuple[Row, Row]]) -> bool:
    return any(same_row(a, d) and same_row(c, b) for c, d in pairs if c is not a)


def _pairs(one: Sequence[Row], other: Sequence[Row]) -> list[tuple[Row, Row]]:
    """The rows of the same method, data set and metric."""

    def key(row: Row) -> tuple[str, str, str]:
        return row.method, row.tags["dataset"], row.tags["metric"]

    theirs = {key(row): row for row in other}
    return [(row, theirs[key(row)]) for row in one if key(row) in theirs]


def _shared(one: Row, other: Row) -> list[tuple[str, Decimal | None, Decimal | None]]:
    """The classes that both have, and the mean."""
    names = [name for name in one.by_class if name in other.by_class]
    found = [(name, one.by_class[name], other.by_class[name]) for name in names]
    return [*found, ("mean", one.mean, other.mean)]


def _short(number: Decimal) -> Decimal:
    """Without zeros at the end of its decimals; the first decimal stays if there is one."""
    least = Decimal("1.0") if _decimals(number) > 0 else Decimal(1)
    return max(number.quantize(least), number.normalize(), key=_decimals)


def _decimals(number: Decimal) -> int:
    return -int(number.as_tuple().exponent)


def _finding(table: Published, check: str, row: Row, said: str) -> Finding:
    return Finding(table.name, check, row.method, row.metric, (), said, table.head.by_eye)
