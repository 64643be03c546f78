"""Hashes of image files: which changes of files change the hash (hashes of specs: test_store)."""

from dataclasses import replace

import numpy as np
import pytest
from PIL import Image

from fusebench.data.boxes import make_boxes
from fusebench.data.pairs import Pair, Split
from fusebench.storage import hashing

RNG = np.random.default_rng(0)


def save_uncompressed(image, path):
    Image.fromarray(image).save(path, **({"compress_level": 0} if path.suffix == ".png" else {}))


def write_split(folder, extension):
    for name in ("ir", "vi"):
        noise = RNG.integers(0, 256, (120, 160, 3), dtype=np.uint8)
        save_uncompressed(noise, folder / f"{name}.{extension}")
    infrared, visible = (folder / f"{name}.{extension}" for name in ("ir", "vi"))
    return Split("toy", "test", (), (Pair("1", infrared, visible, (160, 120)),))


def compute_hash(split):
    return hashing.hash_images(replace(split))


@pytest.mark.parametrize("extension", ["png", "bmp", "tif"])
@pytest.mark.parametrize("pixel", [(0, 0), (60, 80), (119, 159)])
def test_edit_that_keeps_the_file_length_changes_the_hash(tmp_path, extension, pixel):
    split = write_split(tmp_path, extension)
    before = compute_hash(split)
    visible = split.pairs[0].visible
    image = np.array(Image.open(visible))
    image[pixel] ^= 1
    length = visible.stat().st_size
    save_uncompressed(image, visible)
    assert visible.stat().st_size == length
    assert compute_hash(split) != before


def test_copy_in_another_folder_with_another_date_has_the_same_hash(tmp_path):
    split = write_split(tmp_path, "png")
    before = compute_hash(split)
    (tmp_path / "moved").mkdir()
    for path in tmp_path.glob("*.png"):
        (tmp_path / "moved" / path.name).write_bytes(path.read_bytes())
    moved = tmp_path / "moved"
    pair = Pair("1", moved / "ir.png", moved / "vi.png", (160, 120))
    assert compute_hash(Split("toy", "test", (), (pair,))) == before


def test_swapping_infrared_and_visible_changes_the_hash(tmp_path):
    split = write_split(tmp_path, "png")
    pair = split.pairs[0]
    swapped = Split("toy", "test", (), (Pair("1", pair.visible, pair.infrared, pair.size),))
    assert compute_hash(swapped) != compute_hash(split)


def test_boxes_have_the_hash_that_they_had_before_boxes_could_be_ignored(tmp_path):
    path, rows = tmp_path / "a.png", [[1, 2.0, 3.0, 4.5, 6.0], [0, 0.0, 0.0, 9.0, 9.0]]

    def hash_boxes(ignored):
        boxes = make_boxes([row[1:] for row in rows], [row[0] for row in rows], (), ignored)
        pairs = (Pair("1", path, path, (10, 10), boxes),)
        return hashing.hash_labels(Split("toy", "test", ("road", "car"), pairs))

    document = {"classes": ["road", "car"], "labels": [["1", rows, None]]}
    assert hash_boxes([]) == hash_boxes([False, False]) == hashing.content_hash(document)
    assert len({hash_boxes(flags) for flags in ([0, 0], [0, 1], [1, 0], [1, 1])}) == 4


def hash_label_map(path, classes=("road", "car")):
    pair = Pair("1", path, path, (1, 1), label_map=path)
    split = Split("toy", "test", classes, (pair,))
    file_hash = hashing.compute_file_sha256(path)[: hashing.HASH_LENGTH]
    of_bytes = hashing.content_hash({"classes": list(classes), "labels": [["1", None, file_hash]]})
    return hashing.hash_labels(split), of_bytes


def test_label_image_whose_ids_are_the_stored_values_is_hashed_by_its_bytes(tmp_path):
    """So results of earlier versions stay valid: gray, and a palette in the order of its ids."""
    gray = Image.fromarray(np.array([[0, 1, 255]], np.uint8))
    gray.save(tmp_path / "gray.png")
    palette = gray.convert("L")
    palette.putpalette([level for i in range(256) for level in (i, i, i)])
    palette.save(tmp_path / "palette.png")
    for name in ("gray.png", "palette.png"):
        by_content, of_bytes = hash_label_map(tmp_path / name)
        assert by_content == of_bytes


def test_label_image_that_is_read_by_a_rule_has_another_hash_than_its_bytes(tmp_path):
    """Earlier versions took 255 for 1 of a 1-bit file, and the indices of every palette."""
    Image.fromarray(np.array([[False, True]])).save(tmp_path / "1-bit.png")
    renumbered = Image.fromarray(np.array([[1, 0]], np.uint8), "P")
    renumbered.putpalette([5, 5, 5, 0, 0, 0])
    renumbered.save(tmp_path / "palette.png")
    exif = Image.Exif()
    exif[0x0112] = 3
    Image.fromarray(np.array([[0, 1]], np.uint8)).save(tmp_path / "turned.png", exif=exif)
    for name in ("1-bit.png", "palette.png", "turned.png"):
        by_content, of_bytes = hash_label_map(tmp_path / name)
        assert by_content != of_bytes, name
