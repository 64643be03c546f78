"""Ensembles from task file to record: two prediction files of the user are combined."""

import json

import pytest

from detection.ensembles import nms
from detection.run import main
from fusebench.config import schema
from fusebench.data.boxes import to_coco
from fusebench.data.split_builder import load_split
from fusebench.data.splits import ListRule
from fusebench.datasets import m3fd
from fusebench.experiments import plan
from fusebench.storage import predicted_boxes
from fusebench.storage.store import Store
from tests.faults.injection import stored_contents
from tests.helpers.damage import flip_bit, forget_checks
from tests.helpers.tiny_detection_dataset import write_m3fd_folder

TASKS = """
sources:
  ir:  {kind: infrared}
  vis: {kind: visible}
  both: {kind: ensemble, of: [ir, vis], fuse: probabilistic}
  first: {kind: ensemble, of: [vis, ir], fuse: nms}
tasks:
  toy:
    kind: detection
    dataset: m3fd
    data: {split: {rule: lists}}
    model: from_file
    options: {file: "{source}.json"}
    sources: [SOURCES]
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_m3fd_folder(tmp_path / "data/m3fd", 4, 6)
    split = load_split(m3fd.load, tmp_path / "data", "test", m3fd.Options(split=ListRule()))
    # every sensor detects the objects of every second image, the third image is seen by both
    for name, keys, score in (("ir", (0, 2, 4), 0.8), ("vis", (1, 2, 3, 5), 0.6)):
        detected = {split.pairs[i].key for i in keys}
        boxes = {p.key: p.boxes if p.key in detected else p.boxes.select([]) for p in split.pairs}
        document = to_coco(boxes, split.classes, {p.key: p.size for p in split.pairs})
        for row in document["annotations"]:
            row["score"] = score
        (tmp_path / f"{name}.json").write_text(json.dumps(document))
    return tmp_path


def run(root, names, *flags):
    forget_checks()
    (root / "tasks.yaml").write_text(TASKS.replace("SOURCES", names))
    return main(["--device", "cpu", *flags])


def build_runs(root):
    file = schema.load_task_file(root / "tasks.yaml")
    runs = plan.build_plan(file, ["toy"], root / "data", root).runs
    return {run.source_name: run for run in runs}


def test_an_ensemble_finds_what_either_member_finds(root):
    assert run(root, "ir, vis, both") == 0
    store = Store(root / "runs")
    records = {name: each.read_record(store) for name, each in build_runs(root).items()}
    assert records["ir"].values["AP50"] < 1
    assert records["vis"].values["AP50"] < 1
    assert records["both"].values["AP50"] == 1
    assert records["both"].source_kind == "ensemble"
    assert records["both"].protocol["ensemble"].startswith("probabilistic ensembling (ProbEn)")
    assert records["both"].protocol["images"] == "6 test"
    assert "ensemble" not in records["ir"].protocol
    files = [records[name].protocol["predictions"] for name in ("ir", "vis")]
    assert records["both"].protocol["predictions"] == f"ir: {files[0]}; vis: {files[1]}"


def test_scores_of_the_stored_predictions(root):
    run(root, "both")
    ensemble = build_runs(root)["both"]
    spec = ensemble.specs["predicted"]
    folder = Store(root / "runs").find_finished("predicted", ensemble.prediction_label, spec)
    boxes = predicted_boxes.read_predicted_boxes(folder, ensemble.test_split)
    scores = [set(boxes[key].scores.tolist()) for key in ensemble.test_split.keys]
    # 0.8 and 0.6 agree: 0.48 / (0.48 + 0.08); alone, a member keeps its score
    assert scores == [{0.8}, {0.6}, {0.857143}, {0.6}, {0.8}, {0.6}]


def test_members_are_executed_if_missing_and_reused_if_there(root, capsys):
    assert run(root, "both") == 0
    names = sorted(path.name.rpartition("-")[0] for path in (root / "runs/predicted").iterdir())
    assert names == ["m3fd-both", "m3fd-ir", "m3fd-vis"]
    times = {path: path.stat().st_mtime_ns for path in (root / "runs/predicted").iterdir()}
    assert run(root, "first, vis") == 0
    again = {path: path.stat().st_mtime_ns for path in (root / "runs/predicted").iterdir()}
    assert times.items() <= again.items()
    assert len(again) == len(times) + 1


def test_jobs_give_the_results_of_one_process(root):
    names = "both, vis, first"
    assert run(root, names, "--out", "serial") == 0
    assert run(root, names, "--workers", "1") == 0
    expected = stored_contents.hash_results(root / "serial")
    results = stored_contents.hash_results(root / "runs")
    assert stored_contents.list_differences(expected, results) == []


def test_a_plug_in_that_returns_no_boxes_is_an_error_that_names_the_image(
    root, monkeypatch, capsys
):
    monkeypatch.setattr(nms, "combine", lambda predictions, options: None)
    assert run(root, "first") == 1
    message = capsys.readouterr().err
    assert "ensemble first, image 500: combine returned NoneType, not Boxes with scores" in message


def test_a_damaged_prediction_of_a_member_is_an_error_that_names_it(root, capsys):
    assert run(root, "vis") == 0
    (file,) = root.glob("runs/predicted/*/predictions.json")
    flip_bit(file)
    assert run(root, "vis, both") == 1
    assert "predictions.json" in capsys.readouterr().err


def test_a_damaged_prediction_file_of_a_member_is_an_error_before_anything_is_computed(
    root, capsys
):
    (root / "vis.json").write_text("{")
    assert run(root, "both") == 2
    assert "vis.json" in capsys.readouterr().err
    assert not (root / "runs/detection").exists()
