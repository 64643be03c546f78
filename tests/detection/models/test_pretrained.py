"""Pretrained detectors: class maps, weights and dropped classes, also from the command line."""

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
from fusebench.data.split_builder import load_split
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
IDENTITY = {name: name for name in M3FD}


@pytest.fixture(scope="module", autouse=True)
def ultralytics(tmp_path_factory):
    ultralytics_import.import_ultralytics(tmp_path_factory.mktemp("settings"))


@pytest.fixture(scope="module")
def coco_file(tmp_path_factory):
    """Write a checkpoint as ultralytics does: YOLOv5n, COCO's classes, random weights."""
    torch.manual_seed(0)
    path = tmp_path_factory.mktemp("weights") / "standin.pt"
    model = network.build_network("n", coco_classes.CLASSES)
    torch.save({"epoch": -1, "model": model.half(), "ema": None}, path)
    return path


def make_options(weights, **changes):
    return pretrained.Options(**{"weights": str(weights), "class_map": TO_M3FD} | changes)


def test_the_classes_are_ultralytics_coco_classes_in_order():
    from ultralytics.utils import ROOT, YAML

    names = YAML.load(ROOT / "cfg/datasets/coco.yaml")["names"]
    assert tuple(names[i] for i in range(80)) == coco_classes.CLASSES


def test_a_class_map_is_required():
    with pytest.raises(ValidationError, match="class_map"):
        pretrained.Options(weights="yolov5xu.pt")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (
            {"persn": "People"},
            "'persn' is none of the detector's 80 classes; did you mean 'person'",
        ),
        ({"person": "Person"}, "class_map.person: 'Person' is none of People, Car, Bus"),
        ({"bicycle": "Motorcycle"}, "motorcycle and bicycle are both mapped to Motorcycle"),
    ],
)
def test_a_wrong_class_map_is_one_error(changes, message):
    options = make_options("yolov5xu.pt", class_map=TO_M3FD | changes)
    (error,) = pretrained.config_errors(options, M3FD, "here")
    assert message in error


def test_null_removes_a_class_from_the_map():
    class_map = TO_M3FD | {"traffic light": None, "stop sign": "Lamp"}
    options = make_options("yolov5xu.pt", class_map=class_map)
    assert pretrained.config_errors(options, M3FD, "here") == []
    protocol = pretrained.protocol(options, pretrained.Predict())
    assert "stop sign to Lamp; 74 other classes dropped" in str(protocol["class map"])


def test_the_protocol_names_the_network_class_map_and_prediction_options():
    protocol = pretrained.protocol(make_options("yolov5xu.pt"), pretrained.Predict(nms_iou=0.6))
    assert protocol["model"].startswith("YOLOv5xu pretrained on COCO's 80 classes (anchor-free")
    assert "not v6.0" in protocol["model"]
    assert protocol["class map"].startswith("person to People, car to Car")
    names = ("confidence", "NMS IoU", "image size")
    assert [protocol[name] for name in names] == [0.001, 0.6, "640"]
    assert pretrained.PROTOCOL == "zero-shot"


def test_a_weights_file_is_in_the_spec_by_sha256_and_a_release_name_is_not(coco_file):
    assert pretrained.dependency_hashes(make_options("yolov5xu.pt")) == {"weights": None}
    sha256 = pretrained.dependency_hashes(make_options(coco_file))["weights"]
    assert sha256 is not None
    assert len(sha256) == 64
    with pytest.raises(UserError, match=r"none\.pt: no such file"):
        pretrained.dependency_hashes(make_options("none.pt"))


def test_download_writes_the_weights_of_the_checkpoint_and_their_sha256(coco_file, tmp_path):
    (tmp_path / "trained").mkdir()
    pretrained.download(make_options(coco_file), folder=tmp_path / "trained")
    written = network.load_network(tmp_path / "trained").state_dict()
    expected = initial_weights.read_weights_file(coco_file)[0]
    assert all(torch.equal(written[name], value.float()) for name, value in expected.items())
    model_info = json.loads((tmp_path / "trained/model.json").read_text())
    sha256 = pretrained.dependency_hashes(make_options(coco_file))["weights"]
    assert (model_info["size"], model_info["sha256"]) == ("n", sha256)
    protocol = json.loads((tmp_path / "trained/protocol.json").read_text())
    assert protocol["weights"] == f"standin.pt (sha256 {sha256[:12]})"


