"""The audit of a published table against itself."""

from dataclasses import replace

from reports.literature import audit_rows
from reports.literature.published_tables import PublishedTable
from tests.helpers.reports.published_table import make_published_table


def list_checks(rows):
    """(check, method) of the findings in a table of these rows."""
    findings = audit_rows.collect_findings(make_published_table(rows))
    return [(finding.check, finding.method) for finding in findings]


def test_a_mean_may_deviate_by_the_rounding_of_cells_and_mean():
    # 0.1 is 0.05 to 0.15, 0.2 is 0.15 to 0.25: their mean, 0.10 to 0.20, prints as 0.1 or 0.2
    assert list_checks({"a": "0.1 0.2 0.2"}) == []
    assert list_checks({"a": "0.1 0.2 0.3"}) == [("mean", "a")]
    # 10.0 and 20.1 have the mean 15.05; 15.2 deviates by 0.15, more than 0.05 + 0.05
    assert list_checks({"a": "10.0 20.1 15.1"}) == []
    assert list_checks({"a": "10.0 20.1 15.2"}) == [("mean", "a")]


def test_equal_cells_are_a_finding_only_if_the_mean_contradicts_them():
    others = {"b": "30.0 10.0 20.0", "c": "40.0 20.0 30.0"}
    assert list_checks({"a": "20.0 20.0 20.0", **others}) == []
    # a mean of 25 needs 30 in one of them, which only the first column has in its range
    table = make_published_table({"a": "20.0 20.0 25.0", **others})
    mean, duplicate = audit_rows.collect_findings(table)
    assert (mean.check, duplicate.check) == ("mean", "duplicate")
    assert "needs 30.00 in Car" in duplicate.message or "needs 30.0 in Car" in duplicate.message


def test_equal_cells_are_no_finding_if_the_needed_value_is_in_no_column():
    rows = {"a": "20.0 20.0 45.0", "b": "30.0 10.0 20.0", "c": "40.0 20.0 30.0"}
    assert list_checks(rows) == [("mean", "a")]


def test_values_out_of_range_are_found():
    assert list_checks({"a": "110.0 20.0 65.0"}) == [("range", "a")]


def test_an_iou_above_the_accuracy_is_found():
    accuracy = make_published_table({"a": "50.0 60.0 55.0"}, metric="Acc")
    iou = make_published_table({"a": "40.0 61.0 50.5"})
    metrics = {"Acc": "accuracy", "IoU": "IoU"}
    metadata = accuracy.metadata.model_copy(update={"metrics": metrics})
    both = PublishedTable("toy", metadata, accuracy.rows + iou.rows)
    (finding,) = audit_rows.collect_findings(both)
    assert (finding.check, finding.columns) == ("metric order", ("Bus",))


def test_a_method_with_two_rows_is_found():
    table = make_published_table({"a": "10.0 20.0 15.0"})
    (finding,) = audit_rows.collect_findings(replace(table, rows=table.rows * 2))
    assert (finding.check, finding.message) == ("repeated row", "a has 2 rows")
