"""Detectors trained elsewhere: class maps, weights, dropped classes, from the command line too."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from pydantic import ValidationError
from safetensors.torch import save_file

from detection.models import pretrained
from detection.models.yolov5 import (
    coco_classes,
    inference,
    initial_weights,
    network,
    pretrained_network,
    ultralytics_import,
)
from fusebench import __main__
from fusebench.data.labeled_images import LabeledImages
from fusebench.datasets import m3fd, scenes
from fusebench.errors import UserError
from tests.helpers.tiny_detection_dataset import write_m3fd_folder

M3FD = m3fd.CLASSES
TO_M3FD = {
    "person": "People",
    "car": "Car",
    "bus": "Bus",
    "motorcycle": "Motorcycle",
    "truck": "Truck",
    "traffic light": "Lamp",
}
SAME = {name: name for name in M3FD}


@pytest.fixture(scope="module", autouse=True)
def ultralytics(tmp_path_factory):
    ultralytics_import.import_ultralytics(tmp_path_factory.mktemp("settings"))


@pytest.fixture(scope="module")
def coco_file(tmp_path_factory):
    """A checkpoint as ultralytics saves it: COCO's classes, YOLOv5n, weights from a seed."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "standin.pt"
    model = network.build_network("n", coco_classes.CLASSES)
    torch.save({"epoch": -1, "model": model.half(), "ema": None}, path)
    return path


def options(weights, **changes):
    return pretrained.Options(**{"weights": str(weights), "class_map": TO_M3FD} | changes)


def test_the_classes_are_cocos_in_its_order():
    from ultralytics.utils import ROOT, YAML

    listed = YAML.load(ROOT / "cfg/datasets/coco.yaml")["names"]
    assert tuple(listed[i] for i in range(80)) == coco_classes.CLASSES


def test_a_class_map_has_to_be_given():
    with pytest.raises(ValidationError, match="class_map"):
        pretrained.Options(weights="yolov5xu.pt")


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        (
            {"persn": "People"},
            "'persn' is none of the detector's 80 classes; did you mean 'person'",
        ),
        ({"person": "Person"}, "class_map.person: 'Person' is none of People, Car, Bus"),
        ({"bicycle": "Motorcycle"}, "motorcycle and bicycle are both mapped to Motorcycle"),
    ],
)
def test_a_wrong_map_is_said_in_a_sentence(changes, words):
    given = options("yolov5xu.pt", class_map=TO_M3FD | changes)
    (said,) = pretrained.config_errors(given, M3FD, "here")
    assert words in said


def test_null_takes_a_class_out_of_the_map():
    given = options("yolov5xu.pt", class_map=TO_M3FD | {"traffic light": None, "stop sign": "Lamp"})
    assert pretrained.config_errors(given, M3FD, "here") == []
    assert "stop sign to Lamp; 74 other classes dropped" in str(
        pretrained.protocol(given, pretrained.Predict())["class map"]
    )


def test_the_protocol_line_says_which_yolov5_and_how_it_was_asked():
    said = pretrained.protocol(options("yolov5xu.pt"), pretrained.Predict(nms_iou=0.6))
    assert said["model"].startswith("YOLOv5xu trained elsewhere on COCO's 80 classes (anchor-free")
    assert "not v6.0" in said["model"]
    assert said["class map"].startswith("person to People, car to Car")
    assert (said["confidence"], said["NMS IoU"], said["image size"]) == (0.001, 0.6, "640")
    assert pretrained.PROTOCOL == "zero-shot"


def test_weights_by_name_wait_for_the_download_and_a_file_is_pinned(coco_file):
    assert pretrained.dependency_hashes(options("yolov5xu.pt")) == {"weights": None}
    pin = pretrained.dependency_hashes(options(coco_file))["weights"]
    assert pin is not None
    assert len(pin) == 64
    with pytest.raises(UserError, match=r"none\.pt: no such file"):
        pretrained.dependency_hashes(options("none.pt"))


def test_what_is_fetched_is_the_checkpoint_with_its_sha(coco_file, tmp_path):
    (tmp_path / "trained").mkdir()
    pretrained.download(options(coco_file), folder=tmp_path / "trained")
    again = network.load_network(tmp_path / "trained").state_dict()
    there = initial_weights.read_checkpoint_tensors(coco_file)
    assert all(torch.equal(again[name], value.float()) for name, value in there.items())
    card = json.loads((tmp_path / "trained/model.json").read_text())
    assert (card["size"], card["sha256"]) == (
        "n",
        pretrained.dependency_hashes(options(coco_file))["weights"],
    )
    facts = json.loads((tmp_path / "trained/protocol.json").read_text())
    assert facts["weights"] == f"standin.pt (sha256 {card['sha256'][:12]})"


