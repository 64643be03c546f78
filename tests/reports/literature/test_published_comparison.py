import csv
import re

import pytest

from reports.document import sections
from reports.document.sections import Report
from reports.formats import html_page, markdown
from reports.literature import (
    published_comparison,
    published_comparison_csv,
    published_tables,
    run_audits,
)
from reports.results.task_results import SourceResults
from reports.tables import csv_files
from tests.helpers.synthetic_records import PROTOCOL, make_record, make_task_results

HEAD = """
toy-table:
  paper: Paper
  table: Table 1
  by_eye: {eye}
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
NONE = "table,check,said,against,quote\n"


def tables(folder, split="official", protocol="retrained", eye="false", rows=ROWS):
    (folder / "tables.yaml").write_text(HEAD.format(split=split, protocol=protocol, eye=eye))
    (folder / "toy-table.csv").write_text(rows)
    (folder / "claims.csv").write_text(NONE)
    (folder / "facts.csv").write_text("dataset,quantity,value,source\n")
    read = published_tables.read_tables(folder)
    return read, run_audits.collect_findings(read, folder)


def mine(**facts):
    said = {**PROTOCOL, "protocol": "retrained", **facts}
    made = [
        make_record("infrared", "infrared", seed, scores, protocol=said)
        for seed, scores in enumerate([(0.5, 0.2), (0.6, 0.2)])
    ]
    return make_task_results(
        SourceResults("infrared", "infrared", (0, 1), tuple(made), "run infrared")
    )


def test_rows_whose_tags_agree_stand_below_ours_in_the_published_columns(tmp_path):
    (part,) = published_comparison.build_comparisons(mine(), *tables(tmp_path))
    assert part.is_comparable
    assert part.headers == ("Peo", "Car", "mean")
    # person (50 + 60) / 2, car 20, mean of 35 and 40
    own, fuse, bad = part.rows
    assert (own.label, own.cells, own.is_own_result) == ("infrared", ("55.0", "20.0", "37.5"), True)
    assert (fuse.label, fuse.cells, fuse.note_numbers) == ("Fuse", ("50.0", "20.0", "35.0"), ())
    assert bad.note_numbers == (1,)


def test_fractions_stay_fractions(tmp_path):
    rows = "method,printed,metric,Peo,Car,mean\nFuse,Fuse,AP50,0.500,0.200,0.350\n"
    (part,) = published_comparison.build_comparisons(mine(), *tables(tmp_path, rows=rows))
    assert part.rows[0].cells == ("0.550", "0.200", "0.375")


@pytest.mark.parametrize(
    ("theirs", "ours", "words"),
    [
        ({"split": "8:1:1"}, {}, "made otherwise. split: official here, 8:1:1 there."),
        ({"protocol": "zero-shot"}, {}, "protocol: retrained here, zero-shot there"),
        ({"split": "not stated"}, {}, "nobody can tell whether they were made alike. "
         "Not stated there: split."),
        ({}, {"model": "large"}, "model: large here, tiny there"),
        ({}, {"simulated": True}, "images: simulated here, cameras there"),
    ],
)  # fmt: skip
def test_rows_made_otherwise_stand_apart_with_the_reason(tmp_path, theirs, ours, words):
    (part,) = published_comparison.build_comparisons(mine(**ours), *tables(tmp_path, **theirs))
    assert not part.is_comparable
    assert words in part.reason
    assert not any(line.is_own_result for line in part.rows)


def test_what_only_some_rows_have_otherwise_stands_in_their_remarks(tmp_path):
    rows = """method,printed,metric,Peo,Car,mean,split,model,remark
