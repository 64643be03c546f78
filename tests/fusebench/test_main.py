"""``python -m fusebench``: all stages in order, on small images written by the tests."""

import pytest

from fusebench import __main__
from tests.helpers import dataset_folders

TASKS = """
sources: {ir: {kind: infrared}, both: {kind: method, method: average}}
tasks:
  boxes: {kind: detection, dataset: m3fd, sources: [ir]}
  masks: {kind: segmentation, dataset: fmb, sources: [ir, both]}
  entropy: {kind: quality, dataset: fmb, sources: [both]}
"""


@pytest.fixture
def flags(tmp_path):
    """The flags of a command on a task file whose data set m3fd is absent."""
    dataset_folders.write_fmb(tmp_path / "data/fmb", ["00001"], ["00002"])
    (tmp_path / "tasks.yaml").write_text(TASKS)
    paths = {"--tasks": "tasks.yaml", "--data": "data", "--out": "runs", "--to": "report"}
    path_flags = [part for flag, name in paths.items() for part in (flag, f"{tmp_path}/{name}")]
    return [*path_flags, "--device", "cpu"]


def test_a_stage_whose_data_is_absent_does_not_stop_the_others(flags, capsys):
    assert __main__.main([*flags, "--plan"]) == 0
    output = capsys.readouterr().out
    assert [line for line in output.splitlines() if line.startswith("==")] == [
        "== fusion.run",
        "== segmentation.run",
    ]
    assert "boxes on ir: left out: M3FD is not at" in output
    assert "Put it there" not in output  # only where the data is asked for by name


def test_absent_data_selected_by_name_stops_everything(flags, tmp_path, capsys):
    assert __main__.main([*flags, "--m3fd"]) == 2
    assert "Put it there" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_stages_run_in_order_and_the_report_is_last(flags, tmp_path, capsys):
    assert __main__.main([*flags, "--task", "entropy"]) == 0
    assert (tmp_path / "report/index.html").is_file()
    assert "== fusion.run" in capsys.readouterr().out


def test_the_cost_of_the_methods_is_measured_once(flags, tmp_path, capsys):
    assert __main__.main([*flags, "--task", "entropy"]) == 0
    assert capsys.readouterr().out.index("== fusion.profile") > 0
    assert [file.name for file in (tmp_path / "runs/profile").iterdir()] == [
        "both-640x480-cpu.json"
    ]
    assert "both,640x480" in (tmp_path / "report/tables/efficiency.csv").read_text()
    assert __main__.main([*flags, "--task", "entropy"]) == 0
    assert "== fusion.profile" not in capsys.readouterr().out
