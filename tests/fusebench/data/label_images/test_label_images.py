"""Label images are read only where their ids are certain; right ids are written down by hand."""

import os
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from fusebench.data import fmb_palette
from fusebench.data.label_images.reading import read_label_image
from fusebench.datasets import fmb
from fusebench.errors import UserError

IDS = [[0, 1, 9, 14], [9, 9, 3, 1]]
COLORS = {0: (0, 0, 0), 1: (179, 228, 228), 3: (67, 162, 177), 9: (66, 121, 253)} | {
    14: (135, 113, 90)
}  # of unlabeled, road, building, car and pole in FMB
COLOR_IDS = fmb_palette.map_colors_to_ids(fmb.CLASSES)
VOC = {0: (0, 0, 0), 1: (128, 0, 0), 2: (0, 128, 0), 15: (192, 128, 128), 20: (0, 64, 128)} | {
    255: (224, 224, 192)
}


def read(path):
    return read_label_image(path, COLOR_IDS).tolist()


def as_array(ids=IDS):
    return np.array(ids, np.uint8)


def color(ids=IDS):
    return np.array([[COLORS[i] for i in row] for row in ids], np.uint8)


def write_palette(path, indices, palette):
    """Write a palette image; ``palette`` is index to color, all others are (9, 9, 9)."""
    image = Image.fromarray(np.array(indices, np.uint8), "P")
    colors = [palette.get(index, (9, 9, 9)) for index in range(256)]
    image.putpalette([value for color in colors for value in color])
    image.save(path)
    return path


def renumber(ids, order):
    """The position of every id in an ``order``: how some programs number a palette again."""
    return [[order.index(i) for i in row] for row in ids]


def write_png(path, rows, bits):
    """Write a gray PNG of 1, 2 or 4 bits; Pillow cannot."""

    def chunk(name, data):
        content = name + data
        return struct.pack(">I", len(data)) + content + struct.pack(">I", zlib.crc32(content))

    lines = b""
    for row in rows:
        digits = "".join(f"{value:0{bits}b}" for value in row)
        digits += "0" * (-len(digits) % 8)
        lines += b"\0" + int(digits, 2).to_bytes(len(digits) // 8, "big")
    header = struct.pack(">IIBBBBB", len(rows[0]), len(rows), bits, 0, 0, 0, 0)
    chunks = chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(lines)) + chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunks)
    return path


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_gray_of_few_bits_has_the_stored_values_as_ids(tmp_path, bits):
    ids = [[value % 2**bits for value in row] for row in IDS]
    assert read(write_png(tmp_path / "a.png", ids, bits)) == ids


@pytest.mark.parametrize("suffix", ["png", "bmp", "tif"])
def test_a_mask_of_one_bit_is_0_and_1(tmp_path, suffix):
    Image.fromarray(np.array([[True, False, True]])).save(tmp_path / f"a.{suffix}")
    assert read(tmp_path / f"a.{suffix}") == [[1, 0, 1]]


ALPHA = Image.new("L", (4, 2), 255)


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(
    "image",
    [
        Image.fromarray(as_array()),
        Image.fromarray(as_array().astype(np.uint16)),
        Image.merge("RGB", [Image.fromarray(as_array())] * 3),
        Image.merge("LA", [Image.fromarray(as_array()), ALPHA]),
        Image.merge("RGBA", [*[Image.fromarray(as_array())] * 3, ALPHA]),
        Image.fromarray(color()),
        Image.fromarray(as_array()).convert("P"),
        Image.fromarray(as_array()).quantize(256),
        Image.fromarray(color()).quantize(256),
    ],
    ids=["gray", "16 bits", "RGB", "LA", "RGBA", "colors", "gray palette", "gray renum.", "renum."],
)
def test_lossless_forms_of_the_same_ids(tmp_path, suffix, image):
    image.save(tmp_path / f"a.{suffix}")
    assert read(tmp_path / f"a.{suffix}") == IDS


