"""The detection command from task file to record, on a tiny data set in M3FD's folder layout."""

import hashlib
import json
import os
import subprocess
import sys
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from detection import tide_errors
from detection.run import main
from fusebench.config import schema
from fusebench.data.box_labels import label_notes
from fusebench.data.boxes import to_coco
from fusebench.data.split_builder import load_split
from fusebench.data.splits import ListRule
from fusebench.datasets import m3fd
from fusebench.experiments import plan
from fusebench.storage.store import Store
from tests.helpers.paths import REPOSITORY
from tests.helpers.tiny_detection_dataset import write_m3fd_folder

TASKS = """
sources:
  ir:  {kind: infrared}
  vis: {kind: visible}
tasks:
  toy:
    kind: detection
    dataset: m3fd
    data: {split: {rule: lists}}
    sources: [vis]
"""
FROM_FILE = "    model: from_file\n    options: {file: boxes.json}\n"
YOLO = """
    options: {image_size: 64, epochs: 1, batch: 4, nominal_batch: 4, warmup_epochs: 0}
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_m3fd_folder(tmp_path / "data/m3fd", 8, 6)
    return tmp_path


def load_test_split(root):
    return load_split(m3fd.load, root / "data", "test", m3fd.Options(split=ListRule()))


def write_boxes(root, false_positives=0):
    """Write the true boxes as predictions; the first ones are moved away and score higher."""
    split = load_test_split(root)
    document = to_coco(
        {pair.key: pair.boxes for pair in split.pairs},
        split.classes,
        {pair.key: pair.size for pair in split.pairs},
    )
    for number, row in enumerate(document["annotations"]):
        row["score"] = 0.9 if number < false_positives else 0.5
        row["bbox"][0] = 0 if number < false_positives else row["bbox"][0]
        row["bbox"][2] = 3 if number < false_positives else row["bbox"][2]
    (root / "boxes.json").write_text(json.dumps(document))


def run_detection(root, text, *flags):
    (root / "tasks.yaml").write_text(text)
    return main(["--tasks", "tasks.yaml", "--device", "cpu", *flags])


def read_record(root):
    task_file = schema.load_task_file(root / "tasks.yaml")
    (run,) = plan.build_plan(task_file, ["toy"], root / "data", root).runs
    return run.read_record(Store(root / "runs"))


def test_perfect_boxes_score_1(root):
    write_boxes(root)
    assert run_detection(root, TASKS + FROM_FILE) == 0
    record = read_record(root)
    ap_lost = {name: score for name, score in record.values.items() if name.endswith(" error")}
    assert ap_lost == dict.fromkeys(ap_lost, 0.0)
    sizes = {"AP_small": 1.0, "AP_medium": None, "AP_large": None}
    names = ("AP50", "AP", "AP75", "AP50_300", "AP_300", *sizes, "precision", "recall", "F1")
    yolov5 = {"AP50_yolov5": 0.995, "AP_yolov5": 0.995}  # YOLOv5's AP never reaches 1
    assert record.values == pytest.approx(dict.fromkeys(names, 1.0) | sizes | yolov5 | ap_lost)
    assert record.by_class["Bus"] == dict.fromkeys(record.values)
    split = load_test_split(root)
    assert record.counts == {"images": 6, "boxes": sum(len(p.boxes) for p in split.pairs)}
    assert record.protocol["images"] == "6 test"
    assert record.protocol["AP"].startswith("COCO")


def test_the_per_image_table_adds_up_to_the_record(root):
    write_boxes(root, false_positives=3)
    run_detection(root, TASKS + FROM_FILE)
    (file,) = root.glob("runs/detection/*/per_image.csv")
    table, record = pd.read_csv(file, dtype={"key": str}), read_record(root)
    columns = ["key", "class", "truth", "true_positives", "false_positives", "confidence"]
    assert list(table) == columns
    assert table.truth.sum() == record.counts["boxes"]
    for name, rows in table.groupby("class"):
        scores = record.by_class[name]
        true_positives = rows.true_positives.sum()
        predicted = true_positives + rows.false_positives.sum()
        assert true_positives / rows.truth.sum() == pytest.approx(scores["recall"])
        assert true_positives / predicted == pytest.approx(scores["precision"])


def test_the_tables_beside_the_record_agree_with_it(root):
    write_boxes(root, false_positives=3)
    run_detection(root, TASKS + FROM_FILE)
    (folder,) = root.glob("runs/detection/*")
    names = ["confusion.csv", "curves.csv", "error_types.csv", "images.csv", "per_image.csv"]
    assert [path.name for path in sorted(folder.glob("*.csv"))] == names
    curves, record = pd.read_csv(folder / "curves.csv"), read_record(root)
    for name, rows in curves[curves.iou == 0.5].groupby("class"):
        assert len(rows) == 101
        assert rows.precision.mean() == pytest.approx(record.by_class[name]["AP50"], abs=1e-12)
    confusion = pd.read_csv(folder / "confusion.csv")
    whole_split = confusion[confusion.condition == "all"]
    assert whole_split[whole_split.truth != "background"].boxes.sum() == record.counts["boxes"]
    errors = pd.read_csv(folder / "error_types.csv")
    errors = errors[errors.condition == "all"]
    for name, rows in errors.groupby("class"):
        assert set(rows.error) == set(tide_errors.ERROR_TYPES)
        for row in rows.itertuples():
            ap_lost = record.by_class[name][f"{row.error} error"]
            assert (pd.isna(row.AP50_lost) and ap_lost is None) or row.AP50_lost == ap_lost
    assert errors[errors.error == "background"].boxes.sum() == 3
    assert errors[errors.error == "missed"].boxes.sum() == 3


def test_predictions_without_low_scores_get_a_caution_on_yolov5s_ap(root, capsys):
    write_boxes(root)
    assert run_detection(root, TASKS + FROM_FILE) == 0
    assert (
        read_record(root)
        .protocol["caution: AP, YOLOv5"]
        .startswith("no box has a score below 0.01")
    )
    document = json.loads((root / "boxes.json").read_text())
    document["annotations"][0]["score"] = 0.002
    (root / "boxes.json").write_text(json.dumps(document))
    assert run_detection(root, TASKS + FROM_FILE) == 0
    assert not any(name.startswith("caution") for name in read_record(root).protocol)


def test_a_true_box_given_twice_costs_perfect_predictions_nothing(root):
    write_boxes(root)
    for path in (root / "data/m3fd/Annotation").glob("*.xml"):
        text = path.read_text()
        start, end = text.index("<object>"), text.index("</object>") + len("</object>")
        path.write_text(text[:end] + text[start:end] + text[end:])
    assert run_detection(root, TASKS + FROM_FILE) == 0
    record = read_record(root)
    assert record.values["AP50"] == pytest.approx(1.0)
    assert "test: 6 of " in record.protocol["duplicate boxes"]
    assert record.protocol["boxes beyond the edge"].startswith("0 of ")


def test_the_miss_rate_of_perfect_boxes_is_its_lower_limit(root):
    write_boxes(root)
    metrics = "    metrics: {average_precision: {}, log_average_miss_rate: {}}\n"
    assert run_detection(root, TASKS + FROM_FILE + metrics) == 0
    record = read_record(root)
    assert record.columns["LAMR"].better == "lower"
    assert record.protocol["log-average miss rate"].startswith("IoU 0.5, 9 points from 0.01 to 1")
    by_class = {name: scores["LAMR"] for name, scores in record.by_class.items()}
    assert by_class["People"] == pytest.approx(1e-10, rel=1e-6)
    assert by_class["Car"] == pytest.approx(1e-10, rel=1e-6)
    assert by_class["Bus"] is None
    assert record.by_class["Car"]["AP75"] == pytest.approx(1)


def test_ignored_boxes_are_kept_from_the_labels_to_the_record(root, monkeypatch):
    write_boxes(root)
    drop_duplicates = label_notes.drop_duplicates

    def ignore_first_box(boxes, size):
        flags = np.arange(len(boxes)) == 0
        return replace(drop_duplicates(boxes, size), ignored=flags)

    monkeypatch.setattr(label_notes, "drop_duplicates", ignore_first_box)
    assert run_detection(root, TASKS + FROM_FILE) == 0
    record = read_record(root)  # the split as it is kept on disk
    assert record.values["AP50"] == pytest.approx(1.0)
    assert record.counts == {"images": 6, "boxes": 3}  # 9 in all, one in every second image
    assert record.protocol["ignored boxes"].startswith("6 of 9 true boxes of test: neither")
    (file,) = root.glob("runs/detection/*/per_image.csv")
    table = pd.read_csv(file)
    assert (table.truth.sum(), table.false_positives.sum()) == (3, 0)


def test_a_confidence_that_truncates_curves_is_refused_before_anything_runs(root, capsys):
    assert run_detection(root, TASKS + "    predict: {confidence: 0.25}\n") == 2
    errors = capsys.readouterr().err
    assert "tasks.toy: average_precision_yolov5 with predict.confidence 0.25: expected" in errors
    assert "leave the metric out of metrics" in errors
    assert "Traceback" not in errors


def test_predictions_are_saved_in_coco_format(root):
    write_boxes(root)
    run_detection(root, TASKS + FROM_FILE)
    (file,) = root.glob("runs/predicted/*/predictions.json")
    document = json.loads(file.read_text())
    assert [image["file_name"] for image in document["images"]] == list(load_test_split(root).keys)
    assert all(row["score"] == 0.5 for row in document["annotations"])


def test_a_changed_metric_reuses_the_predictions(root):
    write_boxes(root)
    run_detection(root, TASKS + FROM_FILE)
    modified = {p: p.stat().st_mtime_ns for p in root.glob("runs/[tp]*ed/**/*")}
    assert run_detection(root, TASKS + FROM_FILE + "    metrics: {average_precision: {}}\n") == 0
    sizes = {"AP_small", "AP_medium", "AP_large"}
    assert set(read_record(root).values) == {"AP50", "AP", "AP75", "AP50_300", "AP_300", *sizes}
    assert {p: p.stat().st_mtime_ns for p in root.glob("runs/[tp]*ed/**/*")} == modified
    assert len(list(root.glob("runs/detection/*"))) == 2


def test_every_condition_has_its_own_scores(root):
    write_boxes(root)
    scenarios = [
        {"name": "day", "scene": [{"name": "0", "mode": "val", "range": [{"min": 0, "max": 502}]}]},
        {
            "name": "night",
            "scene": [{"name": "1", "mode": "val", "range": [{"min": 503, "max": 600}]}],
        },
    ]
    (root / "data/m3fd/meta/scenario.json").write_text(json.dumps(scenarios))
    assert run_detection(root, TASKS + FROM_FILE) == 0
    record = read_record(root)
    images = {name: scores.counts["images"] for name, scores in record.by_condition.items()}
    assert images == {"day": 3, "night": 3}
    assert all(s.values["AP50"] == pytest.approx(1.0) for s in record.by_condition.values())


def test_a_file_for_other_images_is_refused_before_anything_runs(root, capsys):
    write_boxes(root)
    document = json.loads((root / "boxes.json").read_text())
    document["images"].pop(0)
    document["annotations"] = [r for r in document["annotations"] if r["image_id"] != 1]
    (root / "boxes.json").write_text(json.dumps(document))
    assert run_detection(root, TASKS + FROM_FILE) == 2
    errors = capsys.readouterr().err
    assert "boxes.json: lists 5 images, but m3fd/test has 6; it lacks '500'" in errors
    assert "Traceback" not in errors


BAD_ROWS = {
    "a NaN score": (lambda row: row.update(score=float("nan")), "NaN is no finite number"),
    "a negative size": (lambda row: row["bbox"].__setitem__(2, -4), "has no area"),
    "an unknown image": (lambda row: row.update(image_id=77), "image_id 77 is none of the 6"),
    "an unknown class": (lambda row: row.update(category_id=9), "category_id 9 is none of"),
    "a box outside": (lambda row: row.update(bbox=[900, 0, 5, 5]), "lies outside the image"),
}


@pytest.mark.parametrize("name", BAD_ROWS)
def test_a_bad_box_is_refused_before_anything_runs(root, capsys, name):
    change, message = BAD_ROWS[name]
    write_boxes(root)
    document = json.loads((root / "boxes.json").read_text())
    change(document["annotations"][0])
    (root / "boxes.json").write_text(json.dumps(document))
    assert run_detection(root, TASKS + FROM_FILE) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert "Traceback" not in errors
    assert not list(root.glob("runs/predicted/*[!l]/predictions.json"))


def test_a_class_map_to_an_unknown_class_is_one_error_without_traceback(root, capsys):
    write_boxes(root)
    with_class_map = FROM_FILE.replace("}", ", class_map: {Car: Cars}}")
    assert run_detection(root, TASKS + with_class_map) == 2
    errors = capsys.readouterr().err
    assert "class_map.Car: 'Cars' is none of People, Car, Bus" in errors
    assert "Traceback" not in errors


def test_a_class_without_a_mapped_category_must_be_excluded_from_a_mean(root, capsys):
    write_boxes(root)
    with_class_map = FROM_FILE.replace("}", ", class_map: {Car: Car}}")
    assert run_detection(root, TASKS + with_class_map) == 2
    assert "options.class_map: maps nothing to People, so its AP" in capsys.readouterr().err
    without = "    without: [People, Bus, Motorcycle, Lamp, Truck]\n"
    assert run_detection(root, TASKS + with_class_map + without) == 0
    assert "Car to Car; others dropped" in read_record(root).protocol.values()
    assert list(read_record(root).subset_means) == ["without People, Bus, Motorcycle, Lamp, Truck"]


def test_a_missing_file_is_refused_before_anything_runs(root, capsys):
    assert run_detection(root, TASKS + FROM_FILE) == 2
    assert "boxes.json: no such file" in capsys.readouterr().err


TWO_SOURCES = TASKS.replace("[vis]", "[ir, vis]")


def test_one_task_compares_sources_with_a_file_each(root, capsys):
    for name, false_positives in (("ir", 3), ("vis", 0)):
        write_boxes(root, false_positives)
        (root / "boxes.json").rename(root / f"boxes-m3fd-test-{name}.json")
    file_per_source = FROM_FILE.replace("boxes.json", "'boxes-{dataset}-{split}-{source}.json'")
    assert run_detection(root, TWO_SOURCES + file_per_source) == 0
    records = {record["source"]: record for record in _load_records(root)}
    assert records["vis"]["values"]["recall"] == 1.0
    assert records["ir"]["values"]["recall"] < 1.0
    assert records["ir"]["protocol"]["predictions"].startswith("boxes-m3fd-test-ir.json (sha256 ")
    for name, record in records.items():
        sha256 = hashlib.sha256((root / f"boxes-m3fd-test-{name}.json").read_bytes()).hexdigest()
        assert record["spec"]["predicted"]["trained"]["dependencies"]["file"] == sha256
    (root / "boxes-m3fd-test-ir.json").unlink()
    assert run_detection(root, TWO_SOURCES + file_per_source) == 2
    assert "boxes-m3fd-test-ir.json: no such file" in capsys.readouterr().err


def _load_records(root):
    return [json.loads(path.read_text()) for path in root.glob("runs/detection/*/record.json")]


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "boxes.json",
            "the same file of boxes would be scored for each of the 2 sources (ir, vis)",
        ),
        ("'{sauce}.json'", "only {source}, {dataset} and {split} can be filled in"),
    ],
)
def test_one_file_for_two_sources_is_refused(root, capsys, name, message):
    write_boxes(root)
    assert run_detection(root, TWO_SOURCES + FROM_FILE.replace("boxes.json", name)) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert "{source}" in errors
    assert "Traceback" not in errors
    assert not (root / "runs").exists()
    assert run_detection(root, TWO_SOURCES + FROM_FILE, "--source", "vis") == 0


def test_a_limit_accepts_a_file_of_the_whole_split(root, capsys):
    write_boxes(root)
    assert run_detection(root, TASKS + FROM_FILE, "--limit", "2") == 0
    (record,) = _load_records(root)
    assert record["counts"]["images"] == 2
    document = json.loads((root / "boxes.json").read_text())
    document["images"].append({"id": 99, "file_name": "999"})
    (root / "boxes.json").write_text(json.dumps(document))
    assert run_detection(root, TASKS + FROM_FILE, "--limit", "2") == 2
    errors = capsys.readouterr().err
    assert "lists 7 images, but m3fd/test has 6; it has '999', which is not one of them" in errors


@pytest.mark.slow
def test_trains_predicts_and_scores(root):
    assert run_detection(root, TASKS + YOLO) == 0
    record = read_record(root)
    assert 0 <= record.values["AP50"] <= 1
    assert record.protocol["start weights"] == "scratch"
    assert record.provenance["detector"]["trained_on"]["images"] == 8
    assert record.provenance["training"]["seconds"] > 0


OFFLINE = """
import socket, sys

