"""MFNet: trees in circulation, four-channel images, mirrored copies, official lists."""

import numpy as np
import pytest
from PIL import Image

from fusebench.data.images import read_color, read_gray
from fusebench.data.label_maps import read_label_map
from fusebench.data.split_builder import load_split
from fusebench.datasets import mfnet
from fusebench.errors import DatasetNotFoundError, UserError
from tests.helpers.dataset_folders import IMAGE_SIZE, write_image

KEYS = ("00001D", "00200N", "00401D", "00600N")


def load(root, split="all", /, **options):
    # Positional only, because ``split`` is an option too.
    return load_split(mfnet.load, root, split, mfnet.Options(**options))


def write_four_channels(path, level=0):
    """Red is 10, green 20, blue 30, and the infrared image rises from left to right."""
    width, height = IMAGE_SIZE
    pixels = np.empty((height, width, 4), np.uint8)
    pixels[..., :3] = 10, 20, 30
    pixels[..., 3] = np.arange(width) + level
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(pixels).save(path)


def write_official(root, keys=KEYS):
    folder = root / "mfnet"
    for key in keys:
        write_four_channels(folder / f"images/{key}.png")
        write_image(folder / f"labels/{key}.png", level=8)
    return folder


def write_separate(root, rgb="rgb", thermal="th", labels="labels", keys=KEYS):
    for key in keys:
        write_image(root / f"mfnet/{rgb}/{key}.png", mode="RGB", level=9)
        write_image(root / f"mfnet/{thermal}/{key}.png")
        write_image(root / f"mfnet/{labels}/{key}.png", level=8)
    return root / "mfnet"


def test_the_alpha_channel_of_the_official_release_is_the_infrared_image(tmp_path):
    folder = write_official(tmp_path)
    split = load(tmp_path)
    pair = split.pairs[0]
    assert read_gray(pair.infrared)[0].tolist() == list(range(32))
    assert (read_color(pair.visible) == (10, 20, 30)).all()
    assert pair.infrared.is_relative_to(tmp_path / "scaled")
    assert pair.label_map == folder / "labels/00001D.png"
    assert "alpha channel" in dict(split.notes)["four channels"]
    labels = read_label_map(pair.label_map, split.classes)
    assert split.classes[labels[0, 0]] == "bump"


def test_copies_of_four_channel_images_follow_a_changed_original(tmp_path):
    folder = write_official(tmp_path)
    load(tmp_path)
    write_four_channels(folder / "images/00001D.png", level=100)
    assert read_gray(load(tmp_path).pairs[0].infrared)[0, 0] == 100


def test_image_of_three_channels_in_place_of_four_is_refused(tmp_path):
    folder = write_official(tmp_path)
    write_image(folder / "images/00200N.png", mode="RGB")
    with pytest.raises(UserError, match=r"00200N\.png: mode RGB.*expected four channels"):
        load(tmp_path)


def test_alpha_channel_that_an_editor_replaced_is_refused(tmp_path):
    folder = write_official(tmp_path)
    Image.new("RGBA", IMAGE_SIZE, (1, 2, 3, 255)).save(folder / "images/00200N.png")
    with pytest.raises(UserError, match=r"00200N\.png: the alpha channel is 255 everywhere"):
        load(tmp_path)


def test_conditions_are_in_the_names_and_classes_in_the_order_of_the_ids(tmp_path):
    write_official(tmp_path)
    split = load(tmp_path)
    assert [pair.condition for pair in split.pairs] == ["day", "night", "day", "night"]
    # unlabeled, car, person, bike, curve, car_stop, guardrail, color_cone, bump in RTFNet's tables
    assert split.classes == (
        *("background", "car", "person", "bike", "curve"),
        *("car stop", "guardrail", "color cone", "bump"),
    )


def write_lists(folder, train, test, validation=None):
    (folder / "train.txt").write_text("\n".join(train))
    (folder / "test.txt").write_text("\n".join(test))
    if validation is not None:
        (folder / "val.txt").write_text("\n".join(validation))


def test_lists_are_the_official_split_and_validation_pairs_are_in_neither_part(tmp_path):
    folder = write_separate(tmp_path)
    write_lists(folder, ["00001D", "00200N"], ["00401D"], ["00600N"])
    train, test = load(tmp_path, "train"), load(tmp_path, "test")
    assert (train.keys, test.keys) == (("00001D", "00200N"), ("00401D",))
    assert test.rule_description == "official"
    assert not test.has_leakage
    assert test.notes == (("validation pairs", "1 of val.txt are in neither part"),)
    write_lists(folder, ["00001D", "00200N"], ["00401D"], ["00200N", "00600N"])
    note = "1 of val.txt are in neither part, 1 are in train or test"
    assert dict(load(tmp_path, "test").notes)["validation pairs"] == note


