"""Opening of image files: orientation, formats, bit depth, checksums, and what is refused."""

import os
import socket
import struct
import zlib

import cv2
import numpy as np
import pytest
from PIL import Image, TiffImagePlugin

from fusebench.data import images
from fusebench.data.image_files import png_chunks, reader
from fusebench.data.image_files.orientation import parse_orientation
from fusebench.errors import UserError

# Four quarters of other colors: no rotation or reflection leaves them as they are.
QUARTERS = np.zeros((16, 24, 3), np.uint8)
QUARTERS[:8, :12], QUARTERS[:8, 12:], QUARTERS[8:, :12] = (250, 0, 0), (0, 250, 0), (0, 0, 250)
# What viewers show for each value of the EXIF tag (EXIF 2.32, 4.6.4), by NumPy.
DISPLAYED = {
    1: lambda stored: stored,
    2: lambda stored: stored[:, ::-1],
    3: lambda stored: stored[::-1, ::-1],
    4: lambda stored: stored[::-1],
    5: lambda stored: stored.transpose(1, 0, 2),
    6: lambda stored: np.rot90(stored, -1),
    7: lambda stored: stored[::-1, ::-1].transpose(1, 0, 2),
    8: lambda stored: np.rot90(stored),
}


def build_exif(orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    return exif.tobytes()


def build_chunk(kind, content):
    checksum = zlib.crc32(kind + content)
    return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", checksum)


def insert_chunk(path, kind, content, *, after_pixels=False):
    """Insert a chunk after the header of a PNG, or before its last chunk."""
    data = path.read_bytes()
    position = data.index(b"IEND") - 4 if after_pixels else 33
    path.write_bytes(data[:position] + build_chunk(kind, content) + data[position:])


@pytest.mark.parametrize("orientation", DISPLAYED)
@pytest.mark.parametrize("extension", [".jpg", ".png", ".tif", ".webp"])
def test_image_is_turned_as_by_viewers_and_opencv(tmp_path, extension, orientation):
    path = tmp_path / f"a{extension}"
    tag = (
        {"tiffinfo": {0x0112: orientation}}
        if extension == ".tif"
        else {"exif": build_exif(orientation)}
    )
    Image.fromarray(QUARTERS).save(path, quality=95, subsampling=0, lossless=True, **tag)
    expected = DISPLAYED[orientation](QUARTERS)
    color = images.read_color(path)
    assert np.abs(color.astype(int) - expected).max() < 10
    by_opencv = cv2.imdecode(np.fromfile(path, np.uint8), cv2.IMREAD_COLOR)
    assert np.abs(color.astype(int) - by_opencv[..., ::-1]).max() < 2
    assert images.read_image_size(path) == expected.shape[1::-1]
    assert images.read_gray(path).shape == expected.shape[:2]


def test_orientation_after_the_pixels_of_a_png_is_applied(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(QUARTERS).save(path)
    insert_chunk(path, b"eXIf", build_exif(6).removeprefix(b"Exif\0\0"), after_pixels=True)
    assert images.read_image_size(path) == (16, 24)
    np.testing.assert_array_equal(images.read_color(path), np.rot90(QUARTERS, -1))


def test_orientation_in_xmp_only_is_refused_because_programs_differ(tmp_path):
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><a tiff:Orientation="6"/></x:xmpmeta>'
    Image.fromarray(QUARTERS).save(tmp_path / "xmp.jpg", xmp=xmp)
    with pytest.raises(UserError, match=r"xmp\.jpg: the orientation 6 stands in XMP"):
        images.read_color(tmp_path / "xmp.jpg")
    Image.fromarray(QUARTERS).save(tmp_path / "both.jpg", xmp=xmp, exif=build_exif(1))
    assert images.read_color(tmp_path / "both.jpg").shape == (16, 24, 3)


@pytest.mark.parametrize(
    "exif", [b"", b"MM\0*", b"II*\0\xff\xff\xff\xff", b"MM\0*\0\0\0\x08\xff\xff" + b"\1" * 40]
)
def test_damaged_exif_is_no_orientation(exif):
    assert parse_orientation(exif) == 0


@pytest.mark.parametrize("image_format", ["PNG", "JPEG", "BMP", "TIFF", "WEBP", "MPO"])
def test_format_is_recognized_by_content_whatever_the_extension(tmp_path, image_format):
    Image.fromarray(QUARTERS).save(tmp_path / "a.jpg", image_format)
    assert images.read_color(tmp_path / "a.jpg").shape == (16, 24, 3)
    assert images.read_image_size(tmp_path / "a.jpg") == (24, 16)


@pytest.mark.parametrize(
    ("image_format", "name"),
    [("GIF", "a GIF"), ("PPM", "a PPM"), ("EPS", "PostScript"), ("JPEG2000", "JPEG 2000")],
)
def test_other_formats_are_refused_by_name_from_the_header(tmp_path, image_format, name):
    Image.fromarray(QUARTERS).save(tmp_path / "a.png", image_format)
    for read in (images.read_image_size, images.read_color):
        with pytest.raises(UserError, match=rf"a\.png: .*content is {name}; expected PNG, JPEG"):
            read(tmp_path / "a.png")


@pytest.mark.parametrize("extension", [".tif", ".png", ".webp"])
def test_several_pages_or_frames_are_refused_with_their_number(tmp_path, extension):
    path = tmp_path / f"a{extension}"
    frames = [Image.new("RGB", (8, 8), (level, 0, 0)) for level in (10, 100, 200)]
    frames[0].save(path, save_all=True, append_images=frames[1:])
    for read in (images.read_image_size, images.read_gray):
        with pytest.raises(UserError, match="3 pages or frames in one file"):
            read(path)


@pytest.mark.parametrize("name", ["a.png", "a.tif"])
@pytest.mark.parametrize("shape", [(4, 5), (4, 5, 3)])
def test_16_bits_per_channel_are_refused_and_not_cut(tmp_path, name, shape):
    cv2.imwrite(str(tmp_path / name), np.full(shape, 0x1234, np.uint16))
    with pytest.raises(UserError, match=r"16-bit integers; .*data\.infrared_scaling"):
        images.read_color(tmp_path / name)


def test_floating_point_numbers_are_refused(tmp_path):
    Image.fromarray(np.ones((4, 5), np.float32)).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match="32-bit floating-point numbers"):
        images.read_gray(tmp_path / "a.tif")


def test_gray_of_few_bits_fills_the_range_as_in_opencv(tmp_path):
    path = tmp_path / "a.png"
    header = struct.pack(">IIBBBBB", 4, 1, 2, 0, 0, 0, 0)  # 4 x 1 pixels of 2 bits
    pixels = build_chunk(b"IDAT", zlib.compress(b"\0\x1b"))  # values 0 1 2 3
    path.write_bytes(
        png_chunks.SIGNATURE + build_chunk(b"IHDR", header) + pixels + build_chunk(b"IEND", b"")
    )
    assert images.read_gray(path).tolist() == [[0, 85, 170, 255]]
    assert cv2.imread(str(path), cv2.IMREAD_GRAYSCALE).tolist() == [[0, 85, 170, 255]]
    assert reader.read_header(path).bits == 2


def test_cmyk_is_converted_as_by_opencv(tmp_path):
    Image.fromarray(QUARTERS).convert("CMYK").save(tmp_path / "a.jpg", quality=95)
    by_opencv = cv2.imread(str(tmp_path / "a.jpg"))[..., ::-1].astype(int)
    assert np.abs(images.read_color(tmp_path / "a.jpg") - by_opencv).max() <= 1


@pytest.mark.parametrize("mode", ["LAB", "YCbCr"])
def test_other_color_spaces_are_refused(tmp_path, mode):
    Image.fromarray(QUARTERS).convert(mode).save(tmp_path / "a.tif")
    with pytest.raises(UserError, match=f"color space {mode}; .* Convert it to RGB"):
        images.read_color(tmp_path / "a.tif")


@pytest.mark.parametrize("level", [0, 7, 255])
def test_constant_alpha_is_ignored(tmp_path, level):
    alpha = np.full((16, 24, 1), level, np.uint8)
    Image.fromarray(np.dstack([QUARTERS, alpha])).save(tmp_path / "a.png")
    np.testing.assert_array_equal(images.read_color(tmp_path / "a.png"), QUARTERS)


def test_image_in_the_alpha_channel_is_refused(tmp_path):
    alpha = np.arange(24, dtype=np.uint8)[None, :, None].repeat(16, axis=0)
    Image.fromarray(np.dstack([QUARTERS, alpha])).save(tmp_path / "a.png")
    with pytest.raises(UserError, match=r"alpha channel has values from 0 to 23; .* mfnet"):
        images.read_color(tmp_path / "a.png")


def test_every_changed_bit_of_a_png_is_noticed(tmp_path):
    path = tmp_path / "a.png"
    noise = np.random.default_rng(0).integers(0, 256, (5, 6, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    for position in range(len(content)):
        changed = bytearray(content)
        changed[position] ^= 1 << position % 8
        path.write_bytes(changed)
        with pytest.raises(UserError, match=r"a\.png"):
            images.read_color(path)


@pytest.mark.parametrize("extension", [".png", ".jpg", ".bmp", ".tif", ".webp"])
def test_truncated_file_is_refused(tmp_path, extension):
    path = tmp_path / f"a{extension}"
    noise = np.random.default_rng(0).integers(0, 256, (64, 64, 3), dtype=np.uint8)
    Image.fromarray(noise).save(path)
    content = path.read_bytes()
    for share in (0.0, 0.3, 0.9):
        path.write_bytes(content[: int(len(content) * share)])
        with pytest.raises(UserError, match=r"cannot be read as an image"):
            images.read_color(path)


def test_png_without_its_last_chunk_is_refused(tmp_path):
    Image.fromarray(QUARTERS).save(tmp_path / "a.png")
    (tmp_path / "a.png").write_bytes((tmp_path / "a.png").read_bytes()[:-12])
    with pytest.raises(UserError, match="the file ends within the chunk"):
        images.read_color(tmp_path / "a.png")


def make_socket(path):
    server = socket.socket(socket.AF_UNIX)
    server.bind(path.name)
    server.close()


@pytest.mark.parametrize(
    ("make", "file_type"),
    [
        (os.mkfifo, "a named pipe"),
        (lambda path: path.mkdir(), "a folder"),
        (lambda path: path.symlink_to("/dev/zero"), "a device"),
        (make_socket, "a socket"),
    ],
)
def test_what_is_no_regular_file_is_refused_and_not_opened(tmp_path, monkeypatch, make, file_type):
    monkeypatch.chdir(tmp_path)  # the path of a socket has at most 107 characters
    make(tmp_path / "a.png")
    for read in (images.read_image_size, images.read_color):
        with pytest.raises(UserError, match=f"a.png: is {file_type}; expected a regular file"):
            read(tmp_path / "a.png")


def test_link_that_leads_nowhere_is_no_image(tmp_path):
    (tmp_path / "a.png").symlink_to(tmp_path / "gone.png")
    with pytest.raises(UserError, match=r"a\.png: no such image"):
        images.read_color(tmp_path / "a.png")


@pytest.mark.parametrize("side", [9_000, 60_000])
def test_gigantic_size_in_the_header_is_refused_before_decoding(tmp_path, side):
    path = tmp_path / "a.png"
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    path.write_bytes(
        png_chunks.SIGNATURE
        + build_chunk(b"IHDR", header)
        + build_chunk(b"IDAT", zlib.compress(b""))
        + build_chunk(b"IEND", b"")
    )
    for read in (images.read_image_size, images.read_color):
        with pytest.raises(UserError, match=r"a\.png: .*pixels"):
            read(path)


def write_palette_bmp(path, indices, palette, depth):
    """Write a BMP with a palette of N colors; ``depth`` bits per pixel, 4 or 8."""
    per_byte = 8 // depth
    rows = []
    for row in np.asarray(indices, np.uint8)[::-1]:  # from the bottom
        packed = bytes(
            sum(int(value) << depth * (per_byte - 1 - i) for i, value in enumerate(group))
            for group in row.reshape(-1, per_byte)
        )
        rows.append(packed + bytes(-len(packed) % 4))
    pixels, colors = b"".join(rows), b"".join(bytes((b, g, r, 0)) for r, g, b in palette)
    start, (height, width) = 54 + len(colors), np.shape(indices)
    sizes = (40, width, height, 1, depth, 0, len(pixels), 0, 0, len(palette), 0)
    path.write_bytes(
        b"BM" + struct.pack("<IHHI", start + len(pixels), 0, 0, start)
        + struct.pack("<IiiHHIIiiII", *sizes) + colors + pixels
    )  # fmt: skip


CHESS = np.add.outer(np.arange(4), np.arange(8)) % 2


def test_bmp_of_8_bits_with_a_palette_of_black_and_white_is_read_as_opencv_reads_it(tmp_path):
    path = tmp_path / "a.bmp"
    write_palette_bmp(path, CHESS, [(0, 0, 0), (255, 255, 255)], depth=8)
    np.testing.assert_array_equal(images.read_gray(path), CHESS * 255)
    np.testing.assert_array_equal(cv2.imread(str(path), cv2.IMREAD_GRAYSCALE), CHESS * 255)
    assert images.read_image_size(path) == (8, 4)


@pytest.mark.parametrize("palette", [[(0,) * 3, (255,) * 3], [(i,) * 3 for i in range(16)]])
def test_bmp_of_4_bits_that_pillow_takes_for_another_depth_is_refused(tmp_path, palette):
    write_palette_bmp(tmp_path / "a.bmp", CHESS, palette, depth=4)
    for read in (images.read_image_size, images.read_gray):
        with pytest.raises(UserError, match=r"a\.bmp: is a BMP of 4 bits per pixel.*save it as"):
            read(tmp_path / "a.bmp")


def test_bmp_of_4_bits_with_colors_is_read(tmp_path):
    palette = [(0, 0, 0), (200, 100, 50), (9, 9, 9)]
    write_palette_bmp(tmp_path / "a.bmp", CHESS, palette, depth=4)
    np.testing.assert_array_equal(images.read_color(tmp_path / "a.bmp"), np.array(palette)[CHESS])


def test_signed_8_bit_tiff_is_refused_because_its_values_would_wrap(tmp_path):
    tags = TiffImagePlugin.ImageFileDirectory_v2()
    tags[339] = 2  # sample format: signed integers
    Image.new("L", (4, 4), 255).save(tmp_path / "a.tif", tiffinfo=tags)
    with pytest.raises(UserError, match=r"a\.tif: signed 8-bit integers"):
        images.read_gray(tmp_path / "a.tif")


PLAIN_IMAGES = {
    "L": QUARTERS[..., 0],
    "RGB": QUARTERS,
    "LA": QUARTERS[..., :2],
    "RGBA": QUARTERS[..., [0, 1, 2, 2]],
}


@pytest.mark.parametrize("mode", [*PLAIN_IMAGES, "P"])
def test_plain_png_is_read_without_pillow(tmp_path, mode, monkeypatch):
    path = tmp_path / "a.png"
    image = Image.fromarray(PLAIN_IMAGES.get(mode, QUARTERS))
    image.convert(mode).save(path, dpi=(72, 72))
    insert_chunk(path, b"gAMA", struct.pack(">I", 45455))
    monkeypatch.setattr(reader.Image, "open", None)
    assert reader.read_header(path) == reader.ImageHeader("PNG", (24, 16), mode, 8, False, 0)
    insert_chunk(path, b"eXIf", build_exif(6).removeprefix(b"Exif\0\0"), after_pixels=True)
    assert reader.read_header(path) == reader.ImageHeader("PNG", (16, 24), mode, 8, False, 6)


@pytest.mark.parametrize(
    ("kind", "content"),
    [
        (b"eXIf", build_exif(6).removeprefix(b"Exif\0\0")),
        (b"acTL", struct.pack(">II", 2, 0)),  # an animation
        (b"tEXt", b"exif\0anything"),
        (b"gAMA", b""),
        (b"abCd", b"unknown"),
        (b"PLTE", bytes(5000)),  # the pixels begin behind the first bytes
    ],
)
def test_png_with_other_chunks_is_left_to_pillow(tmp_path, kind, content):
    path = tmp_path / "a.png"
    Image.fromarray(QUARTERS).save(path)
    assert png_chunks.parse_plain_header(path.read_bytes()) is not None
    insert_chunk(path, kind, content)
    assert png_chunks.parse_plain_header(path.read_bytes()[: png_chunks.HEAD_BYTES]) is None


def test_png_with_a_damaged_header_is_left_to_pillow(tmp_path):
    path = tmp_path / "a.png"
    Image.fromarray(QUARTERS).save(path)
    content = path.read_bytes()
    for position in range(33):  # signature and IHDR
        changed = bytearray(content)
        changed[position] ^= 1
        assert png_chunks.parse_plain_header(bytes(changed)) is None
    for end in range(41):  # the first chunk of pixels is named in the bytes 37 to 41
        assert png_chunks.parse_plain_header(content[:end]) is None


@pytest.mark.parametrize("mode", ["1", "I;16"])
def test_png_of_another_bit_depth_is_left_to_pillow(tmp_path, mode):
    path = tmp_path / "a.png"
    Image.new(mode, (24, 16)).save(path)
    assert png_chunks.parse_plain_header(path.read_bytes()) is None
    assert reader.read_header(path).mode == mode
