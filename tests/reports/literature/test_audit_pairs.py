"""The audit of published tables against each other."""

from decimal import Decimal

from reports.literature import audit_pairs
from tests.helpers.reports.published_table import make_published_table

OLD = {
    "IR": "10.00 20.00 15.00",
    "VI": "30.00 42.00 36.00",
    "a": "50.00 61.00 55.50",
    "b": "51.00 62.00 56.50",
    "c": "52.00 63.00 57.50",
    "d": "53.00 64.00 58.50",
}
NEW = {  # the same with one decimal
    name: " ".join(f"{float(cell):.1f}" for cell in row.split()) for name, row in OLD.items()
}


def collect_findings(later_rows):
    tables = [
        make_published_table(OLD, name="old"),
        make_published_table(later_rows, name="new"),
    ]
    return audit_pairs.collect_findings(tables)


def test_rows_copied_with_fewer_decimals_are_the_same():
    assert collect_findings(NEW) == []


def test_rows_swapped_between_two_tables_are_found():
    (finding,) = collect_findings({**NEW, "IR": NEW["VI"], "VI": NEW["IR"]})
    assert (finding.table, finding.check) == ("new", "swapped rows")
    assert finding.message == "the rows IR and VI are swapped compared with old, Table 1"


def test_a_method_that_was_rerun_is_found():
    (finding,) = collect_findings({**NEW, "d": "53.0 64.4 58.7"})
    assert (finding.check, finding.method) == ("rerun", "d")
    assert "Bus +0.40" in finding.message


def test_tables_with_different_protocols_are_not_compared():
    other = make_published_table({"a": "1.0 2.0 1.5"}, name="new", protocol="zero-shot")
    old = make_published_table(OLD, name="old")
    assert audit_pairs.collect_findings([old, other]) == []


def test_trailing_zeros_are_not_decimals():
    assert audit_pairs.can_be_equal(Decimal("61.68"), Decimal("61.70"))
    assert not audit_pairs.can_be_equal(Decimal("61.68"), Decimal("61.71"))
    assert audit_pairs.can_be_equal(Decimal("70"), Decimal("70.4"))
    assert not audit_pairs.can_be_equal(Decimal("70.00"), Decimal("70.4"))
