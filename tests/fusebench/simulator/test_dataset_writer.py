"""Simulated data sets on disk: written in the official layouts, read back by the data sets."""

import numpy as np
import pytest

from fusebench.data import fmb_palette, images
from fusebench.data.label_images.reading import read_label_image
from fusebench.data.split_builder import load_split
from fusebench.datasets import fmb, m3fd, scenes, scenes_seg
from fusebench.errors import UserError
from fusebench.simulator import dataset_writer, scene
from fusebench.simulator.parameters import SceneParameters
from fusebench.storage import file_lock
from tests.helpers.damage import flip_bit

SMALL = SceneParameters(width=96, height=80)
FEW_SCENES = {"train": 5, "test": 3, "knobs": SMALL}


@pytest.fixture(scope="module")
def data_folder(tmp_path_factory):
    return tmp_path_factory.mktemp("data")


def read_all_files(folder):
    return {
        str(p.relative_to(folder)): p.read_bytes()
        for p in sorted(folder.rglob("*"))
        if p.is_file() and p.name != "manifest.json"  # it has the times of the files
    }


def test_scenes_are_rendered_on_first_use_and_only_then(tmp_path):
    options = scenes.Options(**FEW_SCENES)
    assert not scenes.is_generated(tmp_path, options)
    first = load_split(scenes.load, tmp_path, "train", options)
    assert scenes.is_generated(tmp_path, options)
    modification_times = [pair.visible.stat().st_mtime_ns for pair in first.pairs]
    second = load_split(scenes.load, tmp_path, "train", options)
    assert [pair.visible.stat().st_mtime_ns for pair in second.pairs] == modification_times


def test_detection_scenes_are_read_back_with_the_rendered_boxes(data_folder):
    split = load_split(scenes.load, data_folder, "train", scenes.Options(**FEW_SCENES))
    assert split.is_simulated
    assert split.dataset == "scenes"
    assert len(split.pairs) == 5
    for pair in split.pairs:
        rendered = scene.render_scene(0, int(pair.key), SMALL)
        np.testing.assert_array_equal(images.read_gray(pair.infrared), rendered.infrared)
        np.testing.assert_array_equal(images.read_color(pair.visible), rendered.visible)
        assert [list(map(int, corners)) for corners in pair.boxes.corners] == [
            list(box[1:]) for box in rendered.boxes
        ]
        assert [m3fd.CLASSES[i] for i in pair.boxes.class_ids] == [box[0] for box in rendered.boxes]
        assert pair.condition == rendered.condition


def test_segmentation_scenes_are_read_back_with_the_rendered_label_maps(data_folder):
    split = load_split(scenes_seg.load, data_folder, "test", scenes_seg.Options(**FEW_SCENES))
    assert split.is_simulated
    assert split.classes == fmb.CLASSES
    assert len(split.pairs) == 3
    for pair in split.pairs:
        rendered = scene.render_scene(scenes_seg.SEED_OFFSET, int(pair.key), SMALL)
        np.testing.assert_array_equal(read_label_image(pair.label_map), rendered.label_map)
        assert pair.condition == rendered.condition


def test_detection_and_segmentation_have_different_scenes(data_folder):
    detection_pair = load_split(
        scenes.load, data_folder, "train", scenes.Options(**FEW_SCENES)
    ).pairs[0]
    segmentation_pair = load_split(
        scenes_seg.load, data_folder, "train", scenes_seg.Options(**FEW_SCENES)
    ).pairs[0]
    assert detection_pair.visible.read_bytes() != segmentation_pair.visible.read_bytes()


def test_no_sequence_is_in_both_train_and_test(data_folder):
    for dataset in (scenes, scenes_seg):
        options = dataset.Options(**FEW_SCENES)
        train, test = (
            {pair.sequence for pair in load_split(dataset.load, data_folder, split, options).pairs}
            for split in ("train", "test")
        )
        assert not train & test
        assert not load_split(dataset.load, data_folder, "test", options).has_leakage


def test_fmb_colors_and_classes_are_in_the_same_order():
    assert tuple(fmb_palette.FMB_COLORS) == fmb.CLASSES
    assert dataset_writer.LABEL_COLORS.shape == (15, 3)


@pytest.mark.parametrize("dataset", [scenes, scenes_seg])
def test_the_message_names_a_folder_that_is_not_writable(dataset, tmp_path):
    (tmp_path / "scenes").write_text("in the way")
    with pytest.raises(
        UserError, match=r"scenes: simulated scenes cannot be written there .*--data"
    ):
        load_split(dataset.load, tmp_path, "test", dataset.Options(**FEW_SCENES))
    assert (tmp_path / "scenes").read_text() == "in the way"


