"""Tables that are made on simulated scenes say so in their CSV files."""

import pandas as pd

from reports.tables import csv_files

TABLE = pd.DataFrame({"task": ["scenes", "street"], "rho": [0.5, -0.5]})


def read_written(tmp_path, table, *, is_simulated):
    file = tmp_path / "table.csv"
    csv_files.write_task_csv(table, file, is_simulated=is_simulated)
    return file.read_text().splitlines()


def test_a_table_of_simulated_scenes_has_the_mark_in_every_row(tmp_path):
    assert read_written(tmp_path, TABLE, is_simulated=True) == [
        "task,rho,simulated",
        "scenes,0.5,yes",
        "street,-0.5,yes",
    ]
    assert read_written(tmp_path, TABLE, is_simulated=False)[0] == "task,rho"


def test_a_table_with_its_protocol_says_it_there(tmp_path):
    table = TABLE.assign(protocol="simulated: yes")
    assert read_written(tmp_path, table, is_simulated=True)[0] == "task,rho,protocol"


def test_rows_of_several_tasks_are_marked_one_by_one():
    marked = csv_files.mark_simulated_tasks(TABLE, ["scenes"])
    assert marked["simulated"].tolist() == ["yes", "no"]
    assert "simulated" not in csv_files.mark_simulated_tasks(TABLE, ["other"])
