"""Which results a change of the data or of the task file asks for anew."""

import json

import pytest

from fusebench.config import schema
from fusebench.errors import UserError
from fusebench.experiments import plan
from fusebench.storage.store import Store
from tests.helpers import dataset_folders

TASKS = """
sources: {ir: {kind: infrared}}
tasks:
  toy: {kind: detection, dataset: m3fd, sources: [ir], model: from_file, options: {file: boxes.json}}
"""
KEYS = [f"{number:05d}" for number in range(8)]


@pytest.fixture
def root(tmp_path, monkeypatch):
    dataset_folders.write_m3fd(tmp_path / "data/m3fd", KEYS)
    (tmp_path / "tasks.yaml").write_text(TASKS)
    (tmp_path / "boxes.json").write_text('{"images": [], "categories": [], "annotations": []}')
    monkeypatch.chdir(tmp_path)
    lists(tmp_path)
    return tmp_path


def lists(root):
    (root / "data/m3fd/meta").mkdir(exist_ok=True)
    for name, keys in (("train", KEYS[:4]), ("test", KEYS[4:])):
        (root / f"data/m3fd/meta/{name}.txt").write_text("\n".join(keys))


def places(root, split="{rule: lists}"):
    """Where the trained model, the predictions and the record of the one cell lie."""
    file = schema.load_task_file(root / "tasks.yaml", changes=[f"tasks.toy.data.split={split}"])
    (cell,) = plan.build_plan(file, ["toy"], root / "data", root).runs
    store = Store(root)
    return [store.get_path(kind, "toy", spec) for kind, spec in cell.specs.items()]


def scenario(root, condition):
    (root / "data/m3fd/meta/scenario.json").write_text(
        json.dumps([{"name": condition, "scene": [{"name": "a", "range": [{"min": 0, "max": 9}]}]}])
    )


def test_conditions_named_anew_are_scored_anew_from_the_same_predictions(root):
    scenario(root, "day")
    trained, predicted, record = places(root)
    scenario(root, "night")
    again = places(root)
    assert again[:2] == [trained, predicted]
    assert again[2] != record


def test_the_same_pairs_chosen_by_another_rule_get_a_record_that_says_so(root):
    by_list = places(root)
    by_blocks = places(root, "{rule: blocks, length: 4, gap: 0, every: 2, first: 1}")
    assert by_blocks[:2] == by_list[:2]
    assert by_blocks[2] != by_list[2]


def test_a_changed_box_asks_for_another_training(root):
    before = places(root)
    dataset_folders.write_voc_xml(root / "data/m3fd/Annotation/00001.xml", [("Car", 2, 3, 12, 14)])
    assert not set(before) & set(places(root))


def test_wrong_options_are_all_reported_before_anything_is_drawn(root):
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
    with pytest.raises(UserError) as fault:
        plan.build_plan(file, ["toy"], root / "data", root)
    said = str(fault.value)
    for words in ("data: trian", "options: epochs", "average_precision: iou", "'averige'"):
        assert words in said
    assert not (root / "data/scenes").exists()
