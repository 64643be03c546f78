import csv
import re
from dataclasses import replace

import pytest

from reports.document import sections
from reports.document.model import Report
from reports.formats import html_page, markdown
from reports.literature import (
    published_comparison,
    published_comparison_csv,
    published_tables,
    run_audits,
)
from reports.results.task_results import SourceResults
from reports.tables import csv_files
from tests.helpers.reports.synthetic_records import PROTOCOL, make_record, make_task_results

METADATA = """
toy-table:
  paper: Paper
  table: Table 1
  by_eye: {by_eye}
  note: A note.
  classes: {{Peo: person, Car: car}}
  metrics: {{AP50: ap50}}
  tags:
    kind: detection
    dataset: toy
    protocol: {protocol}
    model: tiny
    split: "{split}"
    ap style: coco
"""
ROWS = """method,printed,metric,Peo,Car,mean
Fuse,Fuse,AP50,50.0,20.0,35.0
Bad<b>,Bad,AP50,50.0,20.0,45.0
"""


def read_table(folder, split="official", protocol="retrained", by_eye="false", rows=ROWS):
    """Write a published table; return it as read, and the findings of the audit."""
    metadata = METADATA.format(split=split, protocol=protocol, by_eye=by_eye)
    (folder / "tables.yaml").write_text(metadata)
    (folder / "toy-table.csv").write_text(rows)
    (folder / "claims.csv").write_text("table,check,values,subject,quote\n")
    (folder / "facts.csv").write_text("dataset,quantity,value,source\n")
    tables = published_tables.read_tables(folder)
    return tables, run_audits.collect_findings(tables, folder)


def make_results(**facts):
    """A detection task with two seeds of infrared and these protocol facts."""
    protocol = {**PROTOCOL, "protocol": "retrained", **facts}
    records = tuple(
        make_record("infrared", "infrared", seed, scores, protocol=protocol)
        for seed, scores in enumerate([(0.5, 0.2), (0.6, 0.2)])
    )
    return make_task_results(SourceResults("infrared", "infrared", (0, 1), records, "run infrared"))


def test_comparable_rows_follow_ours_in_the_published_columns(tmp_path):
    (comparison,) = published_comparison.build_comparisons(make_results(), *read_table(tmp_path))
    assert comparison.is_comparable
    assert comparison.headers == ("Peo", "Car", "mean")
    # person (50 + 60) / 2, car 20, mean of 35 and 40
    own, fuse, bad = comparison.rows
    assert (own.label, own.cells, own.is_own_result) == ("infrared", ("55.0", "20.0", "37.5"), True)
    assert (fuse.label, fuse.cells, fuse.note_numbers) == ("Fuse", ("50.0", "20.0", "35.0"), ())
    assert bad.note_numbers == (1,)


def test_own_scores_are_fractions_where_the_published_ones_are(tmp_path):
    rows = "method,printed,metric,Peo,Car,mean\nFuse,Fuse,AP50,0.500,0.200,0.350\n"
    table = read_table(tmp_path, rows=rows)
    (comparison,) = published_comparison.build_comparisons(make_results(), *table)
    assert comparison.rows[0].cells == ("0.550", "0.200", "0.375")


@pytest.mark.parametrize(
    ("published", "ours", "reason"),
    [
        ({"split": "8:1:1"}, {}, "the protocol differs. split: official here, 8:1:1 there."),
        ({"protocol": "zero-shot"}, {}, "protocol: retrained here, zero-shot there"),
        (
            {"split": "not stated"},
            {},
            "Comparability with our rows is unknown: the protocol is not fully stated. "
            "Not stated there: split.",
        ),
        ({}, {"model": "large"}, "model: large here, tiny there"),
        ({}, {"simulated": True}, "images: simulated here, cameras there"),
    ],
)
def test_rows_that_are_not_comparable_are_apart_with_the_reason(tmp_path, published, ours, reason):
    table = read_table(tmp_path, **published)
    (comparison,) = published_comparison.build_comparisons(make_results(**ours), *table)
    assert not comparison.is_comparable
    assert reason in comparison.reason
    assert not any(row.is_own_result for row in comparison.rows)


def test_tags_in_which_only_some_rows_differ_are_their_remarks(tmp_path):
    rows = """method,printed,metric,Peo,Car,mean,split,model,remark
One,One,AP50,50.0,20.0,35.0,8:1:1,small,
Two,Two,AP50,50.0,20.0,35.0,official,large,about 35
Same,Same,AP50,50.0,20.0,35.0,official,tiny,
"""
    table = read_table(tmp_path, rows=rows)
    comparable, other = published_comparison.build_comparisons(make_results(), *table)
    assert [row.label for row in comparable.rows] == ["infrared", "Same"]
    assert comparable.is_comparable
    assert "the protocol differs. model: tiny here, as each row states there." in other.reason
    remarks = [row.remark for row in other.rows]
    assert remarks == ["model: small; split: 8:1:1", "model: large; about 35"]