@pytest.mark.parametrize(
    ("image", "message"),
    [
        (Image.fromarray(as_array().astype(np.uint16) * 257), "divide them by 257"),
        (Image.fromarray(as_array().astype(np.uint16) + 300), r"value 300 \(1 pixels\) is no cl"),
        (Image.fromarray(as_array().astype(np.float32)), "mode F"),
        (Image.merge("LA", [ALPHA, Image.fromarray(as_array())]), "alpha channel that is not 255"),
        (Image.fromarray(color()[..., ::-1]), "red and blue are in the other order"),
        (Image.fromarray(color() + np.uint8(1)), r"the folder Label, not color"),
        (Image.new("CMYK", (4, 2)), "mode CMYK"),
    ],
)
def test_other_forms_are_refused_with_what_to_do(tmp_path, image, message):
    image.save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=f"a.tif: .*{message}") as error:
        read(tmp_path / "a.tif")
    assert "convert" not in str(error.value).replace("a conversion from 8 to 16", "")


@pytest.mark.parametrize("name", ["JPEG", "WEBP", "JPEG2000"])
@pytest.mark.parametrize("suffix", ["png", "tif"])
def test_lossy_files_are_refused_by_content_whatever_the_name(tmp_path, name, suffix):
    Image.fromarray(as_array()).save(tmp_path / f"a.{suffix}", name)
    with pytest.raises(UserError, match=f"(?i)a.{suffix}: is a {name[:4]}.* has to be a PNG"):
        read(tmp_path / f"a.{suffix}")


def test_lossless_content_under_the_name_of_a_lossy_format_is_read(tmp_path):
    Image.fromarray(as_array()).save(tmp_path / "a.jpg", "PNG")
    assert read(tmp_path / "a.jpg") == IDS


def test_lossy_compression_and_several_pages_in_a_tiff_are_refused(tmp_path):
    image = Image.fromarray(as_array())
    image.save(tmp_path / "jpeg.tif", compression="jpeg")
    image.save(tmp_path / "pages.tif", save_all=True, append_images=[image])
    with pytest.raises(UserError, match="TIFF file with jpeg compression"):
        read(tmp_path / "jpeg.tif")
    with pytest.raises(UserError, match="2 pages or frames"):
        read(tmp_path / "pages.tif")
    image.save(tmp_path / "lzw.tif", compression="tiff_lzw")
    assert read(tmp_path / "lzw.tif") == IDS


@pytest.mark.parametrize("suffix", ["png", "tif", "bmp"])
def test_a_renumbered_palette_of_fmbs_colors_is_read_by_color(tmp_path, suffix):
    order = [9, 14, 0, 3, 1]
    palette = {index: COLORS[i] for index, i in enumerate(order)}
    path = write_palette(tmp_path / f"a.{suffix}", renumber(IDS, order), palette)
    assert read(path) == IDS


def test_a_palette_in_the_order_of_the_classes_has_the_same_ids(tmp_path):
    assert read(write_palette(tmp_path / "a.png", IDS, COLORS)) == IDS


def test_a_gray_palette_is_read_by_color_and_255_stays(tmp_path):
    """Renumbered: index 0 is gray 9, index 1 gray 255, index 2 gray 0."""
    palette = {0: (9,) * 3, 1: (255,) * 3, 2: (0,) * 3}
    path = write_palette(tmp_path / "a.png", [[0, 1], [2, 0]], palette)
    assert read(path) == [[9, 255], [0, 9]]


@pytest.mark.parametrize("white", [0, 1])
def test_a_palette_of_black_and_white_alone_is_ambiguous(tmp_path, white):
    palette = {white: (255,) * 3, 1 - white: (0,) * 3}
    path = write_palette(tmp_path / "a.png", [[0, 1]], palette)
    with pytest.raises(UserError, match=f"id {white}, or 255 for unlabeled"):
        read(path)


def test_white_at_index_255_is_unlabeled(tmp_path):
    path = write_palette(tmp_path / "a.png", [[0, 255]], {0: (0,) * 3, 255: (255,) * 3})
    assert read(path) == [[0, 255]]


def test_the_palette_of_pascal_voc_in_its_order_has_indices_as_ids(tmp_path):
    indices = [[0, 1, 2], [15, 20, 255]]
    assert read(write_palette(tmp_path / "a.png", indices, VOC)) == indices


