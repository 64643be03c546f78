"""PST900: trees, class order, 8-bit and 16-bit thermal images, recordings."""

import numpy as np
import pytest
from PIL import Image

from fusebench.data.images import read_gray
from fusebench.data.label_maps import read_label_map
from fusebench.data.split_builder import load_split
from fusebench.datasets import pst900
from fusebench.errors import UserError
from tests.helpers.dataset_folders import IMAGE_SIZE, write_image

TRAIN = ("31_bag1a_rect_rgb_frame0000000007", "31_bag1a_rect_rgb_frame0000000029")
TEST = ("05_bag2_rect_rgb_frame0000000100",)


def load(root, split="all", /, **options):
    # Positional only, because ``split`` is an option too.
    return load_split(pst900.load, root, split, pst900.Options(**options))


def write_pair(folder, key):
    write_image(folder / f"rgb/{key}.png", mode="RGB")
    write_image(folder / f"thermal/{key}.png")
    write_image(folder / f"labels/{key}.png", level=3)
    write_image(folder / f"depth/{key}.png")  # of the release, not read
    raw = np.full(IMAGE_SIZE[::-1], 8000, np.uint16)
    raw[0, 0] = 7000
    (folder / "thermal_raw").mkdir(exist_ok=True)
    Image.fromarray(raw).save(folder / f"thermal_raw/{key}.png")


def write_official(root):
    for part, keys in (("train", TRAIN), ("test", TEST)):
        for key in keys:
            write_pair(root / "pst900" / part, key)
    return root / "pst900"


def test_folders_are_the_official_split_and_the_8_bit_images_are_read(tmp_path):
    folder = write_official(tmp_path)
    train, test = load(tmp_path, "train"), load(tmp_path, "test")
    assert (train.keys, test.keys) == (TRAIN, TEST)
    (pair,) = test.pairs
    assert pair.infrared == folder / "test/thermal" / f"{TEST[0]}.png"
    assert pair.visible == folder / "test/rgb" / f"{TEST[0]}.png"
    assert pair.label_map == folder / "test/labels" / f"{TEST[0]}.png"
    assert (test.rule_description, test.notes) == ("official", ())


def test_id_3_is_the_hand_drill_as_in_the_authors_evaluation(tmp_path):
    write_official(tmp_path)
    split = load(tmp_path)
    labels = read_label_map(split.pairs[0].label_map, split.classes)
    assert split.classes[labels[0, 0]] == "hand drill"
    assert split.classes.index("fire extinguisher") == 1
    assert (split.classes[2], split.classes[4]) == ("backpack", "survivor")


def test_raw_images_are_scaled_by_a_rule(tmp_path):
    write_official(tmp_path)
    rule = {"rule": "range", "low": 7000, "high": 9000}
    pair = load(tmp_path, infrared="thermal_raw", infrared_scaling=rule).pairs[0]
    values = read_gray(pair.infrared)
    assert (values[0, 0], values[0, 1]) == (0, 128)


def test_raw_images_without_a_rule_are_refused_when_they_are_read(tmp_path):
    write_official(tmp_path)
    pair = load(tmp_path, infrared="thermal_raw").pairs[0]
    with pytest.raises(UserError, match=r"16-bit integers.*data\.infrared_scaling"):
        read_gray(pair.infrared)


def test_rule_for_the_8_bit_images_is_refused(tmp_path):
    write_official(tmp_path)
    with pytest.raises(UserError, match="8 bits per channel, mode L"):
        load(tmp_path, infrared_scaling={"rule": "minmax"})


def test_recordings_are_the_sequences(tmp_path):
    write_official(tmp_path)
    assert [pair.sequence for pair in load(tmp_path).pairs] == ["05_bag2", "31_bag1a", "31_bag1a"]
    assert not load(tmp_path, "test").has_leakage


def test_recording_in_train_and_test_is_leakage(tmp_path):
    folder = write_official(tmp_path)
    write_pair(folder / "test", "31_bag1a_rect_rgb_frame0000000051")
    assert load(tmp_path, "test").has_leakage


def test_lists_divide_a_tree_without_the_folders_train_and_test(tmp_path):
    folder = tmp_path / "PST900"
    for key in (*TRAIN, *TEST):
        write_pair(folder, key)
    with pytest.raises(UserError, match=r"no folders train and test, and no train\.txt"):
        load(tmp_path, "test")
    (folder / "train.txt").write_text("\n".join(TRAIN))
    (folder / "test.txt").write_text("\n".join(TEST))
    assert load(tmp_path, "test").keys == TEST


def test_the_archives_own_folder_is_found(tmp_path):
    write_official(tmp_path).rename(tmp_path / "PST900_RGBT_Dataset")
    (tmp_path / "pst900").mkdir()
    (tmp_path / "PST900_RGBT_Dataset").rename(tmp_path / "pst900/PST900_RGBT_Dataset")
    assert len(load(tmp_path).pairs) == 3


def test_missing_thermal_folder_is_refused(tmp_path):
    folder = write_official(tmp_path)
    (folder / "test/thermal").rename(folder / "test/warm")
    with pytest.raises(UserError, match=r"test: no folder of infrared images \(thermal; any case"):
        load(tmp_path)
