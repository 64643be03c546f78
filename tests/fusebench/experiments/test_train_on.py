"""A model trained on one source and tested on every source; detection and segmentation."""

import json

import pytest
from safetensors.torch import save_file

import detection.run
from detection.models.yolov5 import network, ultralytics_import
from fusebench import __main__, cli
from fusebench.config import schema
from fusebench.experiments import plan, runner
from fusebench.storage import hashing
from fusebench.storage.store import Store
from segmentation.models import segformer
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


def plan_runs(root, text):
    (root / "tasks.yaml").write_text(text)
    file = schema.load_task_file(root / "tasks.yaml")
    return {
        run.label: run for run in plan.build_plan(file, list(file.tasks), root / "data", root).runs
    }


def identify_model(run):
    return run.trained_label, hashing.content_hash(run.specs["trained"])


def test_all_sources_share_the_model_of_the_run_that_is_retrained_on_the_training_source(root):
    runs = plan_runs(root, DETECTION)
    shared = {identify_model(runs[f"shift-{name}-seed0"]) for name in ("ir", "vis", "both")}
    assert shared == {identify_model(runs["own-vis-seed0"])}
    assert identify_model(runs["own-ir-seed0"]) not in shared


def test_only_the_training_source_shares_predictions_and_no_record_is_shared(root):
    runs = plan_runs(root, DETECTION)
    predicted = {label: hashing.content_hash(run.specs["predicted"]) for label, run in runs.items()}
    assert predicted["shift-vis-seed0"] == predicted["own-vis-seed0"]
    assert len(set(predicted.values())) == 4
    assert len({hashing.content_hash(run.specs["record"]) for run in runs.values()}) == 5


def test_the_protocol_names_the_training_source(root):
    runs = plan_runs(root, DETECTION)
    assert runs["own-vis-seed0"].build_protocol()["protocol"] == "retrained"
    protocol = runs["shift-both-seed0"].build_protocol()
    assert (protocol["protocol"], protocol["chosen"]) == ("trained on visible", "all of it")
    assert protocol["images"] == "4 train / 3 test"
    assert "chosen" not in runs["own-vis-seed0"].build_protocol()


def test_the_training_images_are_those_of_the_training_source(root, monkeypatch):
    trained_on = []
    monkeypatch.setattr(segformer, "train", lambda images, *_, **__: trained_on.append(images))
    (run,) = [r for r in plan_runs(root, SEGMENTATION).values() if r.label == "shift-both-seed4"]
    runner.get_or_train_model(run, Store(root / "runs"), "cpu")
    (images,) = trained_on
    assert images.images == {pair.key: pair.infrared for pair in run.train_images.split.pairs}
    assert not (root / "runs/fused").exists()


def test_only_images_that_are_needed_are_fused(root, capsys):
    (root / "tasks.yaml").write_text(DETECTION)
    assert __main__.main(["--plan"]) == 0
    output = capsys.readouterr().out
    assert "m3fd-test-average" in output
    assert "m3fd-train-average" not in output


def test_train_on_takes_the_name_of_a_source_or_the_kind_of_a_sensor(root):
    for name in ("visible", "vis"):
        runs = plan_runs(root, DETECTION.replace("train_on: visible", f"train_on: {name}"))
        source = runs["shift-ir-seed0"].train_images.source
        assert (source.name, source.config) == ("vis", schema.SensorSource(kind="visible"))


def test_the_source_flag_does_not_change_the_training_source(root):
    (root / "tasks.yaml").write_text(DETECTION)
    args = cli.build_parser("toy", "").parse_args(["--task", "shift", "--source", "fused"])
    (run,) = cli.build_plan_from_args(args, ("detection",), generate=False).runs
    assert (run.source_name, run.train_images.source.name) == ("both", "vis")
    assert run.train_images.spec["kind"] == "visible"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (
            "tasks.shift.train_on=thermal",
            "shift.train_on: no source is called 'thermal'; known: ir",
        ),
        ("tasks.shift.train_on=[ir]", "train_on: Input should be a valid string"),
        (
            "tasks.shift.model=from_file",
            "train_on: visible, but nothing is trained by model from_file",
        ),
    ],
)
def test_a_wrong_train_on_is_one_error_and_nothing_runs(root, capsys, change, message):
    (root / "tasks.yaml").write_text(DETECTION)
    (root / "boxes.json").write_text("{}")
    options = ["--set", "tasks.shift.options={file: boxes.json}"] if "from_file" in change else []
    assert __main__.main(["--set", change, *options]) == 2
    assert message in capsys.readouterr().err
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
    arguments = ["--device", "cpu", "--task", "shift", "--set", f"tasks.shift.options={recipe}"]
    assert detection.run.main(arguments) == 0
    assert len(list((root / "runs/trained").iterdir())) == 1
    records = [json.loads(f.read_text()) for f in (root / "runs/detection").glob("*/record.json")]
    assert {record["source"] for record in records} == {"ir", "vis", "both"}
    assert {record["protocol"]["protocol"] for record in records} == {"trained on visible"}
