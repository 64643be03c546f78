"""What counts as the same files. (Digests of specs: test_store.)"""

import numpy as np
import pytest
from PIL import Image

from fusebench.data.pairs import Pair, Split
from fusebench.storage import hashing

RNG = np.random.default_rng(0)


def save(image, path):
    Image.fromarray(image).save(path, **({"compress_level": 0} if path.suffix == ".png" else {}))


def split(folder, ending):
    for name in ("ir", "vi"):
        noise = RNG.integers(0, 256, (120, 160, 3), dtype=np.uint8)
        save(noise, folder / f"{name}.{ending}")
    files = [folder / f"{name}.{ending}" for name in ("ir", "vi")]
    return Split("toy", "test", (), (Pair("1", files[0], files[1], (160, 120)),))


def again(of):
    hashing.hash_images.cache_clear()
    return hashing.hash_images(of)


@pytest.mark.parametrize("ending", ["png", "bmp", "tif"])
@pytest.mark.parametrize("where", [(0, 0), (60, 80), (119, 159)])
def test_an_edit_that_keeps_the_length_of_the_file_is_seen(tmp_path, ending, where):
    toy = split(tmp_path, ending)
    before = again(toy)
    visible = toy.pairs[0].visible
    image = np.array(Image.open(visible))
    image[where] ^= 1
    length = visible.stat().st_size
    save(image, visible)
    assert visible.stat().st_size == length
    assert again(toy) != before


def test_a_copy_with_another_date_and_place_is_the_same(tmp_path):
    toy = split(tmp_path, "png")
    before = again(toy)
    (tmp_path / "moved").mkdir()
    for path in tmp_path.glob("*.png"):
        (tmp_path / "moved" / path.name).write_bytes(path.read_bytes())
    moved = tmp_path / "moved"
    pair = Pair("1", moved / "ir.png", moved / "vi.png", (160, 120))
    assert again(Split("toy", "test", (), (pair,))) == before


def test_infrared_and_visible_are_not_the_same_thing(tmp_path):
    toy = split(tmp_path, "png")
    pair = toy.pairs[0]
    swapped = Split("toy", "test", (), (Pair("1", pair.visible, pair.infrared, pair.size),))
    assert again(swapped) != again(toy)
