"""The audit of published rows for swapped cells."""

from dataclasses import replace
from decimal import Decimal

import numpy as np
import pytest

from reports.literature import audit_swaps, published_tables
from tests.helpers.reports.published_table import make_published_table

TABLES = {table.name: table for table in published_tables.read_tables()}


@pytest.mark.parametrize(
    "method",
    ["DenseFuse", "GANMcC", "SDNet", "ReCoNet", "MUFusion", "CDDFuse", "CrossFuse", "EMMA"],
)
def test_the_same_swap_is_found_in_every_other_fusion_row_after_the_first_is_corrected(method):
    def exchange_cells(row):
        cells = {**row.cells, "Trunk": row.cells["Lamp"], "Lamp": row.cells["Trunk"]}
        return replace(row, cells=cells, by_class=cells)

    table = TABLES["dmnet-table-7"]
    clean = [exchange_cells(row) if row.method == "U2Fusion" else row for row in table.rows]
    assert audit_swaps.collect_findings(replace(table, rows=clean)) == []
    rows = [exchange_cells(row) if row.method == method else row for row in clean]
    findings = audit_swaps.collect_findings(replace(table, rows=rows))
    assert [(f.method, set(f.columns)) for f in findings] == [(method, {"Trunk", "Lamp"})]


@pytest.mark.parametrize(
    ("t", "degrees", "p_value"),  # from a printed table of Student's distribution
    [
        *((12.706, 1, 0.05), (4.303, 2, 0.05), (3.182, 3, 0.05), (9.925, 2, 0.01)),
        *((3.250, 9, 0.01), (2.228, 10, 0.05), (2.145, 14, 0.05), (4.140, 14, 0.001)),
        (0.0, 7, 1.0),
    ],
)
def test_p_values_are_those_of_students_distribution(t, degrees, p_value):
    assert audit_swaps.student_t_p_value(t, degrees) == pytest.approx(p_value, rel=2e-3)


def test_the_distance_is_standardized_as_that_of_a_further_observation():
    # mean 3, standard deviation sqrt(2.5), that of a further observation sqrt(2.5 * 6 / 5)
    sample = [Decimal(n) for n in (1, 2, 3, 4, 5)]
    distance = audit_swaps.standardized_distance(Decimal(6), sample)
    assert distance == pytest.approx(3 / 3**0.5)


def test_fewer_than_one_of_twenty_tables_of_noise_has_a_finding():
    rng, with_finding = np.random.default_rng(0), 0
    classes = tuple("ABCDEF")
    for _ in range(60):
        levels, deviation = rng.uniform(20, 90, 6), rng.uniform(0.3, 5)
        rows = {}
        for method in range(12):
            cells = np.clip(levels + rng.normal(0, deviation, 6), 0, 100).round(2)
            rows[f"m{method}"] = " ".join(f"{cell:.2f}" for cell in [*cells, cells.mean()])
        table = make_published_table(rows, classes)
        with_finding += bool(audit_swaps.collect_findings(table))
    assert with_finding <= 3
