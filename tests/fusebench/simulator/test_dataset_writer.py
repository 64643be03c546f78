"""Drawn scenes on disk: the official trees, read back by the ordinary adapters."""

import numpy as np
import pytest

from fusebench.data import fmb_palette, images
from fusebench.datasets import fmb, m3fd, scenes, scenes_seg
from fusebench.errors import UserError
from fusebench.simulator import dataset_writer, scene
from fusebench.simulator.parameters import SceneParameters
from fusebench.storage import file_lock

SMALL = SceneParameters(width=96, height=80)
FEW = {"train": 5, "test": 3, "knobs": SMALL}


@pytest.fixture(scope="module")
def root(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


def _bytes(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()
    }


def test_scenes_are_drawn_on_first_use_and_only_then(root):
    options = scenes.Options(**FEW)
    assert not scenes.is_generated(root, options)
    first = scenes.load(root, "train", options)
    assert scenes.is_generated(root, options)
    stamps = [pair.visible.stat().st_mtime_ns for pair in first.pairs]
    again = scenes.load(root, "train", options)
    assert [pair.visible.stat().st_mtime_ns for pair in again.pairs] == stamps


def test_detection_scenes_come_back_with_the_boxes_that_were_drawn(root):
    split = scenes.load(root, "train", scenes.Options(**FEW))
    assert split.is_simulated
    assert split.dataset == "scenes"
    assert len(split.pairs) == 5
    for pair in split.pairs:
        drawn = scene.render_scene(0, int(pair.key), SMALL)
        np.testing.assert_array_equal(images.read_gray(pair.infrared), drawn.infrared)
        np.testing.assert_array_equal(images.read_color(pair.visible), drawn.visible)
        assert [list(map(int, c)) for c in pair.boxes.corners] == [list(b[1:]) for b in drawn.boxes]
        assert [m3fd.CLASSES[i] for i in pair.boxes.class_ids] == [b[0] for b in drawn.boxes]
        assert pair.condition == drawn.condition


def test_segmentation_scenes_come_back_with_the_labels_that_were_drawn(root):
    split = scenes_seg.load(root, "test", scenes_seg.Options(**FEW))
    assert split.is_simulated
    assert split.classes == fmb.CLASSES
    assert len(split.pairs) == 3
    for pair in split.pairs:
        drawn = scene.render_scene(scenes_seg.SEED_OFFSET, int(pair.key), SMALL)
        np.testing.assert_array_equal(images.read_label_image(pair.label_map), drawn.label_map)
        assert pair.condition == drawn.condition


def test_boxes_and_masks_are_not_of_the_same_scenes(root):
    boxes = scenes.load(root, "train", scenes.Options(**FEW)).pairs[0]
    masks = scenes_seg.load(root, "train", scenes_seg.Options(**FEW)).pairs[0]
    assert boxes.visible.read_bytes() != masks.visible.read_bytes()


def test_no_sequence_is_in_train_and_in_test(root):
    for dataset in (scenes, scenes_seg):
        options = dataset.Options(**FEW)
        sides = [
            {p.sequence for p in dataset.load(root, part, options).pairs}
            for part in ("train", "test")
        ]
        assert not sides[0] & sides[1]
        assert not dataset.load(root, "test", options).has_leakage


def test_colors_and_classes_of_fmb_are_in_the_same_order():
    assert tuple(fmb_palette.FMB_COLORS) == fmb.CLASSES
    assert dataset_writer.LABEL_COLORS.shape == (15, 3)


@pytest.mark.parametrize("dataset", [scenes, scenes_seg])
def test_a_place_that_cannot_be_written_is_named(dataset, tmp_path):
    (tmp_path / "scenes").write_text("in the way")
    with pytest.raises(UserError, match=r"scenes: scenes cannot be drawn there .*--data"):
        dataset.load(tmp_path, "test", dataset.Options(**FEW))
    assert (tmp_path / "scenes").read_text() == "in the way"


def test_scenes_that_are_drawn_are_read_from_a_place_that_cannot_be_written(tmp_path, monkeypatch):
    options = scenes.Options(train=1, test=1, knobs=SMALL)
    keys = [pair.key for pair in scenes.load(tmp_path, "test", options).pairs]

    def refused(_):
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(file_lock, "FileLock", refused)
    assert [pair.key for pair in scenes.load(tmp_path, "test", options).pairs] == keys


def test_another_option_is_another_folder(root):
    options = scenes.Options(**FEW | {"knobs": SMALL.model_copy(update={"haze": 0.05})})
    assert not scenes.is_generated(root, options)


@pytest.mark.parametrize(
    "write", [dataset_writer.write_detection_dataset, dataset_writer.write_segmentation_dataset]
)
def test_a_killed_drawing_goes_on_to_the_same_bytes(write, tmp_path, monkeypatch):
    numbers = dataset_writer.split_scene_numbers(2, 2, SMALL)
    write(tmp_path / "whole", numbers, 5, SMALL)
    drawn = []

    def die_at_the_third(seed, number, knobs):
        drawn.append(number)
        if len(drawn) == 3:
            raise KeyboardInterrupt
        return scene.render_scene(seed, number, knobs)

    monkeypatch.setattr(dataset_writer, "render_scene", die_at_the_third)
    with pytest.raises(KeyboardInterrupt):
        write(tmp_path / "killed", numbers, 5, SMALL)
    assert not (tmp_path / "killed").exists()
    (tmp_path / "killed.partial" / ".half-written.png").write_bytes(b"")
    write(tmp_path / "killed", numbers, 5, SMALL)
    assert drawn == [0, 1, 4, 4, 5]
    assert _bytes(tmp_path / "killed") == _bytes(tmp_path / "whole")


def test_many_scenes_are_drawn_by_several_processes_to_the_same_bytes(tmp_path, monkeypatch):
    tiny = SceneParameters(width=64, height=64)
    numbers = {
        "train": range(dataset_writer.MAX_SCENES_IN_PROCESS),
        "test": range(
            dataset_writer.MAX_SCENES_IN_PROCESS, dataset_writer.MAX_SCENES_IN_PROCESS + 4
        ),
    }
    dataset_writer.write_detection_dataset(tmp_path / "many", numbers, 5, tiny)
    monkeypatch.setattr(dataset_writer, "MAX_SCENES_IN_PROCESS", 99)
    dataset_writer.write_detection_dataset(tmp_path / "alone", numbers, 5, tiny)
    assert _bytes(tmp_path / "many") == _bytes(tmp_path / "alone")
