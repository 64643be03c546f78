"""MSRS with label maps: the repository's tree and others, classes, conditions, leakage."""

import shutil

import pytest

from fusebench import plugins
from fusebench.data.label_maps import read_label_map
from fusebench.data.split_builder import load_split
from fusebench.datasets import mfnet, msrs
from fusebench.errors import DatasetNotFoundError, UserError
from tests.helpers.dataset_folders import write_image, write_yolo_text_dataset

TRAIN = ("00001D", "00003N", "00005N", "00007N")
TEST = ("00004N", "00008N")


def load(root, split="all", /, **options):
    # Positional only, because ``split`` is an option too.
    return load_split(msrs.load, root, split, msrs.Options(labels="label_maps", **options))


def write_pairs(folder, names, keys):
    infrared, visible, labels = names
    for key in keys:
        write_image(folder / infrared / f"{key}.png")
        write_image(folder / visible / f"{key}.png", mode="RGB")
        write_image(folder / labels / f"{key}.png", level=5)


def write_repository(root):
    for part, keys in (("train", TRAIN), ("test", TEST)):
        write_pairs(root / "msrs" / part, ("ir", "vi", "Segmentation_labels"), keys)
    write_yolo_text_dataset(root / "msrs/detection", {"1": "2 0.5 0.5 0.25 0.5", "1042": ""})
    write_image(root / "msrs/test/Segmentation_visualize/00004N.png", mode="RGB")
    return root / "msrs"


def test_folders_of_the_repository_are_the_official_split(tmp_path):
    folder = write_repository(tmp_path)
    train, test = load(tmp_path, "train"), load(tmp_path, "test")
    assert (train.keys, test.keys) == (TRAIN, TEST)
    pair = test.pairs[0]
    assert pair.label_map == folder / "test/Segmentation_labels/00004N.png"
    assert (pair.boxes, pair.condition) == (None, "night")
    assert test.rule_description == "official"


def test_classes_are_those_of_the_repositorys_palette(tmp_path):
    write_repository(tmp_path)
    split = load(tmp_path)
    labels = read_label_map(split.pairs[0].label_map, split.classes)
    # unlabelled, car, person, bike, curve, car_stop, guardrail, color_cone, bump
    assert split.classes[labels[0, 0]] == "car stop"
    assert split.classes == mfnet.CLASSES


def test_official_split_of_every_fourth_frame_is_reported_as_leakage(tmp_path):
    write_repository(tmp_path)
    assert load(tmp_path, "test").has_leakage


def test_boxes_of_the_same_clone_are_read_as_before(tmp_path):
    write_repository(tmp_path)
    options = msrs.Options(split={"rule": "all"})
    split = load_split(msrs.load, tmp_path, "test", options)
    assert split.keys == ("1", "1042")
    assert split.classes == ("person", "bicycle", "car")


def test_classes_follow_the_option(tmp_path):
    plugin = plugins.load_dataset("msrs")
    assert plugin.list_classes(tmp_path, msrs.Options()) == ("person", "bicycle", "car")
    assert len(plugin.list_classes(tmp_path, msrs.Options(labels="label_maps"))) == 9


def test_tree_of_segmif(tmp_path):
    for part, keys in (("train", TRAIN), ("test", TEST)):
        names = [f"{name}/{part}/MSRS" for name in ("Infrared", "Visible", "Label")]
        write_pairs(tmp_path / "msrs", names, keys)
    test = load(tmp_path, "test")
    assert test.keys == TEST
    assert test.pairs[0].visible == tmp_path / "msrs/Visible/test/MSRS/00004N.png"


def test_lists_divide_a_tree_without_the_folders_train_and_test(tmp_path):
    folder = tmp_path / "msrs"
    write_pairs(folder, ("ir", "vi", "Label"), (*TRAIN, *TEST))
    (folder / "split").mkdir()
    (folder / "split/train.txt").write_text("\n".join(TRAIN))
    (folder / "split/test.txt").write_text("\n".join(f"{key}.png" for key in TEST))
    assert load(tmp_path, "test").keys == TEST


def test_task_on_label_maps_is_left_out_where_only_boxes_are_there(tmp_path):
    write_yolo_text_dataset(tmp_path / "msrs", {"00004N": "2 0.5 0.5 0.25 0.5"})
    with pytest.raises(DatasetNotFoundError, match="is MSRS with boxes; label maps were expected"):
        load(tmp_path, split={"rule": "all"})


def test_task_on_boxes_is_left_out_where_only_label_maps_are_there(tmp_path):
    shutil.rmtree(write_repository(tmp_path) / "detection")
    with pytest.raises(
        DatasetNotFoundError, match=r"is MSRS with label maps; .*labels: label_maps"
    ):
        load_split(msrs.load, tmp_path, "test", msrs.Options())


def test_missing_label_map_is_refused(tmp_path):
    folder = write_repository(tmp_path)
    (folder / "train/Segmentation_labels/00003N.png").unlink()
    with pytest.raises(UserError, match=r"1 image.*train/Segmentation_labels: 00003N"):
        load(tmp_path)