def refuse(*args, **kwargs):
    raise AssertionError(f"network access: {args}")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from detection.run import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_a_run_writes_nothing_outside_its_store_and_needs_no_network(root):
    (root / "tasks.yaml").write_text(TASKS + YOLO)
    folders = [root / name for name in ("home", "here", "temporary")]
    for folder in folders:
        folder.mkdir()
    changes = {"HOME": str(folders[0]), "TMPDIR": str(folders[2]), "PYTHONPATH": str(REPOSITORY)}
    inherited = {
        k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "YOLO_", "MPL", "TORCH"))
    }
    before = _ultralytics_folders(REPOSITORY)
    flags = ["--tasks", "../tasks.yaml", "--data", "../data", "--out", "../runs", "--device", "cpu"]
    process = subprocess.run(
        [sys.executable, "-B", "-W", "error::ResourceWarning", "-c", OFFLINE, *flags],
        cwd=folders[1],
        env=inherited | changes,
        capture_output=True,
        text=True,
        check=False,
    )
    assert process.returncode == 0, process.stderr
    assert [list(folder.iterdir()) for folder in folders] == [[], [], []]
    assert _ultralytics_folders(REPOSITORY) == before
    assert process.stdout.splitlines() == ["[1/1] toy-vis-seed0"]
    assert sorted(p.name for p in root.iterdir()) == [
        "data",
        "here",
        "home",
        "runs",
        "tasks.yaml",
        "temporary",
    ]


