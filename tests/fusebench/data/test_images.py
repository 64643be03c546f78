"""Reading and writing of images, and luminance."""

import numpy as np
import pytest
from PIL import Image

from fusebench.data import images
from fusebench.errors import UserError
from fusebench.storage.store import Store

RNG = np.random.default_rng(0)


def test_luminance_is_bt601_as_computed_by_hand():
    color = np.array([[[255, 0, 0], [0, 255, 0], [0, 0, 255], [10, 20, 30]]], np.uint8)
    assert images.luminance(color).tolist() == [[76, 150, 29, 18]]  # 76.245 149.685 29.07 18.15


def test_replaced_luminance_keeps_cb_and_cr_of_pillows_conversion():
    """Without clipping; to one gray level, because Pillow rounds Cb and Cr to 8 bits."""
    color = RNG.integers(90, 160, (16, 16, 3), dtype=np.uint8)
    gray = RNG.integers(100, 150, (16, 16), dtype=np.uint8)
    before = np.asarray(Image.fromarray(color).convert("YCbCr"), int)
    after = np.asarray(Image.fromarray(images.replace_luminance(color, gray)).convert("YCbCr"), int)
    assert np.abs(after[..., 1:] - before[..., 1:]).max() <= 1
    assert np.abs(after[..., 0] - gray).max() <= 1


def test_replaced_luminance_is_the_nearest_gray_level_of_the_exact_result():
    """In integers, for colors and gray levels of all kinds; every second color is a tie."""
    color = RNG.integers(0, 256, (400, 300, 3), dtype=np.uint8)
    thousandths = color.astype(int) @ [299, 587, 114]
    ties = color[thousandths % 1000 == 500]
    assert len(ties) > 50
    color[:, ::2] = ties[RNG.integers(0, len(ties), (400, 150))]
    gray = RNG.integers(0, 256, (400, 300), dtype=np.uint8)
    shifts = 1000 * gray.astype(int) - color.astype(int) @ [299, 587, 114]
    exact = (1000 * color.astype(int) + shifts[..., None]).clip(0, 255_000)
    view = np.flip(np.flip(color, 1).copy(), 1)  # an array whose memory runs backwards
    assert np.abs(1000 * images.replace_luminance(view, gray).astype(int) - exact).max() == 500


def test_replacing_luminance_by_itself_changes_nothing():
    color = RNG.integers(0, 256, (16, 16, 3), dtype=np.uint8)
    replaced = images.replace_luminance(color, images.luminance(color))
    assert np.abs(replaced.astype(int) - color).max() <= 1


def test_luminance_of_another_size_is_refused():
    with pytest.raises(ValueError, match=r"\(4, 5\) but luminance is \(5, 4\)"):
        images.replace_luminance(np.zeros((4, 5, 3), np.uint8), np.zeros((5, 4), np.uint8))


@pytest.mark.parametrize("mode", ["L", "RGB", "RGBA", "P", "LA", "1"])
def test_every_8_bit_mode_is_read_as_color_and_as_gray(tmp_path, mode):
    Image.new("RGB", (5, 4), (255, 255, 255)).convert(mode).save(tmp_path / "a.png")
    assert images.read_color(tmp_path / "a.png").shape == (4, 5, 3)
    assert (images.read_gray(tmp_path / "a.png") == 255).all()


def test_gray_file_keeps_its_values(tmp_path):
    gray = np.arange(256, dtype=np.uint8).reshape(16, 16)
    images.write_png(tmp_path / "a.png", gray)
    np.testing.assert_array_equal(images.read_gray(tmp_path / "a.png"), gray)


def test_16_bit_image_is_refused_by_name(tmp_path):
    Image.fromarray(np.full((4, 4), 40000, np.uint16)).save(tmp_path / "deep.png")
    with pytest.raises(UserError, match=r"deep\.png: 16-bit integers; expected 8 bits per channel"):
        images.read_gray(tmp_path / "deep.png")


def test_truncated_file_is_refused_by_name(tmp_path):
    images.write_png(tmp_path / "a.png", RNG.integers(0, 256, (64, 64, 3), dtype=np.uint8))
    content = (tmp_path / "a.png").read_bytes()
    (tmp_path / "cut.png").write_bytes(content[: len(content) // 2])
    with pytest.raises(UserError, match=r"cut\.png: cannot be read as an image"):
        images.read_color(tmp_path / "cut.png")


def test_missing_file_and_text_file_are_refused_by_name(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    for name, message in (("text.png", "cannot be read"), ("none.png", "no such image")):
        with pytest.raises(UserError, match=f"{name}: {message}"):
            images.read_image_size(tmp_path / name)


def test_broken_image_in_the_store_is_to_be_created_again_not_replaced(tmp_path):
    (tmp_path / "text.png").write_text("hello")
    with pytest.raises(UserError, match=r"; replace the file$"):
        images.read_color(tmp_path / "text.png")
    Store(tmp_path).get_or_create(
        "fused", "toy", {}, lambda f: (f / "text.png").write_text("hello")
    )
    (folder,) = (tmp_path / "fused").iterdir()
    for name in ("text.png", "gone.png"):
        with pytest.raises(
            UserError, match=f"{name}: .*; run `.* verify --repair --out {tmp_path}`, then"
        ):
            images.read_color(folder / name)


def test_file_whose_header_claims_a_gigantic_image_is_refused(tmp_path):
    path = tmp_path / "00001.bmp"
    Image.new("RGB", (4, 4)).save(path)
    content = bytearray(path.read_bytes())
    content[18:26] = (60_000).to_bytes(4, "little") * 2  # BMP: width and height at bytes 18 and 22
    path.write_bytes(content)
    for read in (images.read_image_size, images.read_color):
        with pytest.raises(UserError, match=r"00001\.bmp: cannot be read as an image"):
            read(path)


@pytest.mark.parametrize(
    ("mode", "color"), [("L", "gray"), ("LA", "gray"), ("1", "gray"), ("RGB", "RGB"), ("P", "RGB")]
)
def test_color_mode_of_a_file_is_named(tmp_path, mode, color):
    Image.new("RGB", (5, 4), (200, 200, 200)).convert(mode).save(tmp_path / "a.png")
    assert images.read_color_mode(tmp_path / "a.png") == color