def test_mirrored_copies_are_left_out_of_the_files_and_of_the_lists(tmp_path):
    keys = (*KEYS, "00001D_flip", "00200N_flip")
    folder = write_official(tmp_path, keys)
    write_lists(folder, ["00001D", "00001D_flip", "00200N", "00200N_flip"], ["00401D", "00600N"])
    train = load(tmp_path, "train")
    assert train.keys == ("00001D", "00200N")
    assert load(tmp_path).keys == KEYS
    assert ("mirrored copies", "2 pairs called *_flip are left out") in train.notes


def test_neighboring_frames_in_both_lists_are_reported_as_leakage(tmp_path):
    keys = [f"{number:05d}D" for number in range(8)]
    folder = write_separate(tmp_path, keys=keys)
    write_lists(folder, keys[::2], keys[1::2])
    assert load(tmp_path, "test").has_leakage


def test_without_lists_another_rule_is_needed(tmp_path):
    write_separate(tmp_path)
    with pytest.raises(UserError, match=r"no official split here: .*no train\.txt and test\.txt"):
        load(tmp_path, "test")
    assert len(load(tmp_path, "test", split={"rule": "random"}).pairs) == 1


@pytest.mark.parametrize(
    "names",
    [
        ("rgb", "th", "labels"),
        ("RGB", "Thermal", "Label"),
        ("rgb", "ther", "labels"),
        ("RGB", "Modal", "Label"),
        ("rgb", "ir", "seg"),
    ],
)
def test_trees_with_one_folder_per_sensor(tmp_path, names):
    rgb, thermal, labels = names
    folder = write_separate(tmp_path, rgb, thermal, labels)
    pair = load(tmp_path).pairs[0]
    assert pair.infrared == folder / thermal / "00001D.png"
    assert pair.visible == folder / rgb / "00001D.png"
    assert pair.label_map == folder / labels / "00001D.png"


@pytest.mark.parametrize("name", ["seperated_images", "separated_images"])
def test_tree_with_both_sensors_in_one_folder(tmp_path, name):
    folder = tmp_path / "mfnet"
    for key in KEYS:
        write_image(folder / name / f"{key}_rgb.png", mode="RGB")
        write_image(folder / name / f"{key}_th.png")
        write_image(folder / f"labels/{key}.png", level=2)
    write_four_channels(folder / "images/00001D.png")  # what they were separated from
    split = load(tmp_path)
    assert split.keys == KEYS
    assert split.pairs[0].infrared == folder / name / "00001D_th.png"
    assert split.notes == ()


def test_folders_train_and_test_are_the_official_split(tmp_path):
    for part, keys in (("train", KEYS[:3]), ("test", KEYS[3:]), ("val", ["00700D"])):
        write_separate(tmp_path, f"{part}/rgb", f"{part}/th", f"{part}/labels", keys)
    assert load(tmp_path, "test").keys == ("00600N",)
    assert load(tmp_path).keys == KEYS
    assert load(tmp_path).notes == (("validation pairs", "val is not read"),)


def test_label_maps_of_three_equal_channels_are_class_ids(tmp_path):
    folder = write_separate(tmp_path, "rgb", "ir", "seg")
    write_image(folder / "seg/00001D.png", mode="RGB", level=4)
    split = load(tmp_path)
    labels = read_label_map(split.pairs[0].label_map, split.classes)
    assert split.classes[labels[0, 0]] == "curve"


def test_images_without_label_maps_can_be_fused_and_scored(tmp_path):
    folder = write_separate(tmp_path)
    for path in (folder / "labels").iterdir():
        path.unlink()
    (folder / "labels").rmdir()
    assert load(tmp_path).pairs[0].label_map is None


def delete_label_map(folder):
    (folder / "labels/00401D.png").unlink()


def delete_thermal_image(folder):
    (folder / "th/00401D.png").unlink()


def rename_thermal_folder(folder):
    (folder / "th").rename(folder / "warm")


@pytest.mark.parametrize(
    ("damage", "message"),
    [
        (delete_label_map, r"1 image\(s\) have no label in .*labels: 00401D"),
        (delete_thermal_image, r"1 image\(s\) have no partner in .*th: 00401D"),
        (rename_thermal_folder, r"no folder of infrared images.*found: labels, rgb, warm"),
    ],
)
def test_damaged_data_set_is_refused_by_name(tmp_path, damage, message):
    damage(write_separate(tmp_path))
    with pytest.raises(UserError, match=message):
        load(tmp_path)


def test_missing_data_set_is_reported_with_its_official_tree(tmp_path):
    with pytest.raises(DatasetNotFoundError, match=r"MFNet is not at .*images/\*\.png labels"):
        load(tmp_path)
