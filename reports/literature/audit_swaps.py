"""Cells of a published row that stand in each other's column.

No threshold is fitted to a table: a pair of cells is told only if, were all rows normal about the
same difference, one pair as odd would be seen in fewer than one table of twenty.
"""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations
from statistics import mean, stdev

from reports.literature.audit_rows import Finding, max_rounding_error
from reports.literature.published_tables import PublishedRow, PublishedTable

SIGNIFICANCE_LEVEL = 0.05  # of a finding in a table without any fault


def collect_findings(table: PublishedTable) -> list[Finding]:
    """One pair of cells at most per row and metric: the one that chance explains least."""
    return [
        found
        for rows in table.rows_by_metric.values()
        for found in _find_swapped_cells(table, rows)
    ]


def _find_swapped_cells(table: PublishedTable, rows: Sequence[PublishedRow]) -> Iterator[Finding]:
    for row in rows:
        pairs = list(combinations(row.cells, 2))
        odds = {
            pair: found
            for pair in pairs
            if (found := compute_swap_p_value(row, rows, pair)) is not None
        }
        best = min(odds, key=lambda pair: odds[pair], default=None)
        if best is None or odds[best] * len(pairs) * len(rows) >= SIGNIFICANCE_LEVEL:  # Bonferroni
            continue
        (one, other), sizes = best, [abs(gap) for gap in _compute_cell_differences(row, rows, best)]
        said = (
            f"{one} {row.cells[one]} and {other} {row.cells[other]} look swapped: every other row "
            f"has them in the other order, {min(sizes)} to {max(sizes)} apart"
        )
        eye = table.metadata.by_eye
        yield Finding(table.name, "swap", row.method, row.metric, best, said, eye)


def compute_swap_p_value(
    row: PublishedRow, rows: Sequence[PublishedRow], pair: tuple[str, str]
) -> float | None:
    """How likely chance puts two cells as they stand, if they fit the other rows better exchanged.

    They do if every other row has them in the other order, their difference exchanged is like the
    others', and each is nearer to the other column's rows than to its own's.

    Returns:
        The probability, for this one pair; None if they do not fit better exchanged.
    """
    one, other = (row.cells[name] for name in pair)
    gaps = _compute_cell_differences(row, rows, pair)
    if one is None or other is None or len(gaps) < 2:
        return None
    if (
        not all(gap * (one - other) < 0 for gap in gaps)
        or outlier_p_value(other - one, gaps) < SIGNIFICANCE_LEVEL
    ):
        return None
    left, right = (_collect_other_cells(row, rows, name) for name in pair)
    nearer = standardized_distance(one, right) < standardized_distance(one, left)
    if nearer and standardized_distance(other, left) < standardized_distance(other, right):
        return outlier_p_value(one - other, gaps)
    return None


def standardized_distance(value: Decimal, others: Sequence[Decimal]) -> float:
    """How far a value is from others, in standard deviations of a further one of them.

    The deviation is at least half a unit of their last decimal: equal numbers as printed are not
    equal behind it.
    """
    spread = max(stdev(others), *map(max_rounding_error, others))
    return float(abs(value - mean(others)) / spread) / math.sqrt(1 + 1 / len(others))


def outlier_p_value(value: Decimal, others: Sequence[Decimal]) -> float:
    """How likely a further one of normal numbers is at least as far from them (two-sided)."""
    return student_t_p_value(standardized_distance(value, others), len(others) - 1)


def student_t_p_value(t: float, degrees: int) -> float:
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


def _compute_cell_differences(
    row: PublishedRow, rows: Sequence[PublishedRow], pair: tuple[str, str]
) -> list[Decimal]:
    both = ([each.cells[name] for name in pair] for each in rows if each is not row)
    return [one - other for one, other in both if one is not None and other is not None]


def _collect_other_cells(
    row: PublishedRow, rows: Sequence[PublishedRow], column: str
) -> list[Decimal]:
    """A column without a row, and without the rows that have no number in it."""
    cells = (each.cells[column] for each in rows if each is not row)
    return [cell for cell in cells if cell is not None]