def test_existing_scenes_are_read_from_a_read_only_folder(tmp_path, monkeypatch):
    options = scenes.Options(train=1, test=1, knobs=SMALL)
    keys = [pair.key for pair in load_split(scenes.load, tmp_path, "test", options).pairs]

    def raise_read_only(_):
        raise PermissionError(30, "Read-only file system")

    monkeypatch.setattr(file_lock, "FileLock", raise_read_only)
    assert [pair.key for pair in load_split(scenes.load, tmp_path, "test", options).pairs] == keys


def test_another_option_has_another_folder(data_folder):
    options = scenes.Options(**FEW_SCENES | {"knobs": SMALL.model_copy(update={"haze": 0.05})})
    assert not scenes.is_generated(data_folder, options)


@pytest.mark.parametrize(
    "write_dataset",
    [dataset_writer.write_detection_dataset, dataset_writer.write_segmentation_dataset],
)
def test_an_interrupted_call_is_resumed_to_the_same_bytes(write_dataset, tmp_path, monkeypatch):
    numbers = dataset_writer.split_scene_numbers(2, 2, SMALL)
    write_dataset(tmp_path / "uninterrupted", numbers, 5, SMALL)
    rendered_numbers = []

    def interrupt_third_scene(seed, number, parameters):
        rendered_numbers.append(number)
        if len(rendered_numbers) == 3:
            raise KeyboardInterrupt
        return scene.render_scene(seed, number, parameters)

    monkeypatch.setattr(dataset_writer, "render_scene", interrupt_third_scene)
    with pytest.raises(KeyboardInterrupt):
        write_dataset(tmp_path / "interrupted", numbers, 5, SMALL)
    assert not (tmp_path / "interrupted").exists()
    (tmp_path / "interrupted.partial" / ".half-written.png").write_bytes(b"")
    write_dataset(tmp_path / "interrupted", numbers, 5, SMALL)
    assert rendered_numbers == [0, 1, 4, 4, 5]
    assert read_all_files(tmp_path / "interrupted") == read_all_files(tmp_path / "uninterrupted")


def test_several_processes_write_the_same_bytes_as_one(tmp_path, monkeypatch):
    tiny = SceneParameters(width=64, height=64)
    limit = dataset_writer.MAX_SCENES_IN_PROCESS
    numbers = {"train": range(limit), "test": range(limit, limit + 4)}
    dataset_writer.write_detection_dataset(tmp_path / "several", numbers, 5, tiny)
    monkeypatch.setattr(dataset_writer, "MAX_SCENES_IN_PROCESS", 99)
    dataset_writer.write_detection_dataset(tmp_path / "single", numbers, 5, tiny)
    assert read_all_files(tmp_path / "several") == read_all_files(tmp_path / "single")


@pytest.mark.parametrize(
    ("write_dataset", "name"),
    [
        (dataset_writer.write_detection_dataset, "Ir/00001.png"),
        (dataset_writer.write_detection_dataset, "Annotation/00001.xml"),
        (dataset_writer.write_segmentation_dataset, "train/Label/00001.png"),
    ],
)
@pytest.mark.parametrize("share", [0, 0.5])
def test_a_file_that_a_power_cut_left_incomplete_is_written_again(
    write_dataset, name, share, tmp_path, monkeypatch
):
    numbers = dataset_writer.split_scene_numbers(2, 1, SMALL)
    write_dataset(tmp_path / "whole", numbers, 5, SMALL)
    (tmp_path / "whole").rename(tmp_path / "cut.partial")
    file = tmp_path / "cut.partial" / name
    content = file.read_bytes()
    file.write_bytes(content[: int(share * len(content))])
    write_dataset(tmp_path / "cut", numbers, 5, SMALL)
    assert (tmp_path / "cut" / name).read_bytes() == content


@pytest.mark.parametrize("name", ["Annotation/00000.xml", "meta/test.txt", "meta/scenario.json"])
def test_a_changed_label_of_finished_scenes_is_named_with_the_repair(name, tmp_path):
    options = scenes.Options(**FEW_SCENES)
    load_split(scenes.load, tmp_path, "train", options)
    (file,) = tmp_path.glob(f"scenes/*/{name}")
    flip_bit(file)
    with pytest.raises(UserError, match=rf"{name} \(changed .*verify --repair --data {tmp_path}"):
        load_split(scenes.load, tmp_path, "train", options)