def test_a_release_is_downloaded_once_and_its_sha256_is_in_the_protocol(
    coco_file, tmp_path, monkeypatch
):
    downloads = []

    def download(file):
        downloads.append(Path(file).name)
        Path(file).write_bytes(coco_file.read_bytes())

    monkeypatch.setattr("ultralytics.utils.downloads.attempt_download_asset", download)
    for number in range(2):
        folder = tmp_path / f"trained/{number}"
        folder.mkdir(parents=True)
        pretrained.download(make_options("yolov5n.pt"), folder=folder)
        protocol = json.loads((folder / "protocol.json").read_text())
        assert protocol["weights"].startswith("yolov5nu.pt (sha256 ")
    assert downloads == ["yolov5nu.pt"]


def assert_refused(path, classes, message):
    with pytest.raises(UserError, match=message):
        pretrained_network.load_network(path, classes)


def test_files_that_are_not_the_detector_are_refused(coco_file, tmp_path):
    tensors = dict(initial_weights.read_weights_file(coco_file)[0])
    assert_refused(
        initial_weights.PACKAGED_WEIGHTS,
        coco_classes.CLASSES,
        "the detector has 6 classes, but options.classes has 80",
    )
    assert_refused(
        coco_file,
        coco_classes.CLASSES[::-1],
        "class 0 is 'person', but 'toothbrush' in options.classes",
    )
    wrong_shape = tensors | {"model.9.cv1.conv.weight": torch.zeros(3, 3)}
    save_file(wrong_shape, tmp_path / "shape.safetensors")
    assert_refused(
        tmp_path / "shape.safetensors",
        coco_classes.CLASSES,
        r"model\.9\.cv1\.conv\.weight is \(3, 3\), exp",
    )
    save_file({"a": torch.zeros(1)}, tmp_path / "other.safetensors")
    assert_refused(
        tmp_path / "other.safetensors", coco_classes.CLASSES, "not a YOLOv5 detector of ultralytics"
    )
    tensors["model.0.conv.weight"] = tensors["model.0.conv.weight"] * torch.nan
    save_file(tensors, tmp_path / "nan.safetensors")
    assert_refused(tmp_path / "nan.safetensors", coco_classes.CLASSES, "is not finite")
    (tmp_path / "text.pt").write_text("no weights")
    assert_refused(tmp_path / "text.pt", coco_classes.CLASSES, "cannot be read as weights")


def test_boxes_of_unmapped_classes_are_dropped_and_the_others_mapped():
    # one candidate per row: 4 sides, then scores of a, b, c; the data set has (c, none, a)
    candidates = [[50, 50, 20, 20, 0.1, 0.9, 0.3], [90, 90, 20, 20, 0.8, 0.0, 0.0]]
    output = torch.tensor(candidates).T[None]
    columns = [2, -1, 0]
    (rows,) = inference._suppress_non_maxima(
        inference._select_class_scores(output, columns), pretrained.Predict()
    )
    mapped = inference._map_to_dataset_classes(rows, columns)
    assert mapped[:, 5].tolist() == [2, 0, 2]
    np.testing.assert_allclose(mapped[:, 4], [0.8, 0.3, 0.1], rtol=1e-6)


def extend_to_coco_classes(tensors):
    """Extend the packaged six-class network to 80 classes; the new ones score high everywhere."""
    model = network.build_network("n", coco_classes.CLASSES)
    extended = {}
    for name, initial in model.state_dict().items():
        value = tensors[name].float()
        is_variance = name.endswith("running_var")
        padded = torch.ones_like(initial) if is_variance else torch.zeros_like(initial)
        padded[tuple(slice(0, size) for size in value.shape)] = value
        extended[name] = padded.to(initial.dtype)
    mapped_from = {target: name for name, target in TO_M3FD.items()}
    class_ids = [coco_classes.CLASSES.index(mapped_from[name]) for name in M3FD]
    for level in range(3):
        for part in ("weight", "bias"):
            name = f"model.24.cv3.{level}.2.{part}"
            old = tensors[name].float()
            new = torch.full_like(extended[name], 9.0 if part == "bias" else 0.0)
            new[class_ids] = 0
            index = (class_ids, slice(0, old.shape[1])) if part == "weight" else class_ids
            new[index] = old
            extended[name] = new
    model.load_state_dict(extended)
    return model


