"""Cells of a published row that stand in each other's column.

No threshold is fitted to a table: a pair of cells is told only if, were all rows normal about the
same difference, one pair as odd would be seen in fewer than one table of twenty.
"""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations
from statistics import mean, stdev

from reports.papers.audit_rows import Finding, half_unit
from reports.papers.published import Published, Row

CHANCE = 0.05  # of a finding in a table without any fault


def findings(table: Published) -> list[Finding]:
    """One pair of cells at most per row and metric: the one that chance explains least."""
    return [found for rows in table.by_metric.values() for found in _swaps(table, rows)]


def _swaps(table: Published, rows: Sequence[Row]) -> Iterator[Finding]:
    for row in rows:
        pairs = list(combinations(row.cells, 2))
        odds = {pair: found for pair in pairs if (found := swapped(row, rows, pair)) is not None}
        best = min(odds, key=lambda pair: odds[pair], default=None)
        if best is None or odds[best] * len(pairs) * len(rows) >= CHANCE:  # Bonferroni
            continue
        (one, other), sizes = best, [abs(gap) for gap in _gaps(row, rows, best)]
        said = (
            f"{one} {row.cells[one]} and {other} {row.cells[other]} look swapped: every other row "
            f"has them in the other order, {min(sizes)} to {max(sizes)} apart"
        )
        eye = table.head.by_eye
        yield Finding(table.name, "swap", row.method, row.metric, best, said, eye)


def swapped(row: Row, rows: Sequence[Row], pair: tuple[str, str]) -> float | None:
    """How likely chance puts two cells as they stand, if they fit the other rows better exchanged.

    They do if every other row has them in the other order, their difference exchanged is like the
    others', and each is nearer to the other column's rows than to its own's.

    Returns:
        The probability, for this one pair; None if they do not fit better exchanged.
    """
    one, other = (row.cells[name] for name in pair)
    gaps = _gaps(row, rows, pair)
    if one is None or other is None or len(gaps) < 2:
        return None
    if not all(gap * (one - other) < 0 for gap in gaps) or chance(other - one, gaps) < CHANCE:
        return None
    left, right = (_others(row, rows, name) for name in pair)
    nearer = distance(one, right) < distance(one, left)
    if nearer and distance(other, left) < distance(other, right):
        return chance(one - other, gaps)
    return None


def distance(value: Decimal, others: Sequence[Decimal]) -> float:
    """How far a value is from others, in standard deviations of a further one of them.

    The deviation is at least half a unit of their last decimal: equal numbers as printed are not
    equal behind it.
    """
    spread = max(stdev(others), *map(half_unit, others))
    return float(abs(value - mean(others)) / spread) / math.sqrt(1 + 1 / len(others))


def chance(value: Decimal, others: Sequence[Decimal]) -> float:
    """How likely a further one of normal numbers is at least as far from them (two-sided)."""
    return student(distance(value, others), len(others) - 1)


def student(t: float, degrees: int) -> float:
    """Probability of more than ``t`` either side under Student's distribution.

    Source: Abramowitz, Stegun, "Handbook of mathematical functions", 1964, 26.7.3 and 26.7.4.

    Args:
        t: At least 0.
        degrees: Of freedom, at least 1.
    """
    angle = math.atan(t / math.sqrt(degrees))
    odd = degrees % 2
    term, total = (math.cos(angle), 0.0) if odd else (1.0, 0.0)
    for power in range(2 + odd, degrees + 1, 2):
        total += term
        term *= (power - 1) / power * math.cos(angle) ** 2
    inside = math.sin(angle) * total
    return 1 - (2 / math.pi * (angle + inside) if odd else inside)


def _gaps(row: Row, rows: Sequence[Row], pair: tuple[str, str]) -> list[Decimal]:
    both = ([each.cells[name] for name in pair] for each in rows if each is not row)
    return [one - other for one, other in both if one is not None and other is not None]


def _others(row: Row, rows: Sequence[Row], column: str) -> list[Decimal]:
    """A column without a row, and without the rows that have no number in it."""
    cells = (each.cells[column] for each in rows if each is not row)
    return [cell for cell in cells if cell is not None]