def test_a_name_is_downloaded_once_and_its_sha_recorded(coco_file, tmp_path, monkeypatch):
    asked = []

    def download(file):
        asked.append(Path(file).name)
        Path(file).write_bytes(coco_file.read_bytes())

    monkeypatch.setattr("ultralytics.utils.downloads.attempt_download_asset", download)
    for number in range(2):
        folder = tmp_path / f"trained/{number}"
        folder.mkdir(parents=True)
        pretrained.download(options("yolov5n.pt"), folder=folder)
        facts = json.loads((folder / "protocol.json").read_text())
        assert facts["weights"].startswith("yolov5nu.pt (sha256 ")
    assert asked == ["yolov5nu.pt"]


def refused(path, classes, words):
    with pytest.raises(UserError, match=words):
        pretrained_network.load_network(path, classes)


def test_files_that_are_not_the_detector_are_refused(coco_file, tmp_path):
    tensors = dict(initial_weights.read_checkpoint_tensors(coco_file))
    refused(
        initial_weights.PACKAGED_WEIGHTS,
        coco_classes.CLASSES,
        "tells 6 classes apart, but options.classes has 80",
    )
    refused(
        coco_file,
        coco_classes.CLASSES[::-1],
        "calls class 0 'person', but options.classes says 'toot",
    )
    bent = tensors | {"model.9.cv1.conv.weight": torch.zeros(3, 3)}
    save_file(bent, tmp_path / "bent.safetensors")
    refused(
        tmp_path / "bent.safetensors",
        coco_classes.CLASSES,
        r"model\.9\.cv1\.conv\.weight is \(3, 3\), exp",
    )
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    refused(
        tmp_path / "other.safetensors", coco_classes.CLASSES, "not a YOLOv5 detector of ultralytics"
    )
    tensors["model.0.conv.weight"] = tensors["model.0.conv.weight"] * torch.nan
    save_file(tensors, tmp_path / "nan.safetensors")
    refused(tmp_path / "nan.safetensors", coco_classes.CLASSES, "is not finite")
    (tmp_path / "text.pt").write_text("no weights")
    refused(tmp_path / "text.pt", coco_classes.CLASSES, "cannot be read safely")


def test_boxes_of_unmapped_classes_are_dropped_and_the_others_renamed():
    # one candidate per row: 4 sides, then scores of a, b, c; the data set has (c, none, a)
    candidates = [[50, 50, 20, 20, 0.1, 0.9, 0.3], [90, 90, 20, 20, 0.8, 0.0, 0.0]]
    output = torch.tensor(candidates).T[None]
    columns = [2, -1, 0]
    (rows,) = inference._suppress_non_maxima(
        inference._select_class_scores(output, columns), pretrained.Predict()
    )
    named = inference._map_to_dataset_classes(rows, columns)
    assert named[:, 5].tolist() == [2, 0, 2]
    np.testing.assert_allclose(named[:, 4], [0.8, 0.3, 0.1], rtol=1e-6)


def with_cocos_classes(tensors):
    """The packaged six-class network as one of 80 classes that also sees the others everywhere."""
    model = network.build_network("n", coco_classes.CLASSES)
    full = {}
    for name, own in model.state_dict().items():
        value = tensors[name].float()
        grown = torch.ones_like(own) if name.endswith("running_var") else torch.zeros_like(own)
        grown[tuple(slice(0, size) for size in value.shape)] = value
        full[name] = grown.to(own.dtype)
    finder = {meant: name for name, meant in TO_M3FD.items()}
    places = [coco_classes.CLASSES.index(finder[name]) for name in M3FD]
    for level in range(3):
        for part in ("weight", "bias"):
            name = f"model.24.cv3.{level}.2.{part}"
            old = tensors[name].float()
            new = torch.full_like(full[name], 9.0 if part == "bias" else 0.0)
            new[places] = 0
            new[(places, slice(0, old.shape[1])) if part == "weight" else places] = old
            full[name] = new
    model.load_state_dict(full)
    return model


def test_a_coco_detector_finds_what_the_same_network_with_the_data_sets_classes_finds(tmp_path):
    shown = scenes.load(tmp_path / "data", "test", scenes.Options(train=1, test=3))
    examples = LabeledImages({pair.key: pair.visible for pair in shown.pairs}, shown)
    tensors = initial_weights.read_safetensors(initial_weights.PACKAGED_WEIGHTS)
    model = with_cocos_classes(tensors)
    torch.save({"model": model, "ema": None}, tmp_path / "coco.pt")
    known = pretrained.Predict(confidence=0.05)
    found = []
    for name, given in (
        ("own", options("packaged", classes=M3FD, class_map=SAME, image_size=320)),
        ("coco", options(tmp_path / "coco.pt", image_size=320)),
    ):
        (tmp_path / name).mkdir()
        pretrained.download(given, folder=tmp_path / name)
        found.append(pretrained.predict(tmp_path / name, examples, given, known, device="cpu"))
    own, theirs = found
    assert sum(map(len, own.values())) > 20
    for key, boxes in own.items():
        np.testing.assert_array_equal(theirs[key].class_ids, boxes.class_ids)
        np.testing.assert_allclose(theirs[key].corners, boxes.corners, atol=0.05)
        np.testing.assert_allclose(theirs[key].scores, boxes.scores, atol=1e-4)


