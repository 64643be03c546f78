"""The plan: which results a change of the data or of the task file makes out of date."""

import dataclasses
import json
import shutil
from pathlib import Path

import pytest

from fusebench.config import schema
from fusebench.data.box_labels import label_notes
from fusebench.data.boxes import make_boxes
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.experiments import plan, sources
from fusebench.experiments.planning import split_loading
from fusebench.runtime.reading import file_stamp
from fusebench.storage.splits.split_cache import SplitCache
from fusebench.storage.store import Store
from tests.helpers import dataset_folders

TASKS = """
sources: {ir: {kind: infrared}}
tasks:
  toy:
    {kind: detection, dataset: m3fd, sources: [ir], model: from_file, options: {file: boxes.json}}
"""
KEYS = [f"{number:05d}" for number in range(8)]


@pytest.fixture
def root(tmp_path, monkeypatch):
    dataset_folders.write_m3fd(tmp_path / "data/m3fd", KEYS)
    (tmp_path / "tasks.yaml").write_text(TASKS)
    (tmp_path / "boxes.json").write_text('{"images": [], "categories": [], "annotations": []}')
    monkeypatch.chdir(tmp_path)
    write_split_lists(tmp_path)
    return tmp_path


def write_split_lists(root):
    (root / "data/m3fd/meta").mkdir(exist_ok=True)
    for name, keys in (("train", KEYS[:4]), ("test", KEYS[4:])):
        (root / f"data/m3fd/meta/{name}.txt").write_text("\n".join(keys))


def plan_folders(root, split="{rule: lists}", *changes):
    """Folders of the trained model, the predictions and the record of the one run."""
    file = schema.load_task_file(
        root / "tasks.yaml", changes=[f"tasks.toy.data.split={split}", *changes]
    )
    (run,) = plan.build_plan(file, ["toy"], root / "data", root).runs
    store = Store(root)
    return [store.get_path(kind, "toy", spec) for kind, spec in run.specs.items()]


def write_condition(root, condition):
    scene = {"name": "a", "range": [{"min": 0, "max": 9}]}
    scenarios = [{"name": condition, "scene": [scene]}]
    (root / "data/m3fd/meta/scenario.json").write_text(json.dumps(scenarios))


def test_renamed_conditions_change_the_record_but_not_the_predictions(root):
    write_condition(root, "day")
    trained, predicted, record = plan_folders(root)
    write_condition(root, "night")
    after = plan_folders(root)
    assert after[:2] == [trained, predicted]
    assert after[2] != record


def test_another_split_rule_with_the_same_pairs_changes_only_the_record(root):
    by_list = plan_folders(root)
    by_blocks = plan_folders(root, "{rule: blocks, length: 4, gap: 0, every: 2, first: 1}")
    assert by_blocks[:2] == by_list[:2]
    assert by_blocks[2] != by_list[2]


def test_a_changed_box_changes_the_training(root):
    trained_here = ("{rule: lists}", "tasks.toy.model=yolov5", "tasks.toy.options={}")
    before = plan_folders(root, *trained_here)
    dataset_folders.write_voc_xml(root / "data/m3fd/Annotation/00001.xml", [("Car", 2, 3, 12, 14)])
    assert not set(before) & set(plan_folders(root, *trained_here))


def test_predictions_made_elsewhere_need_no_training_pairs(root):
    write_split_lists(root)
    for rule in ("{rule: lists}", "{rule: all}"):
        file = schema.load_task_file(
            root / "tasks.yaml", changes=[f"tasks.toy.data.split={rule}", "tasks.toy.seeds=[1, 2]"]
        )
        (run,) = plan.build_plan(file, ["toy"], root / "data", root).runs
        assert (run.train_images, run.seed) == (None, None)
        assert len(run.test_split.pairs) == (4 if rule == "{rule: lists}" else 8)


def test_results_stay_valid_when_the_project_moves(root, tmp_path_factory, monkeypatch):
    (root / "net.pt").write_bytes(b"1")
    with_paths = (
        "{rule: lists}",
        "tasks.toy.model=yolov5",
        "tasks.toy.options={start_weights: net.pt}",
    )
    before = plan_folders(root), plan_folders(root, *with_paths)
    moved = tmp_path_factory.mktemp("other") / "place"
    root.rename(moved)
    monkeypatch.chdir(moved.parent)
    after = plan_folders(moved), plan_folders(moved, *with_paths)
    names = [[[path.name for path in folders] for folders in both] for both in (before, after)]
    assert names[0] == names[1]


