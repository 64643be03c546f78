"""A model trained on one source and tested on every source; detection and segmentation."""

import json

import pytest
from safetensors.torch import save_file

import detection.run
from detection.models.yolov5 import network, ultralytics_import
from fusebench import __main__, cli
from fusebench.config import schema
from fusebench.experiments import plan, runner, sources
from fusebench.storage import hashing
from fusebench.storage.store import Store
from tests.helpers import tiny_segmentation_dataset
from tests.helpers.tiny_detection_dataset import write_m3fd_folder

SOURCES = """
sources:
  ir: {kind: infrared}
  vis: {kind: visible}
  both: {kind: method, method: average}
"""
DETECTION = (
    SOURCES
    + """
tasks:
  own: {kind: detection, dataset: m3fd, data: {split: {rule: lists}}, sources: [ir, vis]}
  shift:
    kind: detection
    dataset: m3fd
    data: {split: {rule: lists}}
    sources: [ir, vis, both]
    train_on: visible
    chosen: [all of it]
"""
)
SEGMENTATION = (
    SOURCES
    + """
tasks:
  own: {kind: segmentation, dataset: fmb, sources: [ir, vis]}
  shift: {kind: segmentation, dataset: fmb, sources: [ir, both], train_on: ir, seeds: [0, 4]}
"""
)


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_m3fd_folder(tmp_path / "data/m3fd", 4, 3)
    tiny_segmentation_dataset.write_fmb_folder(tmp_path / "data")
    return tmp_path


def cells(root, text):
    (root / "tasks.yaml").write_text(text)
    file = schema.load_task_file(root / "tasks.yaml")
    return {
        cell.label: cell
        for cell in plan.build_plan(file, list(file.tasks), root / "data", root).runs
    }


def trained(cell):
    return cell.trained_label, hashing.content_hash(cell.specs["trained"])


def test_every_source_shares_the_folder_that_the_retrained_cell_has(root):
    found = cells(root, DETECTION)
    shared = {trained(found[f"shift-{name}-seed0"]) for name in ("ir", "vis", "both")}
    assert shared == {trained(found["own-vis-seed0"])}
    assert trained(found["own-ir-seed0"]) not in shared


def test_only_the_source_that_was_trained_on_shares_predictions_and_no_record_is_shared(root):
    found = cells(root, DETECTION)
    predicted = {
        label: hashing.content_hash(cell.specs["predicted"]) for label, cell in found.items()
    }
    assert predicted["shift-vis-seed0"] == predicted["own-vis-seed0"]
    assert len(set(predicted.values())) == 4
    assert len({hashing.content_hash(cell.specs["record"]) for cell in found.values()}) == 5


def test_the_protocol_says_what_was_trained_on(root):
    found = cells(root, DETECTION)
    assert found["own-vis-seed0"].protocol()["protocol"] == "retrained"
    said = found["shift-both-seed0"].protocol()
    assert (said["protocol"], said["chosen"]) == ("trained on visible", "all of it")
    assert said["images"] == "4 train / 3 test"
    assert "chosen" not in found["own-vis-seed0"].protocol()


def test_the_training_images_are_those_of_the_one_source(root, monkeypatch):
    (cell,) = [c for c in cells(root, SEGMENTATION).values() if c.label == "shift-both-seed4"]
    shown = []
    this = runner.prepare_run(cell)
    monkeypatch.setattr(this.model, "train", lambda examples, *_, **__: shown.append(examples))
    runner.get_or_train_model(this, Store(root / "runs"), "cpu")
    (examples,) = shown
    assert examples.images == {pair.key: pair.infrared for pair in cell.train.pairs}
    assert not (root / "runs/fused").exists()


def test_only_images_that_are_needed_are_fused(root, capsys):
    (root / "tasks.yaml").write_text(DETECTION)
    assert __main__.main(["--plan"]) == 0
    said = capsys.readouterr().out
    assert "m3fd-test-average" in said
    assert "m3fd-train-average" not in said


def test_a_source_of_the_kind_that_train_on_names_is_found_under_its_own_name(root):
    for word in ("visible", "vis"):
        found = cells(root, DETECTION.replace("train_on: visible", f"train_on: {word}"))
        assert found["shift-ir-seed0"].train_on == ("vis", schema.SensorSource(kind="visible"))


def test_the_source_flag_leaves_what_is_trained_on_alone(root):
    (root / "tasks.yaml").write_text(DETECTION)
    args = cli.build_parser("toy", "").parse_args(["--task", "shift", "--source", "fused"])
    (cell,) = cli.build_plan_from_args(args, ("detection",), draw=False).runs
    assert (cell.source_name, cell.training_source[0]) == ("both", "vis")
    assert (
        sources.build_source_spec(cell.required_images[0][0], cell.train_split, root)["kind"]
        == "visible"
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (
            "tasks.shift.train_on=thermal",
            "shift.train_on: no source is called 'thermal' (known: ir",
        ),
        ("tasks.shift.train_on=[ir]", "train_on: Input should be a valid string"),
        (
            "tasks.shift.model=from_file",
            "train_on: visible, but nothing is trained by model from_file",
        ),
    ],
)
def test_a_wrong_train_on_is_one_error_and_nothing_runs(root, capsys, change, words):
    (root / "tasks.yaml").write_text(DETECTION)
    (root / "boxes.json").write_text("{}")
    options = ["--set", "tasks.shift.options={file: boxes.json}"] if "from_file" in change else []
    assert __main__.main(["--set", change, *options]) == 2
    said = capsys.readouterr().err
    assert words in said
    assert not (root / "runs").exists()


def test_start_weights_that_do_not_fit_stop_everything_before_it_begins(root, capsys):
    ultralytics_import.import_ultralytics(root / "settings")
    tensors = network.build_network("s", ["a"]).state_dict()
    save_file({name: value.contiguous() for name, value in tensors.items()}, "s.safetensors")
    (root / "tasks.yaml").write_text(DETECTION)
    where = ["--set", "tasks.own.start_weights=s.safetensors"]
    assert detection.run.main(["--device", "cpu", "--task", "own", *where]) == 2
    assert "tensors fit this network" in capsys.readouterr().err
    assert not (root / "runs/trained").exists()


@pytest.mark.slow
def test_one_training_serves_every_source(root):
    recipe = "{image_size: 64, epochs: 1, batch: 4, nominal_batch: 4, warmup_epochs: 0}"
    (root / "tasks.yaml").write_text(DETECTION)
    words = ["--device", "cpu", "--task", "shift", "--set", f"tasks.shift.options={recipe}"]
    assert detection.run.main(words) == 0
    assert len(list((root / "runs/trained").iterdir())) == 1
    records = [json.loads(f.read_text()) for f in (root / "runs/detection").glob("*/record.json")]
    assert {found["source"] for found in records} == {"ir", "vis", "both"}
    assert {found["protocol"]["protocol"] for found in records} == {"trained on visible"}