One,One,AP50,50.0,20.0,35.0,8:1:1,small,
Two,Two,AP50,50.0,20.0,35.0,official,large,about 35
Same,Same,AP50,50.0,20.0,35.0,official,tiny,
"""
    same, apart = published_comparison.build_comparisons(mine(), *tables(tmp_path, rows=rows))
    assert [line.label for line in same.rows] == ["infrared", "Same"]
    assert same.is_comparable
    assert "made otherwise. model: tiny here, as each row says there." in apart.reason
    remarks = [line.remark for line in apart.rows]
    assert remarks == ["model: small; split: 8:1:1", "model: large; about 35"]


def test_rows_of_ours_that_disagree_among_themselves_agree_with_nothing(tmp_path):
    one, two = mine().sources[0], mine(model="other").sources[0]
    (part,) = published_comparison.build_comparisons(make_task_results(one, two), *tables(tmp_path))
    assert "Not the same in all of our rows, or not recorded: model." in part.reason


def test_tables_of_another_data_set_or_kind_are_not_shown(tmp_path):
    found = mine()
    elsewhere = type(found)("other", "detection", "m3fd_like", found.sources)
    assert published_comparison.build_comparisons(elsewhere, *tables(tmp_path)) == ()
    assert (
        published_comparison.compare_with_published(
            make_task_results(SourceResults("infrared", "infrared", (0,), (), "run"))
        )
        == ()
    )


def test_the_styles_of_average_precision_are_told_apart():
    style = {
        m: published_comparison.build_own_tags(mine(), m)["ap style"]
        for m in ("AP50", "AP50_yolov5")
    }
    assert style == {"AP50": "coco", "AP50_yolov5": "yolov5"}
    assert published_comparison.build_own_tags(mine(), "AP50_yolov5")["metric"] == "AP50"


def test_segmentation_has_its_class_set_and_policy_as_tags():
    found = mine(**{"class set": "all14 (14 of 15 classes)", "absent classes": "0 in the mean"})
    tags = published_comparison.build_own_tags(
        type(found)("s", "segmentation", "fmb", found.sources), "IoU"
    )
    assert (tags["class set"], tags["absent classes"]) == ("all14", "zero")
    assert set(tags) == set(published_tables.TAGS_BY_KIND["segmentation"])


@pytest.mark.parametrize(("split", "folded"), [("official", False), ("8:1:1", True)])
def test_page_and_text_show_rows_remarks_and_reason(tmp_path, monkeypatch, split, folded):
    found = tables(tmp_path, split=split, eye="true")
    monkeypatch.setattr(published_comparison, "_read_audited_tables", lambda: found)
    chapter = sections.build_section(mine(), "", ())
    report = Report("Title", "2 of 2 planned runs finished.", "", (), (chapter,), "rule")
    html, text = html_page.render_report(report), markdown.render_report(report)
    for shown in (html, text):
        assert "Paper, Table 1: AP50 (read by eye)" in shown
        assert "Bad&lt;b&gt;<sup>1</sup>" in shown
        assert re.search(r"<sup>1</sup> the mean is printed as 45\.0; that of the 2", shown)
        assert "A note." in shown
        assert "tables/toy-detection-published.csv" in shown
        assert ("Published rows that were not made as ours" in shown) == folded
    assert ("this report" in html) == (not folded)
    assert ("split: official here, 8:1:1 there" in html) == folded


def test_no_published_table_agrees_with_what_is_not_m3fd_or_fmb():
    assert published_comparison.compare_with_published(mine()) == ()


def rows_of(parts, file):
    csv_files.write_csv(published_comparison_csv.build_dataframe(parts), file)
    with file.open(newline="", encoding="utf-8") as text:
        return list(csv.DictReader(text))


def test_the_sheet_has_a_row_per_number_as_printed_and_why_it_stands_where_it_does(tmp_path):
    extra = "method,printed,metric,Peo,Car,mean,model\nFuse,F,AP50,50.0,,35.00,tiny\n"
    extra += '"=1+1",B,AP50,50.0,20.0,45.0,small\n'
    rows = rows_of(
        published_comparison.build_comparisons(mine(), *tables(tmp_path, rows=extra)),
        tmp_path / "sheet.csv",
    )
    assert tuple(rows[0]) == published_comparison_csv.COLUMNS
    told = [(row["made by"], row["method"], row["alike"]) for row in rows]
    assert told[::3] == [
        ("this report", "infrared", "yes"),
        ("published", "Fuse", "yes"),
        ("published", "'=1+1", "no"),
    ]
    assert [row["value"] for row in rows[3:6]] == ["50.0", "", "35.00"]
    assert [row["value"] for row in rows[:3]] == ["55.00", "20.00", "37.50"]  # as beside 35.00
    assert [(row["level"], row["class"], row["column"]) for row in rows[3:6]] == [
        ("class", "person", "Peo"),
        ("class", "car", "Car"),
        ("mean", "mean", "mean"),
    ]
    apart = rows[8]
    assert (apart["table"], apart["metric"]) == ("toy-table", "AP50")
    assert "model: tiny here, small there" in apart["reason"]
    assert "model: small; split: official" in apart["tags"]
    assert apart["audit"].startswith("the mean is printed as 45.0")
    assert (rows[3]["audit"], apart["about"]) == ("", "A note.")
    assert rows[3]["audit of the table"] == "a column is headed Peo; the class is person"
