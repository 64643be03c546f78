"""Scaling of infrared images of more than 8 bits: rules, copies and protocol."""

import os

import numpy as np
import pytest
from PIL import Image
from pydantic import TypeAdapter, ValidationError

from fusebench import verify
from fusebench.data import images
from fusebench.data.image_files import infrared_scaling
from fusebench.data.split_builder import load_split
from fusebench.datasets import folder
from fusebench.errors import UserError
from fusebench.storage import hashing

RULES = TypeAdapter(infrared_scaling.InfraredScaling)
RANGE = {"rule": "range", "low": 7000, "high": 9000}


def scale(values, **rule):
    return infrared_scaling.scale_to_8_bits(np.array(values), RULES.validate_python(rule)).tolist()


@pytest.mark.parametrize("dtype", [np.uint16, np.int32, np.float32])
def test_range_is_scaled_clipped_and_rounded(dtype):
    # 7000 + 2000 k / 255 becomes k: 7500 becomes 63.75, 8000 becomes 127.5 and rounds to even
    values = np.array([[6000, 7000, 7500], [8000, 9000, 20000]], dtype)
    assert scale(values, **RANGE) == [[0, 0, 64], [128, 255, 255]]


def test_minmax_scales_each_image_to_the_whole_range():
    assert scale([[100.0, 200.0, 300.0]], rule="minmax") == [[0, 128, 255]]


def test_percentiles_do_not_follow_single_hot_pixels():
    values = np.arange(101.0)[None]
    values[0, 100] = 1e6
    scaled = np.array(scale(values, rule="percentile", low=10, high=90))[0]
    # The 10th percentile is 10, the 90th is 90: 50 is in the middle.
    assert scaled[[0, 10, 50, 90, 100]].tolist() == [0, 0, 128, 255, 255]


@pytest.mark.parametrize(
    "rule",
    [
        {"rule": "range"},
        {"rule": "range", "low": 9000, "high": 7000},
        {"rule": "range", "low": 5, "high": 5},
        {"rule": "range", "low": 0, "high": float("inf")},
        {"rule": "range", "low": float("nan"), "high": 1},
        {"rule": "percentile", "low": -1},
        {"rule": "percentile", "high": 101},
        {"rule": "minmax", "low": 0},
        {"rule": "histogram"},
    ],
)
def test_rules_that_cannot_be_applied_are_refused(rule):
    with pytest.raises(ValidationError):
        RULES.validate_python(rule)


def write_16_bit_pairs(root):
    for name in ("ir", "vi"):
        (root / "folder" / name).mkdir(parents=True)
    for index in range(3):
        values = np.linspace(7000, 9000, 12).reshape(3, 4) + index
        Image.fromarray(values.astype(np.uint16)).save(root / f"folder/ir/{index}.png")
        Image.new("RGB", (4, 3), (9, 9, 9)).save(root / f"folder/vi/{index}.png")


def load(root, rule=RANGE):
    return load_split(
        folder.load, root, "test", folder.Options.model_validate({"infrared_scaling": rule})
    )


def test_infrared_images_of_the_split_are_8_bit_copies_and_the_rule_is_in_the_protocol(tmp_path):
    write_16_bit_pairs(tmp_path)
    split = load(tmp_path)
    stored = np.asarray(Image.open(tmp_path / "folder/ir/0.png")).astype(float)
    expected = np.rint((stored - 7000) / 2000 * 255)
    np.testing.assert_array_equal(images.read_gray(split.pairs[0].infrared), expected)
    text = "values 7000 to 9000, scaled linearly to 0..255, clipped and rounded"
    assert split.notes == (("infrared scaling", text),)


def test_another_rule_is_another_input(tmp_path):
    write_16_bit_pairs(tmp_path)
    by_range, by_percentile = load(tmp_path), load(tmp_path, {"rule": "percentile"})
    assert hashing.hash_images(by_range) != hashing.hash_images(by_percentile)
    assert images.read_gray(by_range.pairs[0].infrared)[0, 0] == 0  # the first copies are kept


def test_copies_are_written_once_and_again_for_a_changed_file(tmp_path):
    write_16_bit_pairs(tmp_path)
    first, second, third = (pair.infrared for pair in load(tmp_path).pairs)
    for path in (first, second, third):
        os.utime(path, ns=(1, 1))
    Image.fromarray(np.full((3, 4), 9000, np.uint16)).save(tmp_path / "folder/ir/1.png")
    third.unlink()
    load(tmp_path)
    assert first.stat().st_mtime_ns == 1
    assert (images.read_gray(second) == 255).all()
    assert third.is_file()


def test_8_bit_and_color_images_are_refused_with_the_option(tmp_path):
    write_16_bit_pairs(tmp_path)
    Image.new("L", (4, 3), 9).save(tmp_path / "folder/ir/1.png")
    with pytest.raises(UserError, match=r"1\.png: 8 bits per channel, mode L; data\.infrared"):
        load(tmp_path)


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.full((3, 4), np.nan, np.float32), "infinite or not a number"),
        (np.full((3, 4), np.inf, np.float32), "infinite or not a number"),
        (np.full((3, 4), 8.0, np.float32), "limits of rule minmax are both 8 in this image"),
    ],
)
def test_values_without_a_scale_are_refused_by_name(tmp_path, values, message):
    write_16_bit_pairs(tmp_path)
    (tmp_path / "folder/ir/1.png").unlink()
    Image.fromarray(values).save(tmp_path / "folder/ir/1.tif")
    with pytest.raises(UserError, match=rf"1\.tif: .*{message}"):
        load(tmp_path, {"rule": "minmax"})


def test_damaged_copy_is_an_error_that_says_how_to_make_it_again(tmp_path):
    write_16_bit_pairs(tmp_path)
    path = load(tmp_path).pairs[0].infrared
    path.write_bytes(path.read_bytes()[:-20])
    with pytest.raises(UserError, match=f"verify --repair --data {tmp_path}`, then"):
        images.read_gray(path)
    assert verify.main(["--data", str(tmp_path)]) == 1
    assert path.exists()
    assert verify.main(["--data", str(tmp_path), "--repair"]) in (
        0,
        1,
    )
    assert not path.exists()
    assert images.read_gray(load(tmp_path).pairs[0].infrared).dtype == "uint8"


def test_data_folder_that_cannot_be_written_to_is_an_error(tmp_path):
    write_16_bit_pairs(tmp_path)
    (tmp_path / "scaled").write_text("a file in the way")
    with pytest.raises(UserError, match="cannot write the converted images"):
        load(tmp_path)