def test_own_rows_with_different_protocols_are_comparable_with_nothing(tmp_path):
    sources = (make_results().sources[0], make_results(model="other").sources[0])
    results = make_task_results(*sources)
    (comparison,) = published_comparison.build_comparisons(results, *read_table(tmp_path))
    assert "Different among our own rows, or not recorded: model." in comparison.reason


def test_tables_on_other_data_sets_are_not_shown(tmp_path):
    other = replace(make_results(), dataset="m3fd_like")
    assert published_comparison.build_comparisons(other, *read_table(tmp_path)) == ()
    assert published_comparison.compare_with_published(make_results()) == ()


def test_nothing_is_compared_without_records():
    missing = SourceResults("infrared", "infrared", (0,), (), "run")
    assert published_comparison.compare_with_published(make_task_results(missing)) == ()


def test_coco_and_yolov5_average_precision_have_different_tags():
    tags = {
        metric: published_comparison.build_own_tags(make_results(), metric)
        for metric in ("AP50", "AP50_yolov5")
    }
    styles = {metric: metric_tags["ap style"] for metric, metric_tags in tags.items()}
    assert styles == {"AP50": "coco", "AP50_yolov5": "yolov5"}
    assert tags["AP50_yolov5"]["metric"] == "AP50"


def test_segmentation_has_its_class_set_and_rule_for_absent_classes_as_tags():
    facts = {"class set": "all14 (14 of 15 classes)", "absent classes": "0 in the mean"}
    results = replace(make_results(**facts), kind="segmentation", dataset="fmb")
    tags = published_comparison.build_own_tags(results, "IoU")
    assert (tags["class set"], tags["absent classes"]) == ("all14", "zero")
    assert set(tags) == set(published_tables.TAGS_BY_KIND["segmentation"])


@pytest.mark.parametrize(("split", "is_comparable"), [("official", True), ("8:1:1", False)])
def test_page_and_markdown_have_rows_remarks_and_reason(
    tmp_path, monkeypatch, split, is_comparable
):
    table = read_table(tmp_path, split=split, by_eye="true")
    monkeypatch.setattr(published_comparison, "_read_audited_tables", lambda: table)
    section = sections.build_section(make_results())
    report = Report("Title", "2 of 2 planned runs finished.", "", (), (section,), "rule")
    html, text = html_page.render_report(report), markdown.render_report(report)
    for rendered in (html, text):
        assert "Paper, Table 1: AP50 (read by eye)" in rendered
        assert "Bad&lt;b&gt;<sup>1</sup>" in rendered
        assert re.search(r"<sup>1</sup> the mean is printed as 45\.0; that of the 2", rendered)
        assert "A note." in rendered
        assert "tables/toy-detection-published.csv" in rendered
        collapsed = "Published results with another protocol than ours" in rendered
        assert collapsed is not is_comparable
    assert ("this report" in html) is is_comparable
    assert ("split: official here, 8:1:1 there" in html) is not is_comparable


def write_and_read_csv(comparisons, file):
    csv_files.write_csv(published_comparison_csv.build_dataframe(comparisons), file)
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_the_csv_file_has_a_row_per_printed_number_with_its_tags_and_reason(tmp_path):
    published = "method,printed,metric,Peo,Car,mean,model\nFuse,F,AP50,50.0,,35.00,tiny\n"
    published += '"=1+1",B,AP50,50.0,20.0,45.0,small\n'
    table = read_table(tmp_path, rows=published)
    comparisons = published_comparison.build_comparisons(make_results(), *table)
    rows = write_and_read_csv(comparisons, tmp_path / "published.csv")
    assert tuple(rows[0]) == published_comparison_csv.COLUMNS
    methods = [(row["origin"], row["method"], row["comparable"]) for row in rows]
    assert methods[::3] == [
        ("this report", "infrared", "yes"),
        ("published", "Fuse", "yes"),
        ("published", "'=1+1", "no"),
    ]
    assert [row["value"] for row in rows[3:6]] == ["50.0", "", "35.00"]
    assert [row["value"] for row in rows[:3]] == ["55.00", "20.00", "37.50"]  # decimals of 35.00
    assert [(row["level"], row["class"], row["column"]) for row in rows[3:6]] == [
        ("class", "person", "Peo"),
        ("class", "car", "Car"),
        ("mean", "mean", "mean"),
    ]
    other = rows[8]
    assert (other["table"], other["metric"]) == ("toy-table", "AP50")
    assert "model: tiny here, small there" in other["reason"]
    assert "model: small; split: official" in other["tags"]
    assert other["audit"].startswith("the mean is printed as 45.0")
    assert (rows[3]["audit"], other["table note"]) == ("", "A note.")
    assert rows[3]["table audit"] == "a column header is Peo; the class is person"