TASKS = """
sources: {{ir: {{kind: infrared}}, vis: {{kind: visible}}}}
tasks:
  toy:
    kind: detection
    dataset: m3fd
    data: {{split: {{rule: all}}}}
    sources: [ir, vis]
    classes: [People, Car, Bus, Motorcycle, Truck, Lamp]
    without: [Lamp]
    chosen: [image size, class map]
    model: pretrained
    options:
      weights: {weights}
      class_map: {class_map}
      image_size: 96
"""


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_m3fd_folder(tmp_path / "data/m3fd", 4, 3)
    return tmp_path


def run(root, weights, class_map=None, *changes):
    text = TASKS.format(weights=weights, class_map=json.dumps(class_map or TO_M3FD))
    (root / "tasks.yaml").write_text(text)
    return __main__.main(["--device", "cpu", *(w for c in changes for w in ("--set", c))])


def test_every_pair_is_tested_and_nothing_trained(root, coco_file):
    assert run(root, coco_file) == 0
    files = sorted((root / "runs/detection").glob("*/record.json"))
    first, second = (json.loads(file.read_text()) for file in files)
    assert [found["seed"] for found in (first, second)] == [None, None]
    assert first["counts"]["images"] == 7
    assert list(first["by_class"]) == ["People", "Car", "Bus", "Motorcycle", "Truck", "Lamp"]
    assert set(first["other_means"]) == {"without Lamp"}
    said = first["protocol"]
    assert said["protocol"] == "zero-shot"
    assert said["images"] == "7 test"
    assert said["split"] == "all pairs"
    assert said["chosen"] == "image size, class map"
    assert "standin.pt (sha256 " in said["weights"]
    assert first["made"]["detector"]["sha256"][:12] in said["weights"]
    assert len(list((root / "runs/trained").iterdir())) == 1
    text = (root / "report/report.md").read_text()
    head = (
        "| source | People | Car | Bus | Motorcycle | Truck | Lamp | mAP@.5 without Lamp | mAP@.5 |"
    )
    assert head in text
    assert "chosen: image size, class map" in text


@pytest.mark.parametrize(
    ("class_map", "changes", "words"),
    [
        ({"persn": "People"}, [], "'persn' is none of the detector's 80 classes"),
        ({"person": "Persons"}, [], "'Persons' is none of People, Car, Bus"),
        ({"bicycle": "Motorcycle"}, [], "are both mapped to Motorcycle"),
        ({"truck": None}, [], "maps nothing to Truck, so its AP would be 0"),
        ({}, ["tasks.toy.train_on=vis"], "train_on: vis, but nothing is trained by model pretr"),
        ({}, ["tasks.toy.train_on=thermal"], "train_on: no source is called 'thermal'"),
        ({}, ["tasks.toy.classes=[Person]"], "classes: 'Person' is none of m3fd's classes"),
        ({}, ["tasks.toy.without=[Lamps]"], "without: 'Lamps' is none of m3fd's classes"),
        ({}, ["tasks.toy.model=yolov5", "tasks.toy.options={}"], "leaves none to train on"),
        ({}, ["tasks.toy.options.weights=none.pt"], "none.pt: no such file"),
        ({}, ["tasks.toy.options.classes=[person, car]"], "'bus' is none of the detector's 2"),
    ],
)
def test_a_wrong_task_is_one_error_and_nothing_runs(
    root, coco_file, capsys, class_map, changes, words
):
    assert run(root, coco_file, TO_M3FD | class_map, *changes) == 2
    said = capsys.readouterr().err
    assert words in said
    assert "Traceback" not in said
    assert not (root / "runs").exists()


def test_a_file_that_is_no_such_detector_stops_everything_before_it_begins(root, capsys):
    save_file({"a": torch.zeros(1)}, root / "other.safetensors")
    for weights, words in (
        (root / "other.safetensors", "not a YOLOv5 detector of ultralytics"),
        ("packaged", "tells 6 classes apart, but options.classes has 80"),
    ):
        assert run(root, weights) == 2
        assert words in capsys.readouterr().err
        assert not (root / "runs/predicted").exists()
        assert not (root / "runs/trained").exists()
