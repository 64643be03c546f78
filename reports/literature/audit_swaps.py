"""Audit of published rows for two cells that are in each other's column.

There are no tuned thresholds. A pair of cells is reported if its p-value is below 0.05 after a
Bonferroni correction, for normally distributed differences of the rows.
"""

import math
from collections.abc import Iterator, Sequence
from decimal import Decimal
from itertools import combinations
from statistics import mean, stdev

from reports.literature.audit_rows import (
    Finding,
    build_row_finding,
    collect_other_cells,
    max_rounding_error,
)
from reports.literature.published_tables import PublishedRow, PublishedTable

SIGNIFICANCE_LEVEL = 0.05  # probability of a finding in a table without errors


def collect_findings(table: PublishedTable) -> list[Finding]:
    """Collect at most one pair of cells per row and metric: the one with the smallest p-value."""
    return [
        finding
        for rows in table.rows_by_metric.values()
        for finding in _find_swapped_cells(table, rows)
    ]


def compute_swap_p_value(
    row: PublishedRow, rows: Sequence[PublishedRow], pair: tuple[str, str]
) -> float | None:
    """Compute the p-value of two cells as printed, if they fit the other rows better when swapped.

    They do if every other row has them in the opposite order, their swapped difference is not an
    outlier among those of the other rows, and each is closer to the cells of the other column.

    Returns:
        The p-value of this pair alone; None if the cells do not fit better when swapped.
    """
    first, second = (row.cells[name] for name in pair)
    differences = _compute_cell_differences(row, rows, pair)
    if first is None or second is None or len(differences) < 2:
        return None
    is_reversed = all(difference * (first - second) < 0 for difference in differences)
    if not is_reversed or outlier_p_value(second - first, differences) < SIGNIFICANCE_LEVEL:
        return None
    first_column, second_column = (collect_other_cells(row, rows, name) for name in pair)
    is_first_closer = standardized_distance(first, second_column) < standardized_distance(
        first, first_column
    )
    is_second_closer = standardized_distance(second, first_column) < standardized_distance(
        second, second_column
    )
    if is_first_closer and is_second_closer:
        return outlier_p_value(first - second, differences)
    return None


def standardized_distance(value: Decimal, sample: Sequence[Decimal]) -> float:
    """Compute the distance of a value from a sample's mean, standardized as a new observation's.

        d = |x - mean| / (s sqrt(1 + 1 / n))

    s is at least the rounding error of the sample: numbers that are printed equal are not equal.
    """
    deviation = max(stdev(sample), *map(max_rounding_error, sample))
    return float(abs(value - mean(sample)) / deviation) / math.sqrt(1 + 1 / len(sample))


def outlier_p_value(value: Decimal, sample: Sequence[Decimal]) -> float:
    """Compute the two-sided p-value (t test) of a value as a new observation of a normal sample."""
    return student_t_p_value(standardized_distance(value, sample), len(sample) - 1)


def student_t_p_value(t: float, degrees: int) -> float:
    """Compute the two-sided p-value of Student's t distribution, P(|T| > t).

    Source: Abramowitz, Stegun, "Handbook of mathematical functions", 1964, 26.7.3 and 26.7.4.

    Args:
        t: At least 0.
        degrees: Of freedom, at least 1.
    """
    angle = math.atan(t / math.sqrt(degrees))
    odd = degrees % 2
    # series in powers of cos(angle), with another first term for odd and even degrees
    term, total = (math.cos(angle), 0.0) if odd else (1.0, 0.0)
    for power in range(2 + odd, degrees + 1, 2):
        total += term
        term *= (power - 1) / power * math.cos(angle) ** 2
    inside = math.sin(angle) * total
    return 1 - (2 / math.pi * (angle + inside) if odd else inside)


def _find_swapped_cells(table: PublishedTable, rows: Sequence[PublishedRow]) -> Iterator[Finding]:
    for row in rows:
        pairs = list(combinations(row.cells, 2))
        p_values = {
            pair: p_value
            for pair in pairs
            if (p_value := compute_swap_p_value(row, rows, pair)) is not None
        }
        best = min(p_values, key=lambda pair: p_values[pair], default=None)
        comparisons = len(pairs) * len(rows)
        if best is None or p_values[best] * comparisons >= SIGNIFICANCE_LEVEL:  # Bonferroni
            continue
        first, second = best
        sizes = [abs(difference) for difference in _compute_cell_differences(row, rows, best)]
        message = (
            f"{first} {row.cells[first]} and {second} {row.cells[second]} look swapped: every "
            f"other row has them in the other order, {min(sizes)} to {max(sizes)} apart"
        )
        yield build_row_finding(table, "swap", row, message, best)


def _compute_cell_differences(
    row: PublishedRow, rows: Sequence[PublishedRow], pair: tuple[str, str]
) -> list[Decimal]:
    """Compute first minus second cell of the pair in all other rows that have both."""
    cells = ([other.cells[name] for name in pair] for other in rows if other is not row)
    return [first - second for first, second in cells if first is not None and second is not None]