def test_task_whose_data_set_has_no_boxes_is_refused(root):
    shutil.rmtree(root / "data/m3fd/Annotation")
    with pytest.raises(
        UserError, match=r"detection needs boxes, and m3fd has none in .*/data/m3fd"
    ):
        plan_folders(root)


def test_wrong_options_are_all_reported_before_any_scene_is_generated(root):
    changes = [
        "tasks.toy.dataset=scenes",
        "tasks.toy.data.trian=5",
        "tasks.toy.epochs=5",
        "tasks.toy.predict.confidense=0.1",
        "tasks.toy.metrics.average_precision.iou=0.5",
        "sources.ir.kind=method",
        "sources.ir.method=averige",
    ]
    file = schema.load_task_file(root / "tasks.yaml", changes=changes)
    with pytest.raises(UserError) as error:
        plan.build_plan(file, ["toy"], root / "data", root)
    for text in (
        "data: trian",
        "options: epochs",
        "predict: confidense",
        "average_precision: iou",
        "'averige'",
    ):
        assert text in str(error.value)
    assert not (root / "data/scenes").exists()


def test_what_decides_the_images_of_a_source_is_computed_once_per_split(root, monkeypatch):
    hashed = []
    hash_images = sources.hashing.hash_images
    monkeypatch.setattr(
        sources.hashing, "hash_images", lambda *split: hashed.append(split) or hash_images(*split)
    )
    split = "tasks.toy.data.split={rule: lists}"
    file = schema.load_task_file(root / "tasks.yaml", changes=[split])
    (run,) = plan.build_plan(file, ["toy"], root / "data", root).runs
    planned = len(hashed)
    for _ in range(3):
        sources.get_images(run.test_images, Store(root / "runs"), "cpu")
        assert run.test_images.spec["kind"] == "infrared"
    assert len(hashed) == planned


def build_run(root, model="from_file", limit=None):
    options = "{file: boxes.json}" if model == "from_file" else "{}"
    changes = [
        "tasks.toy.data.split={rule: lists}",
        f"tasks.toy.model={model}",
        f"tasks.toy.options={options}",
    ]
    file = schema.load_task_file(root / "tasks.yaml", changes=changes)
    return plan.build_plan(file, ["toy"], root / "data", root, limit=limit).runs[0]


def test_a_class_that_is_tested_without_training_boxes_is_a_caution(root):
    name = "caution: classes without training boxes"
    bus = root / "data/m3fd/Annotation/00006.xml"
    assert name not in build_run(root, "yolov5").build_protocol()
    dataset_folders.write_voc_xml(bus, [("Bus", 2, 3, 12, 14)])
    text = "Bus: tested, but no training image has a true box of them"
    assert build_run(root, "yolov5").build_protocol()[name] == text
    assert name not in build_run(root, "from_file").build_protocol()


def test_ignored_boxes_are_counted_in_the_protocol():
    ignored = make_boxes([[0, 0, 4, 4], [5, 5, 9, 9]], [0, 0], ignored=[True, False])
    splits = [
        Split("toy", name, ("a",), (Pair("1", Path(), Path(), (10, 10), boxes),))
        for name, boxes in (("train", ignored), ("test", ignored), ("test", ignored.drop_ignored()))
    ]
    train, test, plain = splits
    assert test.count_boxes() == [1]
    (text,) = label_notes.describe_ignored_boxes(train, test).values()
    assert text == (
        "1 of 2 true boxes of test: neither to be detected, nor is a prediction on them a false "
        "positive; 1 of 2 true boxes of train: not trained on, so that they are background in "
        "training"
    )
    assert "train" not in label_notes.describe_ignored_boxes(None, test)["ignored boxes"]
    assert not label_notes.describe_ignored_boxes(plain, plain)


def test_a_split_without_a_true_box_is_refused_but_a_limited_one_gets_a_caution(root):
    for key in KEYS[4:6]:
        dataset_folders.write_voc_xml(root / f"data/m3fd/Annotation/{key}.xml", [])
    protocol = build_run(root, limit=1).build_protocol()
    assert protocol["caution: true boxes"] == "the 1 tested images have none"
    assert "caution: true boxes" not in build_run(root).build_protocol()
    for key in KEYS[6:]:
        dataset_folders.write_voc_xml(root / f"data/m3fd/Annotation/{key}.xml", [])
    with pytest.raises(
        UserError, match=r"toy: m3fd, test: in 4 images, there is not one true box of People"
    ):
        build_run(root)
    write_split_lists(root)
    (root / "data/m3fd/meta/train.txt").write_text("\n".join(KEYS[4:]))
    (root / "data/m3fd/meta/test.txt").write_text("\n".join(KEYS[:4]))
    with pytest.raises(UserError, match=r"m3fd, train: in 4 images, there is not one true box"):
        build_run(root, "yolov5")
    build_run(root, "from_file")


