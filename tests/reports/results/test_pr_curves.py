"""Precision-recall curves as read from the files beside the records."""

import csv

import pytest

from fusebench.errors import UserError
from fusebench.storage.store import Store
from reports.results import pr_curves
from reports.tables import csv_files
from tests.helpers.reports.synthetic_records import finish_run, make_runs, write_split

HEADER = "class,iou,recall,precision,score\n"


@pytest.fixture
def store_and_runs(tmp_path):
    """A store with four finished runs of six."""
    store = Store(tmp_path / "runs")
    runs = make_runs("detection", write_split(tmp_path / "data"), tmp_path, seeds=(0, 1))
    for run in runs[:4]:
        finish_run(run, store, (0.5, 0.5))
    return store, runs


def write_curves(run, store, rows):
    (run.get_record_folder(store) / "curves.csv").write_text(HEADER + rows)


def test_the_curves_are_those_of_every_sources_first_finished_seed(store_and_runs, tmp_path):
    store, runs = store_and_runs
    rows = "person,0.5,0.00,0.9,0.8\nperson,0.75,0.00,0.1,0.8\nNA,0.5,0.00,0.7,\n"
    write_curves(runs[0], store, rows)
    write_curves(runs[1], store, "person,0.5,0.00,0.2,0.8\n")
    write_curves(runs[3], store, "person,0.5,0.00,0.6,0.5\n")
    table = pr_curves.read_curves(runs, store)
    assert pr_curves.select_plotted_curves(table) == {
        "person": {"infrared": ([0.0], [0.9]), "visible": ([0.0], [0.6])},
        "NA": {"infrared": ([0.0], [0.7])},  # a class may have this name
    }
    csv_files.write_csv(table, tmp_path / "curves.csv")
    with (tmp_path / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["source"], row["seed"], row["precision"]) for row in rows[:2]] == [
        ("infrared", "0", "0.9"),
        ("infrared", "0", "0.1"),
    ]


def test_records_without_curves_give_an_empty_table(store_and_runs):
    store, runs = store_and_runs
    assert pr_curves.read_curves(runs, store).empty


def test_a_damaged_file_is_named(store_and_runs):
    store, runs = store_and_runs
    write_curves(runs[0], store, "person,0.5,x,0.9,0.8\n")
    with pytest.raises(UserError, match=r"curves\.csv: cannot be read"):
        pr_curves.read_curves(runs, store)