def _ultralytics_folders(folder):
    """Whether the folders that ultralytics creates beside the program exist."""
    return {name: (folder / name).exists() for name in ("datasets", "weights", "runs")}


def test_a_damaged_file_of_predicted_boxes_is_named(root, capsys):
    write_boxes(root)
    (root / "tasks.yaml").write_text(TASKS + FROM_FILE)
    assert main(["--device", "cpu"]) == 0
    (file,) = root.glob("runs/predicted/*/predictions.json")
    file.write_text("{")
    for record in root.glob("runs/detection/*"):
        record.rename(root / record.name)
    assert main(["--device", "cpu"]) == 1
    error = capsys.readouterr().err
    assert f"{file.parent.relative_to(root)}: damaged: predictions.json (1 bytes" in error
    assert "Traceback" not in error


@pytest.mark.parametrize("part", ["train", "test"])
def test_a_split_without_one_true_box_is_refused_before_training(root, capsys, part):
    (root / "tasks.yaml").write_text(TASKS + YOLO)
    keys = (root / f"data/m3fd/meta/{part}.txt").read_text().split()
    for key in keys:
        path = root / f"data/m3fd/Annotation/{key}.xml"
        start, _, _ = path.read_text().partition("<object>")
        path.write_text(f"{start.removesuffix('</annotation>')}</annotation>")
    assert main(["--tasks", "tasks.yaml", "--device", "cpu"]) == 2
    message = f"m3fd, {part}: in {len(keys)} images, there is not one true box of People"
    assert message in capsys.readouterr().err
    assert not (root / "runs/trained").exists()
