"""The detection program from task file to record, on a toy in M3FD's tree."""

import hashlib
import json
import os
import subprocess
import sys

import pandas as pd
import pytest

from detection import tide_errors
from detection.run import main
from fusebench.config import schema
from fusebench.data.boxes import to_coco
from fusebench.data.splits import ListRule
from fusebench.datasets import m3fd
from fusebench.experiments import plan
from fusebench.storage.store import Store
from tests.helpers.paths import REPOSITORY
from tests.helpers.tiny_detection_dataset import write_m3fd_folder

ROOT = REPOSITORY
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
FIXED = "    model: from_file\n    options: {file: boxes.json}\n"
YOLO = """
    options: {image_size: 64, epochs: 1, batch: 4, nominal_batch: 4, warmup_epochs: 0}
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_m3fd_folder(tmp_path / "data/m3fd", 8, 6)
    return tmp_path


def truth(root):
    return m3fd.load(root / "data", "test", m3fd.Options(split=ListRule()))


def write_boxes(root, wrong=0):
    """The true boxes as predictions; ``wrong`` of them are moved away and surer."""
    split = truth(root)
    document = to_coco(
        {pair.key: pair.boxes for pair in split.pairs},
        split.classes,
        {pair.key: pair.size for pair in split.pairs},
    )
    for number, row in enumerate(document["annotations"]):
        row["score"] = 0.9 if number < wrong else 0.5
        row["bbox"][0] = 0 if number < wrong else row["bbox"][0]
        row["bbox"][2] = 3 if number < wrong else row["bbox"][2]
    (root / "boxes.json").write_text(json.dumps(document))


def run(root, text, *more):
    (root / "tasks.yaml").write_text(text)
    return main(["--tasks", "tasks.yaml", "--device", "cpu", *more])


def record(root):
    found = plan.build_plan(
        schema.load_task_file(root / "tasks.yaml"), ["toy"], root / "data", root
    )
    (cell,) = found.runs
    return cell.read_record(Store(root / "runs"))


def test_perfect_boxes_score_one(root):
    write_boxes(root)
    assert run(root, TASKS + FIXED) == 0
    found = record(root)
    lost = {name: score for name, score in found.values.items() if name.endswith(" error")}
    assert lost == dict.fromkeys(lost, 0.0)
    sizes = {"AP_small": 1.0, "AP_medium": None, "AP_large": None}
    names = ("AP50", "AP", "AP50_300", "AP_300", *sizes, "precision", "recall", "F1")
    closed = {"AP50_yolov5": 0.995, "AP_yolov5": 0.995}  # YOLOv5's AP never reaches 1
    assert found.values == pytest.approx(dict.fromkeys(names, 1.0) | sizes | closed | lost)
    assert found.by_class["Bus"] == dict.fromkeys(found.values)
    split = truth(root)
    assert found.counts == {"images": 6, "boxes": sum(len(p.boxes) for p in split.pairs)}
    assert found.protocol["images"] == "8 train / 6 test"
    assert found.protocol["AP"].startswith("COCO")


def test_the_table_per_image_adds_up_to_the_record(root):
    write_boxes(root, wrong=3)
    run(root, TASKS + FIXED)
    (file,) = root.glob("runs/detection/*/per_image.csv")
    table, found = pd.read_csv(file, dtype={"key": str}), record(root)
    assert list(table) == ["key", "class", "truth", "true_positives", "false_positives", "confidence"]
    assert table.truth.sum() == found.counts["boxes"]
    for name, mine in table.groupby("class"):
        recall, precision = (found.by_class[name][m] for m in ("recall", "precision"))
        assert mine.true_positives.sum() / mine.truth.sum() == pytest.approx(recall)
        assert mine.true_positives.sum() / (mine.true_positives + mine.false_positives).sum() == pytest.approx(precision)


def test_tables_lie_beside_the_record(root):
    write_boxes(root, wrong=3)
    run(root, TASKS + FIXED)
    (folder,) = root.glob("runs/detection/*")
    names = ["confusion.csv", "curves.csv", "error_types.csv", "images.csv", "per_image.csv"]
    assert [path.name for path in sorted(folder.glob("*.csv"))] == names
    curves, found = pd.read_csv(folder / "curves.csv"), record(root)
    for name, mine in curves[curves.iou == 0.5].groupby("class"):
        assert len(mine) == 101
        assert mine.precision.mean() == pytest.approx(found.by_class[name]["AP50"], abs=1e-12)
    counts = pd.read_csv(folder / "confusion.csv")
    everywhere = counts[counts.condition == "all"]
    assert everywhere[everywhere.truth != "background"].boxes.sum() == found.counts["boxes"]
    wrong = pd.read_csv(folder / "error_types.csv")
    for name, mine in wrong[wrong.condition == "all"].groupby("class"):
        assert set(mine.error) == set(tide_errors.ERROR_TYPES)
        for row in mine.itertuples():
            lost = found.by_class[name][f"{row.error} error"]
            assert (pd.isna(row.AP50_lost) and lost is None) or row.AP50_lost == lost
    assert wrong[(wrong.condition == "all") & (wrong.error == "background")].boxes.sum() == 3
    assert wrong[(wrong.condition == "all") & (wrong.error == "missed")].boxes.sum() == 3


def test_boxes_that_were_cut_off_are_named_beside_yolov5s_precision(root, capsys):
    write_boxes(root)
    assert run(root, TASKS + FIXED) == 0
    assert record(root).protocol["caution: AP, YOLOv5"].startswith("no box has a score below 0.01")
    document = json.loads((root / "boxes.json").read_text())
    document["annotations"][0]["score"] = 0.002
    (root / "boxes.json").write_text(json.dumps(document))
    assert run(root, TASKS + FIXED) == 0
    assert not any(name.startswith("caution") for name in record(root).protocol)


def test_a_confidence_that_cuts_curves_off_is_refused_before_anything_runs(root, capsys):
    assert run(root, TASKS + "    predict: {confidence: 0.25}\n") == 2
    said = capsys.readouterr().err
    assert "tasks.toy: average_precision_yolov5 with predict.confidence 0.25: expected" in said
    assert "leave the metric out of metrics" in said
    assert "Traceback" not in said


def test_predictions_are_saved_in_cocos_form(root):
    write_boxes(root)
    run(root, TASKS + FIXED)
    (file,) = root.glob("runs/predicted/*/predictions.json")
    document = json.loads(file.read_text())
    assert [image["file_name"] for image in document["images"]] == list(truth(root).keys)
    assert all(row["score"] == 0.5 for row in document["annotations"])


def test_a_changed_metric_scores_again_and_predicts_nothing_again(root):
    write_boxes(root)
    run(root, TASKS + FIXED)
    before = {p: p.stat().st_mtime_ns for p in root.glob("runs/[tp]*ed/**/*")}
    assert run(root, TASKS + FIXED + "    metrics: {average_precision: {}}\n") == 0
    sizes = {"AP_small", "AP_medium", "AP_large"}
    assert set(record(root).values) == {"AP50", "AP", "AP50_300", "AP_300", *sizes}
    assert {p: p.stat().st_mtime_ns for p in root.glob("runs/[tp]*ed/**/*")} == before
    assert len(list(root.glob("runs/detection/*"))) == 2


def test_scores_are_given_for_every_condition(root):
    write_boxes(root)
    scenes = [
        {"name": "day", "scene": [{"name": "0", "mode": "val", "range": [{"min": 0, "max": 502}]}]},
        {
            "name": "night",
            "scene": [{"name": "1", "mode": "val", "range": [{"min": 503, "max": 600}]}],
        },
    ]
    (root / "data/m3fd/meta/scenario.json").write_text(json.dumps(scenes))
    assert run(root, TASKS + FIXED) == 0
    found = record(root)
    assert {s: part.counts["images"] for s, part in found.by_condition.items()} == {
        "day": 3,
        "night": 3,
    }
    assert all(part.values["AP50"] == pytest.approx(1.0) for part in found.by_condition.values())


def test_a_file_that_does_not_fit_is_found_before_anything_runs(root, capsys):
    write_boxes(root)
    document = json.loads((root / "boxes.json").read_text())
    document["images"].pop(0)
    document["annotations"] = [r for r in document["annotations"] if r["image_id"] != 1]
    (root / "boxes.json").write_text(json.dumps(document))
    assert run(root, TASKS + FIXED) == 2
    said = capsys.readouterr().err
    assert "boxes.json: lists 5 images, but m3fd/test has 6; it lacks '500'" in said
    assert "Traceback" not in said


BAD = {
    "a NaN score": (lambda row: row.update(score=float("nan")), "got nan"),
    "a negative size": (lambda row: row["bbox"].__setitem__(2, -4), "has no area"),
    "an unknown image": (lambda row: row.update(image_id=77), "image_id 77 is none of the 6"),
    "a class that is none": (lambda row: row.update(category_id=9), "category_id 9 is none of"),
    "a box outside": (lambda row: row.update(bbox=[900, 0, 5, 5]), "lies outside the image"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_box_is_found_before_anything_runs(root, capsys, name):
    change, message = BAD[name]
    write_boxes(root)
    document = json.loads((root / "boxes.json").read_text())
    change(document["annotations"][0])
    (root / "boxes.json").write_text(json.dumps(document))
    assert run(root, TASKS + FIXED) == 2
    said = capsys.readouterr().err
    assert message in said
    assert "Traceback" not in said
    assert not list(root.glob("runs/predicted/*[!l]/predictions.json"))


def test_a_class_map_that_names_no_class_fails_in_one_sentence(root, capsys):
    write_boxes(root)
    mapped = FIXED.replace("}", ", class_map: {Car: Cars}}")
    assert run(root, TASKS + mapped) == 2
    said = capsys.readouterr().err
    assert "class_map.Car: 'Cars' is none of People, Car, Bus" in said
    assert "Traceback" not in said


def test_a_class_that_no_category_of_a_file_is_mapped_to_has_to_be_left_out_of_a_mean(root, capsys):
    write_boxes(root)
    mapped = FIXED.replace("}", ", class_map: {Car: Car}}")
    assert run(root, TASKS + mapped) == 2
    assert "options.class_map: maps nothing to People, so its AP" in capsys.readouterr().err
    others = "    without: [People, Bus, Motorcycle, Lamp, Truck]\n"
    assert run(root, TASKS + mapped + others) == 0
    assert "Car to Car; others dropped" in record(root).protocol.values()
    assert list(record(root).other_means) == ["without People, Bus, Motorcycle, Lamp, Truck"]


def test_a_missing_file_is_found_before_anything_runs(root, capsys):
    assert run(root, TASKS + FIXED) == 2
    assert "boxes.json: no such file" in capsys.readouterr().err


BOTH = TASKS.replace("[vis]", "[ir, vis]")


def test_with_a_file_per_source_sources_are_compared_in_one_task(root, capsys):
    for name, wrong in (("ir", 3), ("vis", 0)):
        write_boxes(root, wrong)
        (root / "boxes.json").rename(root / f"boxes-m3fd-test-{name}.json")
    names = FIXED.replace("boxes.json", "'boxes-{dataset}-{split}-{source}.json'")
    assert run(root, BOTH + names) == 0
    found = {f["source"]: f for f in map(json.loads, _texts(root, "runs/detection/*/record.json"))}
    assert found["vis"]["values"]["recall"] == 1.0
    assert found["ir"]["values"]["recall"] < 1.0
    assert found["ir"]["protocol"]["predictions"].startswith("boxes-m3fd-test-ir.json (sha256 ")
    for name, record in found.items():
        pinned = hashlib.sha256((root / f"boxes-m3fd-test-{name}.json").read_bytes()).hexdigest()
        assert record["spec"]["predicted"]["trained"]["pins"]["file"] == pinned
    (root / "boxes-m3fd-test-ir.json").unlink()
    assert run(root, BOTH + names) == 2
    assert "boxes-m3fd-test-ir.json: no such file" in capsys.readouterr().err


def _texts(root, pattern):
    return [path.read_text() for path in root.glob(pattern)]


@pytest.mark.parametrize(
    ("name", "words"),
    [
        (
            "boxes.json",
            "the same file of boxes would be scored for each of the 2 sources (ir, vis)",
        ),
        ("'{sauce}.json'", "only {source}, {dataset} and {split} can be filled in"),
    ],
)
def test_a_file_for_two_sources_has_to_say_whose_it_is(root, capsys, name, words):
    write_boxes(root)
    assert run(root, BOTH + FIXED.replace("boxes.json", name)) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "{source}" in said
    assert "Traceback" not in said
    assert not (root / "runs").exists()
    assert run(root, BOTH + FIXED, "--source", "vis") == 0


def test_a_limit_takes_its_images_from_a_file_of_all(root, capsys):
    write_boxes(root)
    assert run(root, TASKS + FIXED, "--limit", "2") == 0
    (text,) = _texts(root, "runs/detection/*/record.json")
    assert json.loads(text)["counts"]["images"] == 2
    document = json.loads((root / "boxes.json").read_text())
    document["images"].append({"id": 99, "file_name": "999"})
    (root / "boxes.json").write_text(json.dumps(document))
    assert run(root, TASKS + FIXED, "--limit", "2") == 2
    said = capsys.readouterr().err
    assert "lists 7 images, but m3fd/test has 6; it has '999', which is not one of them" in said


@pytest.mark.slow
def test_trains_predicts_and_scores(root):
    assert run(root, TASKS + YOLO) == 0
    found = record(root)
    assert 0 <= found.values["AP50"] <= 1
    assert found.protocol["start weights"] == "scratch"
    assert found.provenance["detector"]["trained_on"]["images"] == 8
    assert found.provenance["training"]["seconds"] > 0


OFFLINE = """
import socket, sys