def test_notes_of_both_splits_stand_in_the_protocol(root, monkeypatch):
    def build(index, split, *arguments):
        notes = (("duplicate boxes", "2 of 9 dropped"),) if split == "test" else ()
        return dataclasses.replace(build_split(index, split, *arguments), notes=notes)

    build_split = split_loading.build_split
    monkeypatch.setattr(split_loading, "build_split", build)
    file = schema.load_task_file(
        root / "tasks.yaml", changes=["tasks.toy.data.split={rule: lists}"]
    )
    (run,) = plan.build_plan(file, ["toy"], root / "data", root).runs
    assert run.build_protocol()["duplicate boxes"] == "test: 2 of 9 dropped"
    (run,) = plan.build_plan(file, ["toy"], root / "data", root, limit=1).runs
    assert run.build_protocol()["duplicate boxes"] == "test, whole split: 2 of 9 dropped"


@pytest.mark.parametrize(
    ("texts", "limit", "expected"),
    [
        (("toy", "toy"), None, "train and test: toy"),
        (("toy", "toy"), 2, "train and test, whole split: toy"),
        (("2 of 9", "1 of 9"), None, "train: 2 of 9; test: 1 of 9"),
    ],
)
def test_a_note_that_both_splits_have_is_written_once(root, monkeypatch, texts, limit, expected):
    def build(index, split, *arguments):
        notes = (("folder", texts[split == "test"]),)
        return dataclasses.replace(build_split(index, split, *arguments), notes=notes)

    build_split = split_loading.build_split
    monkeypatch.setattr(split_loading, "build_split", build)
    assert build_run(root, "yolov5", limit).build_protocol()["folder"] == expected


DATASET_OF_THE_USER = """
from fusebench.data.dataset_index import DatasetIndex
VERSION, TITLE, CLASSES = 1, "mine", ()

def input_paths(root, options):
    return [root / "m3fd"]

def load(root, options):
    image = str(root / "m3fd/Ir/00001.png")
    return DatasetIndex("mine", root, (), [(key, image, image) for key in KEYS], None)
"""


def test_pairs_of_a_module_of_the_user_follow_its_code(root, monkeypatch):
    monkeypatch.setattr(file_stamp, "SETTLING_SECONDS", -3600)
    monkeypatch.syspath_prepend(root)
    (root / "mine").mkdir()
    tasks = "sources: {ir: {kind: infrared}}\ntasks: {toy: {kind: quality, sources: [ir], "
    for name, keys in (("first", ["a"]), ("second", ["a", "b"])):
        # Two modules, because Python imports one once; the cache knows them by one name.
        (root / f"mine/{name}.py").write_text(f"KEYS = {keys}\n{DATASET_OF_THE_USER}")
        (root / "tasks.yaml").write_text(f"{tasks}dataset: mine.{name}}}}}")
        file = schema.load_task_file(root / "tasks.yaml")
        resolved = plan.resolution.resolve_tasks(file, ["toy"], root, root)["toy"].dataset
        renamed = dataclasses.replace(
            resolved, plugin=dataclasses.replace(resolved.plugin, name="mine.any")
        )
        split = split_loading.load_split(renamed, root / "data", "test", SplitCache(root / "runs"))
        assert list(split.keys) == keys


def test_deleted_scenes_are_rendered_again(tmp_path, monkeypatch):
    monkeypatch.setattr(file_stamp, "SETTLING_SECONDS", -3600)
    (tmp_path / "tasks.yaml").write_text(
        "sources: {ir: {kind: infrared}}\n"
        "tasks: {toy: {kind: quality, dataset: scenes, sources: [ir], "
        "data: {train: 1, test: 1, knobs: {width: 64, height: 64, frames_per_sequence: 1}}}}"
    )
    file = schema.load_task_file(tmp_path / "tasks.yaml")
    for _ in range(3):
        cache = SplitCache(tmp_path / "runs")
        (run,) = plan.build_plan(file, ["toy"], tmp_path / "data", tmp_path, cache=cache).runs
        assert all(pair.infrared.is_file() for pair in run.test_split.pairs)
        shutil.rmtree(tmp_path / "data")
