import csv

import pytest

from fusebench import plugins
from fusebench.errors import UserError
from reports.literature import published_tables
from reports.literature.published_tables import (
    ANY_VALUE,
    NOT_STATED,
    SIMULATED_IMAGES,
    TAGS_BY_KIND,
    find_tag_differences,
)
from tests.helpers.synthetic_records import PUBLISHED_TAGS

TABLES = {table.name: table for table in published_tables.read_tables()}
OURS = {"kind": "detection", "split": "official", "images": "cameras"}
HEAD = (
    """
toy:
  paper: Toy
  table: Table 1
  by_eye: false
  classes: {Peo: person, Car: car}
  metrics: {AP50: AP50}
"""
    + PUBLISHED_TAGS
)
ROWS = "method,printed,metric,Peo,Car,mean\nFuse,Fuse [1],AP50,50.0,20.0,35.0\n"


def row(table, method, metric=None):
    found = [r for r in TABLES[table].rows if r.method == method and metric in (None, r.metric)]
    assert len(found) == 1
    return [*map(str, found[0].cells.values()), str(found[0].mean)]


def folder(tmp_path, head=HEAD, rows=ROWS):
    (tmp_path / "tables.yaml").write_text(head)
    (tmp_path / "toy.csv").write_text(rows)
    return tmp_path


def test_rows_are_as_the_papers_print_them():
    # DMFuse Table 2 "Ours", Table 3 "DDFM [19]"; DMNet Table VII "INe [36]"
    said = "0.550 0.719 0.806 0.475 0.541 0.710 0.634"
    assert row("dmfuse-table-2", "DMFuse", "mAP@[0.5:0.95]") == said.split()
    said = "79.9 24.0 31.0 65.3 81.2 91.8 54.6 35.1 57.9"
    assert row("dmfuse-table-3", "DDFM", "IoU") == said.split()
    said = "51.78 73.55 57.31 24.29 25.51 19.49 41.98"
    assert row("dmnet-table-7", "MMIF-INet") == said.split()


def test_every_table_has_as_many_methods_as_the_paper():
    counts = {
        (name, metric): len(rows)
        for name, table in TABLES.items()
        for metric, rows in table.rows_by_metric.items()
    }
    assert counts == {
        ("dmfuse-table-2", "mAP@0.5"): 10,
        ("dmfuse-table-2", "mAP@[0.5:0.95]"): 10,
        ("dmfuse-table-3", "Acc"): 10,
        ("dmfuse-table-3", "IoU"): 10,
        ("dmnet-table-7", "AP@0.5"): 16,
        ("cddfuse-detection", "AP@0.5"): 10,
        ("emma-table-3", "AP@0.5"): 12,
        ("difusionseg-table-3", "Acc"): 9,  # MRFS has a dash in every one
        ("difusionseg-table-3", "IoU"): 10,
        ("fmb-leaderboard", "mIoU"): 13,
        ("fmb-repositories", "mIoU"): 8,
    }


@pytest.mark.parametrize("name", TABLES)
def test_every_row_has_every_tag_and_every_class_is_one_of_the_data_set(name):
    table = TABLES[name]
    known = plugins.load_plugin("fusebench.datasets", table.metadata.tags["dataset"]).CLASSES
    assert set(table.metadata.classes.values()) <= set(known)
    for each in table.rows:
        assert set(each.tags) == set(TAGS_BY_KIND[each.tags["kind"]])
        assert all(each.tags.values())


def test_dif_and_DIF_are_two_methods():  # noqa: N802 - as the paper prints them
    printed = {r.printed_name: r.method for r in TABLES["dmnet-table-7"].rows}
    assert (printed["Dif [25]"], printed["DIF [49]"]) == ("Dif-Fusion", "Diff-IF")


def test_a_column_named_like_a_tag_holds_for_its_row():
    rows = {r.method: r.tags for r in TABLES["fmb-repositories"].rows}
    assert (rows["U3M"]["class set"], rows["U3M"]["absent classes"]) == ("all14", "zero")
    assert rows["MRFS"]["class set"] == "all15"


def test_tags_that_are_the_same_whatever_their_case_agree():
    assert find_tag_differences(OURS, {**OURS, "split": "Official"}) == {}


def test_another_value_a_silent_source_and_simulated_images_do_not_agree():
    assert find_tag_differences(OURS, {**OURS, "split": "8:1:1"}) == {
        "split": ("official", "8:1:1")
    }
    silent = {**OURS, "split": NOT_STATED}
    assert find_tag_differences(silent, silent) == {"split": (NOT_STATED, NOT_STATED)}
    assert "absent" in find_tag_differences(OURS, {**OURS, "absent": "skip"})
    drawn = {**OURS, "images": SIMULATED_IMAGES}
    assert (
        set(find_tag_differences(drawn, OURS))
        == set(find_tag_differences(drawn, drawn))
        == {"images"}
    )
    assert "images" in find_tag_differences(drawn, {**OURS, "images": ANY_VALUE})


def test_a_policy_that_changes_nothing_agrees_with_any():
    assert find_tag_differences({**OURS, "absent": "skip"}, {**OURS, "absent": ANY_VALUE}) == {}
    assert find_tag_differences({**OURS, "absent": ANY_VALUE}, {**OURS, "absent": "skip"}) != {}


def test_the_class_set_of_boxes_does_not_depend_on_their_order(tmp_path):
    (table,) = published_tables.read_tables(folder(tmp_path))
    assert table.rows[0].tags["class set"] == "car, person"


@pytest.mark.parametrize(
    ("head", "rows", "words"),
    [
        (HEAD, ROWS.replace("20.0", "nan"), "line 2: 'nan' is no number"),
        (HEAD, ROWS.replace("20.0", "2O.0"), "line 2: '2O.0' is no number"),
        (HEAD, ROWS.replace("20.0,", ""), "line 2: expected as many cells"),
        (HEAD, ROWS.replace("20.0", "20.0,1"), "line 2: expected as many cells"),
        (HEAD, ROWS.replace("Peo,", "Pedestrian,"), "do not fit tables.yaml: Pedestrian, Peo"),
        (HEAD, ROWS.replace("],AP50", "],mAP"), "do not fit tables.yaml: mAP"),
        (HEAD.replace("    split: official\n", ""), ROWS, "tags: split missing"),
        (HEAD.replace("kind: detection", "kind: tracking"), ROWS, "tags.kind"),
        (HEAD.replace("by_eye: false", "by_eye: perhaps"), ROWS, "by_eye"),
        ("- toy", ROWS, "expected a mapping"),
    ],
)
def test_damaged_files_are_refused_with_place_and_reason(tmp_path, head, rows, words):
    with pytest.raises(UserError) as fault:
        published_tables.read_tables(folder(tmp_path, head, rows))
    assert words in str(fault.value)


def test_a_table_without_its_file_is_refused(tmp_path):
    (tmp_path / "tables.yaml").write_text(HEAD)
    with pytest.raises(UserError, match=r"toy\.csv: cannot be read"):
        published_tables.read_tables(tmp_path)


def test_every_file_of_numbers_is_listed():
    files = {file.stem for file in published_tables.TABLES_FOLDER.glob("*.csv")}
    assert files - {"claims", "facts"} == set(TABLES)
    for file in published_tables.TABLES_FOLDER.glob("*.csv"):
        with file.open(newline="") as lines:
            assert len({len(line) for line in csv.reader(lines)}) == 1
