import csv

import pytest

from fusebench.errors import UserError
from fusebench.storage.store import Store
from reports.results import pr_curves
from reports.tables import csv_files
from tests.helpers.synthetic_records import finish_run, make_runs, write_split

HEAD = "class,iou,recall,precision,score\n"


@pytest.fixture
def house(tmp_path):
    store = Store(tmp_path / "runs")
    mine = make_runs("detection", write_split(tmp_path / "data"), tmp_path, seeds=(0, 1))
    for cell in mine[:4]:
        finish_run(cell, store, (0.5, 0.5))
    return store, mine


def put(cell, store, text):
    (cell.get_record_folder(store) / "curves.csv").write_text(HEAD + text)


def test_the_first_finished_seed_of_every_source_is_drawn(house, tmp_path):
    store, mine = house
    put(mine[0], store, "person,0.5,0.00,0.9,0.8\nperson,0.75,0.00,0.1,0.8\nNA,0.5,0.00,0.7,\n")
    put(mine[1], store, "person,0.5,0.00,0.2,0.8\n")
    put(mine[3], store, "person,0.5,0.00,0.6,0.5\n")
    found = pr_curves.read_curves(mine, store)
    assert pr_curves.select_plotted_curves(found) == {
        "person": {"infrared": ([0.0], [0.9]), "visible": ([0.0], [0.6])},
        "NA": {"infrared": ([0.0], [0.7])},  # a class may be called so
    }
    csv_files.write_csv(found, tmp_path / "curves.csv")
    with (tmp_path / "curves.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [(row["source"], row["seed"], row["precision"]) for row in rows[:2]] == [
        ("infrared", "0", "0.9"),
        ("infrared", "0", "0.1"),
    ]


def test_records_without_curves_have_none(house):
    store, mine = house
    assert pr_curves.read_curves(mine, store).empty


def test_a_damaged_file_is_named(house):
    store, mine = house
    put(mine[0], store, "person,0.5,x,0.9,0.8\n")
    with pytest.raises(UserError, match=r"curves\.csv: cannot be read"):
        pr_curves.read_curves(mine, store)