def test_a_renumbered_palette_of_pascal_voc_is_refused(tmp_path):
    palette = {0: VOC[15], 1: VOC[0], 2: VOC[1]}
    path = write_palette(tmp_path / "a.png", [[0, 1, 2]], palette)
    with pytest.raises(UserError, match=r"not certain that its indices .* palette: indices"):
        read(path)


def test_equal_colors_of_two_used_indices_show_that_nothing_was_renumbered(tmp_path):
    assert read(write_palette(tmp_path / "a.png", IDS, {})) == IDS


def test_equal_colors_beside_classes_in_another_order_are_refused(tmp_path):
    palette = {0: COLORS[0], 1: COLORS[9], 2: COLORS[9], 3: COLORS[1]}
    path = write_palette(tmp_path / "a.png", [[0, 1, 2, 3]], palette)
    with pytest.raises(UserError, match="not certain that its indices"):
        read(path)


def test_an_unknown_palette_is_read_only_if_the_user_states_what_its_indices_are(tmp_path):
    palette = {i: (10 * i, 200, 255 - i) for i in range(15)}
    path = write_palette(tmp_path / "a.png", IDS, palette)
    with pytest.raises(UserError, match=r"index 0 is RGB \(0, 200, 255\); 5 of 5 colors are of no"):
        read(path)
    assert read_label_image(path, trust_indices=True).tolist() == IDS


def test_an_index_beyond_the_palette_is_refused(tmp_path):
    image = Image.fromarray(np.array([[0, 1, 3]], np.uint8), "P")
    image.putpalette([value for i in (0, 1, 9) for value in COLORS[i]])
    image.save(tmp_path / "a.png")
    with pytest.raises(UserError, match="palette index 3, but the palette ends at 2"):
        read(tmp_path / "a.png")


def test_gray_bmp_whose_depth_pillow_mistakes_is_refused(tmp_path):
    """A palette of black and white makes Pillow decode 8 bits per pixel as 1."""
    image = Image.fromarray(np.array([[0, 1, 1, 0]], np.uint8), "P")
    image.putpalette([0, 0, 0, 255, 255, 255])
    image.save(tmp_path / "a.bmp")
    with pytest.raises(UserError, match="gray BMP file of unusual depth"):
        read(tmp_path / "a.bmp")


@pytest.mark.parametrize("suffix", ["png", "tif"])
@pytest.mark.parametrize(
    ("orientation", "displayed"), [(3, [[3, 2, 1], [6, 5, 4]]), (6, [[4, 6], [5, 5], [6, 4]])]
)
def test_the_orientation_is_applied(tmp_path, suffix, orientation, displayed):
    """By hand: 3 is a turn by 180 degrees, 6 a turn by 90 degrees clockwise."""
    stored = {3: [[4, 5, 6], [1, 2, 3]], 6: [[6, 5, 4], [4, 5, 6]]}[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    Image.fromarray(as_array(stored)).save(tmp_path / f"a.{suffix}", exif=exif)
    assert read(tmp_path / f"a.{suffix}") == displayed


def test_what_is_no_image_file_is_refused_by_name(tmp_path):
    os.mkfifo(tmp_path / "pipe.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "text.png").write_text("no image")
    for name, message in (
        ("pipe", "is a (named pipe|folder)"),
        ("folder", "is a (named pipe|folder)"),
        ("text", "cannot be read as an image"),
        ("none", "no such image"),
    ):
        with pytest.raises(UserError, match=rf"{name}\.png: {message}"):
            read(tmp_path / f"{name}.png")


def test_a_header_that_claims_a_huge_image_is_refused_before_decoding(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.bmp")
    content = bytearray((tmp_path / "a.bmp").read_bytes())
    content[18:26] = (9000).to_bytes(4, "little") * 2  # width and height, 81 million pixels
    (tmp_path / "a.bmp").write_bytes(content)
    with pytest.raises(UserError, match="9000 x 9000 pixels; at most 67,108,864 are read"):
        read(tmp_path / "a.bmp")
