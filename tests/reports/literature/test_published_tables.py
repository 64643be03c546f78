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
from tests.helpers.reports.synthetic_records import PUBLISHED_TAGS

TABLES = {table.name: table for table in published_tables.read_tables()}
OURS = {"kind": "detection", "split": "official", "images": "cameras"}
METADATA = (
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


def get_scores(table, method, metric=None):
    """The printed cells and mean of a method."""
    (row,) = (
        row for row in TABLES[table].rows if row.method == method and metric in (None, row.metric)
    )
    return [*map(str, row.cells.values()), str(row.mean)]


def write_table(folder, metadata=METADATA, rows=ROWS):
    (folder / "tables.yaml").write_text(metadata)
    (folder / "toy.csv").write_text(rows)
    return folder


def test_rows_are_as_the_papers_print_them():
    # DMFuse Table 2 "Ours", Table 3 "DDFM [19]"; DMNet Table VII "INe [36]"
    expected = "0.550 0.719 0.806 0.475 0.541 0.710 0.634"
    assert get_scores("dmfuse-table-2", "DMFuse", "mAP@[0.5:0.95]") == expected.split()
    expected = "79.9 24.0 31.0 65.3 81.2 91.8 54.6 35.1 57.9"
    assert get_scores("dmfuse-table-3", "DDFM", "IoU") == expected.split()
    expected = "51.78 73.55 57.31 24.29 25.51 19.49 41.98"
    assert get_scores("dmnet-table-7", "MMIF-INet") == expected.split()


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
        ("difusionseg-table-3", "Acc"): 9,  # MRFS has a dash in every column
        ("difusionseg-table-3", "IoU"): 10,
        ("fmb-leaderboard", "mIoU"): 13,
        ("fmb-repositories", "mIoU"): 8,
    }


@pytest.mark.parametrize("name", TABLES)
def test_every_row_has_all_tags_and_every_class_is_one_of_the_data_set(name):
    table = TABLES[name]
    dataset = plugins.load_plugin("fusebench.datasets", table.metadata.tags["dataset"])
    assert set(table.metadata.classes.values()) <= set(dataset.CLASSES)
    for row in table.rows:
        assert set(row.tags) == set(TAGS_BY_KIND[row.tags["kind"]])
        assert all(row.tags.values())


def test_dif_and_DIF_are_two_methods():  # noqa: N802 - names as the paper prints them
    methods = {row.printed_name: row.method for row in TABLES["dmnet-table-7"].rows}
    assert (methods["Dif [25]"], methods["DIF [49]"]) == ("Dif-Fusion", "Diff-IF")


def test_a_column_with_the_name_of_a_tag_applies_to_its_row():
    tags = {row.method: row.tags for row in TABLES["fmb-repositories"].rows}
    assert (tags["U3M"]["class set"], tags["U3M"]["absent classes"]) == ("all14", "zero")
    assert tags["MRFS"]["class set"] == "all15"


def test_tags_that_differ_in_case_only_agree():
    assert find_tag_differences(OURS, {**OURS, "split": "Official"}) == {}


def test_tags_with_another_value_differ():
    differences = find_tag_differences(OURS, {**OURS, "split": "8:1:1"})
    assert differences == {"split": ("official", "8:1:1")}
    assert "absent" in find_tag_differences(OURS, {**OURS, "absent": "skip"})


def test_a_tag_that_is_not_stated_differs_from_itself():
    silent = {**OURS, "split": NOT_STATED}
    assert find_tag_differences(silent, silent) == {"split": (NOT_STATED, NOT_STATED)}


def test_simulated_images_are_comparable_with_nothing():
    simulated = {**OURS, "images": SIMULATED_IMAGES}
    assert set(find_tag_differences(simulated, OURS)) == {"images"}
    assert set(find_tag_differences(simulated, simulated)) == {"images"}
    assert "images" in find_tag_differences(simulated, {**OURS, "images": ANY_VALUE})


def test_published_tags_with_any_value_agree_with_every_value_of_ours():
    assert find_tag_differences({**OURS, "absent": "skip"}, {**OURS, "absent": ANY_VALUE}) == {}
    assert find_tag_differences({**OURS, "absent": ANY_VALUE}, {**OURS, "absent": "skip"}) != {}


def test_the_class_set_of_detection_does_not_depend_on_the_order_of_classes(tmp_path):
    (table,) = published_tables.read_tables(write_table(tmp_path))
    assert table.rows[0].tags["class set"] == "car, person"


@pytest.mark.parametrize(
    ("metadata", "rows", "message"),
    [
        (METADATA, ROWS.replace("20.0", "nan"), "line 2: 'nan' is not a number"),
        (METADATA, ROWS.replace("20.0", "2O.0"), "line 2: '2O.0' is not a number"),
        (METADATA, ROWS.replace("20.0,", ""), "line 2: expected as many cells"),
        (METADATA, ROWS.replace("20.0", "20.0,1"), "line 2: expected as many cells"),
        (METADATA, ROWS.replace("Peo,", "Pedestrian,"), "not match tables.yaml: Pedestrian, Peo"),
        (METADATA, ROWS.replace("],AP50", "],mAP"), "do not match tables.yaml: mAP"),
        (METADATA.replace("    split: official\n", ""), ROWS, "tags: split missing"),
        (METADATA.replace("kind: detection", "kind: tracking"), ROWS, "tags.kind"),
        (METADATA.replace("by_eye: false", "by_eye: perhaps"), ROWS, "by_eye"),
        ("- toy", ROWS, "expected a mapping"),
    ],
)
def test_errors_in_the_files_are_reported_with_their_place(tmp_path, metadata, rows, message):
    with pytest.raises(UserError) as error:
        published_tables.read_tables(write_table(tmp_path, metadata, rows))
    assert message in str(error.value)


def test_a_missing_csv_file_is_reported(tmp_path):
    (tmp_path / "tables.yaml").write_text(METADATA)
    with pytest.raises(UserError, match=r"toy\.csv: cannot be read"):
        published_tables.read_tables(tmp_path)


def test_every_csv_file_has_metadata_and_rows_of_equal_length():
    files = list(published_tables.TABLES_FOLDER.glob("*.csv"))
    assert {file.stem for file in files} - {"claims", "facts"} == set(TABLES)
    for file in files:
        with file.open(newline="") as lines:
            assert len({len(row) for row in csv.reader(lines)}) == 1