def refuse(*args, **kwargs):
    raise AssertionError(f"asked for the network: {args}")

socket.socket.connect = socket.socket.connect_ex = socket.getaddrinfo = refuse
from detection.run import main
sys.exit(main(sys.argv[1:]))
"""


@pytest.mark.slow
def test_writes_nothing_outside_its_folder_and_asks_no_network(root):
    (root / "tasks.yaml").write_text(TASKS + YOLO)
    places = [root / name for name in ("home", "here", "temporary")]
    for place in places:
        place.mkdir()
    changes = {"HOME": str(places[0]), "TMPDIR": str(places[2]), "PYTHONPATH": str(ROOT)}
    keep = {
        k: v for k, v in os.environ.items() if not k.startswith(("XDG_", "YOLO_", "MPL", "TORCH"))
    }
    before = _files(ROOT)
    flags = ["--tasks", "../tasks.yaml", "--data", "../data", "--out", "../runs", "--device", "cpu"]
    done = subprocess.run(
        [sys.executable, "-B", "-W", "error::ResourceWarning", "-c", OFFLINE, *flags],
        cwd=places[1],
        env=keep | changes,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert [list(place.iterdir()) for place in places] == [[], [], []]
    assert _files(ROOT) == before
    assert done.stdout.splitlines() == ["[1/1] toy-vis-seed0"]
    assert sorted(p.name for p in root.iterdir()) == [
        "data",
        "here",
        "home",
        "runs",
        "tasks.yaml",
        "temporary",
    ]


def _files(folder):
    """The folders that ultralytics would like to make beside the program."""
    return {name: (folder / name).exists() for name in ("datasets", "weights", "runs")}
