"""A toy detector is trained on clean pairs and tested on corrupted ones, up to the report."""

import json
import shutil

import pandas as pd
import pytest

from detection.run import main
from fusebench import verify
from reports import run as report_program
from tests.helpers.tiny_detection_dataset import write_m3fd_folder

TASKS = """
sources:
  ir:  {kind: infrared}
  vis: {kind: visible}
  both: {kind: method, method: average}
tasks:
  toy:
    kind: detection
    dataset: m3fd
    data: {split: {rule: lists}}
    sources: [ir, vis, both]
    options: {image_size: 64, epochs: 1, batch: 4, nominal_batch: 4, warmup_epochs: 0}
"""
CORRUPTIONS = (
    "    corruptions: {darkness: {severities: [1, 3]}, missing_infrared: {severities: [3]}}\n"
)


@pytest.mark.slow
def test_corrupted_runs_reuse_the_models_and_stand_in_the_report(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    write_m3fd_folder(tmp_path / "data/m3fd", 8, 6)
    (tmp_path / "tasks.yaml").write_text(TASKS)
    assert main(["--device", "cpu"]) == 0
    trained = {path: path.stat().st_mtime_ns for path in (tmp_path / "runs/trained").rglob("*")}
    clean = sorted(path.name for path in (tmp_path / "runs/detection").iterdir())

    (tmp_path / "tasks.yaml").write_text(TASKS + CORRUPTIONS)
    capsys.readouterr()
    assert main(["--plan"]) == 0
    plan_text = capsys.readouterr().out
    assert "3 of 9 done" in plan_text
    assert "jobs left" in plan_text
    assert main(["--device", "cpu", "--workers", "2"]) == 0
    assert trained == {
        path: path.stat().st_mtime_ns for path in (tmp_path / "runs/trained").rglob("*")
    }
    records = {path.name: path for path in (tmp_path / "runs/detection").iterdir()}
    assert set(clean) < set(records)
    assert len(records) == 9
    (path,) = (path for name, path in records.items() if name.startswith("toy-vis-darkness3"))
    record = json.loads((path / "record.json").read_text())
    assert record["task"] == "toy, darkness3"
    assert record["protocol"]["corruption"].startswith("darkness, severity 3")
    assert verify.main(["--out", "runs", "--data", "data"]) == 0

    # images of corrupted pairs may be removed after the test: nothing makes them again
    for folder in (tmp_path / "runs/fused").glob("*-darkness*"):
        shutil.rmtree(folder)
    capsys.readouterr()
    assert main(["--device", "cpu"]) == 0
    assert capsys.readouterr().out.count("(done)") == 9
    assert not list((tmp_path / "runs/fused").glob("*-darkness*"))

    assert report_program.main(["--device", "cpu"]) == 0
    table = pd.read_csv(tmp_path / "report/tables/toy-robustness.csv")
    scores = table.query("metric == 'AP50' and source == 'vis' and corruption == 'darkness'")
    assert scores.severity.tolist() == [1, 3]
    row = scores.iloc[-1]
    assert row.score == pytest.approx(100 * (record["values"]["AP50"] or 0), abs=1e-4)
    page = (tmp_path / "report/index.html").read_text()
    assert 'id="robustness-1"' in page
    assert "## " in (tmp_path / "report/report.md").read_text()
    assert (tmp_path / "report/tables/toy-robustness.tex").exists()
