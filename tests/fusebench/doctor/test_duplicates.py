"""Duplicates: equal pixels, near-duplicates, and the same view in train and test."""

import imagehash
import numpy as np
import pytest
from PIL import Image

from fusebench.doctor.checks import duplicates, perceptual_hash

RNG = np.random.default_rng(2)


def flip_bits(text, *bits):
    """The hash with some bits changed."""
    value = int(text, 16)
    for bit in bits:
        value ^= 1 << bit
    return f"{value:016x}"


def make_hashes(count):
    return [f"{value:016x}" for value in RNG.integers(0, 2**64, count, np.uint64).tolist()]


def check(hashes, parts=None, digests=None):
    digests = digests or {key: (f"i{key}", f"v{key}") for key in hashes}
    return duplicates.check_duplicates(digests, hashes, parts or {}).findings


def test_the_hash_says_which_cells_are_brighter_than_their_left_neighbor():
    ramp = np.repeat(np.arange(9, dtype=np.uint8) * 20, 8)[None].repeat(64, axis=0)
    assert perceptual_hash.compute_difference_hash(ramp) == "f" * 16
    assert perceptual_hash.compute_difference_hash(ramp[:, ::-1].copy()) == "0" * 16


def test_an_image_and_its_compressed_brighter_copy_are_near_duplicates(tmp_path):
    coarse = RNG.integers(0, 200, (12, 16), dtype=np.uint8)
    image = np.asarray(Image.fromarray(coarse).resize((320, 240), Image.Resampling.BICUBIC))
    Image.fromarray(image // 2 + 60).save(tmp_path / "copy.jpg", quality=60)
    copy = np.asarray(Image.open(tmp_path / "copy.jpg"))
    hashes = [
        imagehash.hex_to_hash(perceptual_hash.compute_difference_hash(i)) for i in (image, copy)
    ]
    assert hashes[0] - hashes[1] <= perceptual_hash.NEAR_DUPLICATE_BITS


@pytest.mark.parametrize("block_size", [7, 512])
def test_the_comparison_in_blocks_agrees_with_a_double_loop(block_size, monkeypatch):
    monkeypatch.setattr(perceptual_hash, "BLOCK_SIZE", block_size)
    arrays = [RNG.integers(0, 16, 40).astype(np.uint64) for _ in range(2)]
    expected = {
        (i, j)
        for i in range(40)
        for j in range(i + 1, 40)
        if all(int(a[i] ^ a[j]).bit_count() <= 1 for a in arrays)
    }
    blocks = perceptual_hash.find_close_hashes(arrays, 1)
    close = {pair for first, second in blocks for pair in zip(first, second, strict=True)}
    assert close == expected
    assert expected


def test_near_duplicates_are_grouped_through_others_and_need_both_sensors():
    a, b = make_hashes(2)
    hashes = {
        "k1": (a, b),
        "k2": (flip_bits(a, 1, 2, 3), b),
        "k3": (flip_bits(a, 1, 2, 3, 4, 5, 6), b),  # near k2, not k1
        "k4": (a, flip_bits(b, *range(20))),  # near in infrared only
    }
    assert perceptual_hash.group_near_duplicates(hashes) == [["k1", "k2", "k3"]]


@pytest.mark.parametrize(
    ("parts", "severity"),
    [
        ({}, "warning"),
        ({"a": "train", "b": "test"}, "warning"),
        ({"a": "train", "b": "train"}, "note"),  # frames of one recording
    ],
)
def test_near_duplicates_within_one_part_of_the_split_are_a_note(parts, severity):
    first, second = make_hashes(2)
    hashes = {"a": (first, second), "b": (flip_bits(first, 1), second)}
    assert check(hashes, parts)[0].severity == severity


def test_equal_pairs_in_train_and_test_are_an_error_and_within_a_part_a_warning():
    hashes = dict(zip("abcd", zip(make_hashes(4), make_hashes(4), strict=True), strict=True))
    digests = {"a": ("1", "2"), "b": ("1", "2"), "c": ("3", "4"), "d": ("3", "4")}
    parts = {"a": "train", "b": "test", "c": "train", "d": "train"}
    findings = check(hashes, parts, digests)
    assert [finding.severity for finding in findings] == ["error", "warning"]
    assert findings[0].items[0].name == "a (train), b (test)"


def test_one_infrared_image_with_two_visible_images_is_an_error():
    hashes = dict(zip("ab", zip(make_hashes(2), make_hashes(2), strict=True), strict=True))
    (finding,) = check(hashes, digests={"a": ("1", "2"), "b": ("1", "3")})
    assert finding.severity == "error"
    assert "the same infrared image, but different visible images" in finding.title


def test_neighboring_frames_in_train_and_test_are_reported_for_the_test_pair():
    a, b = make_hashes(2)
    hashes = {"a": (a, b), "b": (flip_bits(a, *range(8)), flip_bits(b, *range(9)))}
    (finding,) = check(hashes, {"a": "train", "b": "test"})
    assert finding.title.startswith("1 of 1 test pairs show the same view")
    assert [item.name for item in finding.items] == ["b"]
    assert not check(hashes, {"a": "train", "b": "train"})


def test_different_scenes_give_no_finding():
    keys = [f"{i:03d}" for i in range(100)]
    hashes = dict(zip(keys, zip(make_hashes(100), make_hashes(100), strict=True), strict=True))
    assert not check(hashes, {key: ("train", "test")[int(key) % 2] for key in keys})