def test_a_coco_detector_predicts_the_boxes_of_the_same_network_without_the_other_classes(tmp_path):
    split = load_split(scenes.load, tmp_path / "data", "test", scenes.Options(train=1, test=3))
    examples = LabeledImages({pair.key: pair.visible for pair in split.pairs}, split)
    tensors = initial_weights.read_weights_file(initial_weights.PACKAGED_WEIGHTS)[0]
    model = extend_to_coco_classes(tensors)
    torch.save({"model": model, "ema": None}, tmp_path / "coco.pt")
    predict_options = pretrained.Predict(confidence=0.05)
    predictions = []
    for name, options in (
        ("own", make_options("packaged", classes=M3FD, class_map=IDENTITY, image_size=320)),
        ("coco", make_options(tmp_path / "coco.pt", image_size=320)),
    ):
        (tmp_path / name).mkdir()
        pretrained.download(options, folder=tmp_path / name)
        predictions.append(
            pretrained.predict(tmp_path / name, examples, options, predict_options, device="cpu")
        )
    own, coco = predictions
    assert sum(map(len, own.values())) > 20
    for key, boxes in own.items():
        np.testing.assert_array_equal(coco[key].class_ids, boxes.class_ids)
        np.testing.assert_allclose(coco[key].corners, boxes.corners, atol=0.05)
        np.testing.assert_allclose(coco[key].scores, boxes.scores, atol=1e-4)


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


def run_fusebench(root, weights, class_map=None, *overrides):
    text = TASKS.format(weights=weights, class_map=json.dumps(class_map or TO_M3FD))
    (root / "tasks.yaml").write_text(text)
    flags = [flag for override in overrides for flag in ("--set", override)]
    return __main__.main(["--device", "cpu", *flags])


def test_a_pretrained_detector_is_tested_on_every_pair_without_training(root, coco_file):
    assert run_fusebench(root, coco_file) == 0
    files = sorted((root / "runs/detection").glob("*/record.json"))
    first, second = (json.loads(file.read_text()) for file in files)
    assert [record["seed"] for record in (first, second)] == [None, None]
    assert first["counts"]["images"] == 7
    assert list(first["by_class"]) == ["People", "Car", "Bus", "Motorcycle", "Truck", "Lamp"]
    assert set(first["subset_means"]) == {"without Lamp"}
    protocol = first["protocol"]
    assert protocol["protocol"] == "zero-shot"
    assert protocol["images"] == "7 test"
    assert protocol["split"] == "all pairs"
    assert protocol["chosen"] == "image size, class map"
    assert "standin.pt (sha256 " in protocol["weights"]
    assert first["provenance"]["detector"]["sha256"][:12] in protocol["weights"]
    assert len(list((root / "runs/trained").iterdir())) == 1
    text = (root / "report/report.md").read_text()
    header = (
        "| source | People | Car | Bus | Motorcycle | Truck | Lamp | mAP@.5 without Lamp | mAP@.5 |"
    )
    assert header in text
    assert "chosen: image size, class map" in text


@pytest.mark.parametrize(
    ("class_map", "overrides", "message"),
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
def test_a_wrong_task_is_one_error_before_anything_runs(
    root, coco_file, capsys, class_map, overrides, message
):
    assert run_fusebench(root, coco_file, TO_M3FD | class_map, *overrides) == 2
    errors = capsys.readouterr().err
    assert message in errors
    assert "Traceback" not in errors
    assert not (root / "runs").exists()


def test_weights_of_another_detector_are_an_error_before_anything_runs(root, capsys):
    save_file({"a": torch.zeros(1)}, root / "other.safetensors")
    for weights, message in (
        (root / "other.safetensors", "not a YOLOv5 detector of ultralytics"),
        ("packaged", "the detector has 6 classes, but options.classes has 80"),
    ):
        assert run_fusebench(root, weights) == 2
        assert message in capsys.readouterr().err
        assert not (root / "runs/predicted").exists()
        assert not (root / "runs/trained").exists()
