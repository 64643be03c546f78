"""Sources without a fused image in the plan: specs, members, jobs, and conflicts with the task."""

import numpy as np
import pytest

from fusebench.cli_selection import select_source
from fusebench.config import schema
from fusebench.data import images
from fusebench.engines import jobs
from fusebench.errors import UserError
from fusebench.experiments import plan, sources
from fusebench.storage import hashing
from fusebench.storage.store import Store
from tests.helpers import tiny_segmentation_dataset
from tests.helpers.tiny_detection_dataset import write_m3fd_folder

SOURCES = """
sources:
  ir: {kind: infrared}
  vis: {kind: visible}
  mixed: {kind: method, method: average}
  both: {kind: ensemble, of: [ir, vis], fuse: nms}
  strict: {kind: ensemble, of: [ir, vis], fuse: nms, options: {iou: 0.7}}
  labels: {kind: ensemble, of: [vis, mixed], fuse: mean}
  stacked: {kind: channels}
  green: {kind: replace, channel: green}
tasks:
"""
BOXES = "  boxes: {kind: detection, dataset: m3fd, data: {split: {rule: lists}}, "
MAPS = "  maps: {kind: segmentation, dataset: fmb, "


@pytest.fixture
def root(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    write_m3fd_folder(tmp_path / "data/m3fd", 4, 3)
    tiny_segmentation_dataset.write_fmb_folder(tmp_path / "data")
    return tmp_path


def load(root, text, head=SOURCES):
    (root / "tasks.yaml").write_text(head + text)
    return schema.load_task_file(root / "tasks.yaml")


def build_plan(root, text):
    file = load(root, text)
    return plan.build_plan(file, list(file.tasks), root / "data", root)


def build_runs(root, text):
    return {run.label: run for run in build_plan(root, text).runs}


def test_an_ensemble_contains_the_predictions_of_its_members_with_the_same_seed(root):
    runs = build_runs(root, BOXES + "sources: [ir, both, vis], seeds: [0, 4]}")
    run = runs["boxes-both-seed4"]
    members = [runs["boxes-ir-seed4"], runs["boxes-vis-seed4"]]
    assert run.members == tuple(members)
    assert run.specs["predicted"] == {
        "ensemble": {"fuse": "nms", "version": 1, "options": {"iou": 0.5}},
        "members": [member.specs["predicted"] for member in members],
    }
    assert "trained" not in run.specs
    record, other = run.specs["record"], members[0].specs["record"]
    assert record["predicted"] == run.specs["predicted"]
    assert {**record, "predicted": None} == {**other, "predicted": None}
    assert [split.name for split in run.splits] == ["train", "test"]


def test_method_options_and_order_of_sources_decide_the_predictions(root):
    runs = build_runs(root, BOXES + "sources: [both, strict]}")
    hashes = {hashing.content_hash(run.specs["predicted"]) for run in runs.values()}
    assert len(hashes) == 2
    again = build_runs(root, BOXES + "sources: [ir, vis, strict, both]}")
    assert hashes == {
        hashing.content_hash(again[name].specs["predicted"])
        for name in ("boxes-both-seed0", "boxes-strict-seed0")
    }


def test_sources_of_three_channels_keep_their_specs(root):
    run = build_runs(root, BOXES + "sources: [vis]}")["boxes-vis-seed0"]
    assert set(run.specs["predicted"]) == {"trained", "predict", "images"}
    assert set(run.specs["trained"]["images"]) == {"kind", "dataset", "pairs"}
    options = run.specs["trained"]["options"]
    assert not {"channels", "in_channels"} & set(options)


def test_an_ensemble_of_detectors_needs_the_predictions_of_its_members(root):
    store = Store(root / "runs")
    graph = jobs.build_jobs(build_plan(root, BOXES + "sources: [both, vis]}"), store)
    kinds = [job.kind for job in graph.values()]
    assert kinds == ["trained"] * 2 + ["predicted"] * 3 + ["detection"] * 2
    by_label = {job_id.rpartition("-")[0]: job for job_id, job in graph.items()}
    ensemble = by_label["predicted/m3fd-both-seed0"]
    names = [need.rpartition("-")[0] for need in ensemble.needs]
    assert names == ["predicted/m3fd-ir-seed0", "predicted/m3fd-vis-seed0"]
    # the member is executed; a failure is one of both
    runs = by_label["trained/m3fd-vis-seed0"].runs
    assert [run.label for run in runs] == ["boxes-vis-seed0", "boxes-both-seed0"]


def test_an_ensemble_of_segmenters_needs_their_models_and_images(root):
    store = Store(root / "runs")
    graph = jobs.build_jobs(build_plan(root, MAPS + "sources: [labels]}"), store)
    kinds = [job.kind for job in graph.values()]
    assert kinds == ["fused"] * 2 + ["trained"] * 2 + ["predicted", "segmentation"]
    (ensemble,) = (job for job in graph.values() if job.kind == "predicted")
    names = [need.rpartition("-")[0] for need in ensemble.needs]
    assert names == [
        "trained/fmb-vis-seed0",
        "trained/fmb-mixed-seed0",
        "fused/fmb-test-average",
    ]


def test_stacked_channels_are_the_files_of_the_sensors(root):
    run = build_runs(root, BOXES + "sources: [stacked]}")["boxes-stacked-seed0"]
    labeled = sources.get_labeled_images(run.test_images, Store(root / "runs"), "cpu")
    pair = run.test_split.pairs[0]
    image = labeled.read(pair.key)
    assert labeled.channels == 4
    np.testing.assert_array_equal(image[..., :3], images.read_color(pair.visible))
    np.testing.assert_array_equal(image[..., 3], images.read_gray(pair.infrared))
    assert not (root / "runs").exists()


def test_a_replaced_channel_is_the_infrared_image(root):
    run = build_runs(root, BOXES + "sources: [green]}")["boxes-green-seed0"]
    paths = sources.get_images(run.test_images, Store(root / "runs"), "cpu")
    pair = run.test_split.pairs[0]
    image, visible = images.read_color(paths[pair.key]), images.read_color(pair.visible)
    np.testing.assert_array_equal(image[..., 1], images.read_gray(pair.infrared))
    np.testing.assert_array_equal(image[..., [0, 2]], visible[..., [0, 2]])


def test_the_group_reference_selects_them_and_fused_does_not(root):
    file = load(root, BOXES + "sources: [ir, mixed, both, stacked, green]}")
    selected = select_source(file, ["boxes"], "reference").tasks["boxes"]
    assert selected.sources == ("both", "stacked", "green")
    assert select_source(file, ["boxes"], "fused").tasks["boxes"].sources == ("mixed",)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "  q: {kind: quality, dataset: m3fd, sources: [both]}",
            "tasks.q.sources: both is of kind ensemble and has no fused image",
        ),
        (
            "  q: {kind: quality, dataset: m3fd, sources: [stacked]}",
            "tasks.q.sources: stacked is of kind channels and has no fused image",
        ),
        (
            MAPS + "sources: [both]}",
            "sources.both.fuse, in a task of kind segmentation: no 'nms' in segmentation.ensembles",
        ),
        (BOXES + "sources: [labels]}", "in a task of kind detection: no 'mean' in detection"),
        (
            BOXES + "sources: [both], train_on: labels}",
            "tasks.boxes.train_on: labels is an ensemble, which has no images to train on",
        ),
        (
            BOXES + "sources: [both], train_on: stacked}",
            "a model trained on stacked (4 channels) cannot read ir (3 channels)",
        ),
        (
            BOXES + "sources: [stacked], model: pretrained, options: {weights: x.pt, class_map: "
            "{Car: car, People: person, Bus: bus, Motorcycle: motorcycle, Truck: truck, "
            "Lamp: traffic light}}}",
            "stacked has images of 4 channels, and model pretrained",
        ),
        (
            MAPS + "sources: [labels], model: from_folder, options: {folder: '{source}'}}",
            "ensemble labels needs class probabilities, which model from_folder",
        ),
    ],
)
def test_conflicts_are_errors_before_any_data_is_read(root, text, message):
    file = load(root, text)
    with pytest.raises(UserError) as error:
        plan.build_plan(file, list(file.tasks), root / "nothing", root)
    assert message in str(error.value)


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("{kind: ensemble, of: [ir], fuse: nms}", "sources.new.ensemble.of"),
        ("{kind: ensemble, of: [ir, ir], fuse: nms}", "'ir' is listed twice"),
        ("{kind: ensemble, of: [ir, vos], fuse: nms}", "sources.new.of: no source is called 'vos'"),
        ("{kind: ensemble, of: [ir, both], fuse: nms}", "both is an ensemble itself"),
        ("{kind: ensemble, of: [ir, vis]}", "fuse"),
        ("{kind: replace, channel: purple}", "channel"),
        ("{kind: channels, of: [ir, vis]}", "of"),
    ],
)
def test_invalid_sources_are_errors_of_the_task_file(root, source, message):
    head = SOURCES.replace("tasks:", f"  new: {source}\ntasks:")
    with pytest.raises(UserError) as error:
        load(root, BOXES + "sources: [ir]}", head)
    assert message in str(error.value)


def test_wrong_options_of_an_ensemble_are_named(root):
    text = BOXES + "sources: [wrong]}"
    head = SOURCES.replace(
        "tasks:", "  wrong: {kind: ensemble, of: [ir, vis], fuse: nms, options: {iou: 2}}\ntasks:"
    )
    file = load(root, text, head)
    with pytest.raises(UserError, match=r"sources\.wrong\.options.*iou"):
        plan.build_plan(file, ["boxes"], root / "data", root)
