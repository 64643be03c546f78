"""The roof: all stages in order, on images made here."""

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
def words(tmp_path):
    dataset_folders.write_fmb(tmp_path / "data/fmb", ["00001"], ["00002"])
    (tmp_path / "tasks.yaml").write_text(TASKS)
    places = {"--tasks": "tasks.yaml", "--data": "data", "--out": "runs", "--to": "report"}
    flags = [word for flag, name in places.items() for word in (flag, f"{tmp_path}/{name}")]
    return [*flags, "--device", "cpu"]


def test_a_stage_whose_data_is_absent_does_not_stop_the_others(words, capsys):
    assert __main__.main([*words, "--plan"]) == 0
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if line.startswith("==")] == [
        "== fusion.run",
        "== segmentation.run",
    ]
    assert "boxes on ir: left out: M3FD is not at" in said


def test_absent_data_asked_for_by_name_stops_everything(words, tmp_path, capsys):
    assert __main__.main([*words, "--m3fd"]) == 2
    assert "M3FD is not at" in capsys.readouterr().err
    assert not (tmp_path / "runs").exists()


def test_stages_run_in_order_and_the_report_is_last(words, tmp_path, capsys):
    assert __main__.main([*words, "--task", "entropy"]) == 0
    assert (tmp_path / "report/index.html").is_file()
    assert "== fusion.run" in capsys.readouterr().out
