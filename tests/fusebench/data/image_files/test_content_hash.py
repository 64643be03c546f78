"""Content hash of image files: an edit anywhere changes it, whatever the format."""

import hashlib
import io
import os
import zlib

import numpy as np
import pytest
from PIL import Image, PngImagePlugin

from fusebench.data.image_files.content_hash import hash_image_file
from fusebench.errors import UserError

NOISE = np.random.default_rng(3).integers(0, 256, (200, 256, 3), np.uint8)


def encode(image, extension, **options):
    stream = io.BytesIO()
    Image.fromarray(image).save(stream, extension, **options)
    return stream.getvalue()


def hash_content(tmp_path, content):
    path = tmp_path / "image"
    path.write_bytes(content)
    return hash_image_file(path)


def hash_samples(content):
    middle = (len(content) - 4096) // 2
    samples = content[:4096] + content[middle : middle + 4096] + content[-4096:]
    return hashlib.sha256(str(len(content)).encode() + samples).hexdigest()


@pytest.mark.parametrize("extension", ["BMP", "TIFF", "PPM"])
def test_uncompressed_image_repainted_between_the_samples_has_another_hash(tmp_path, extension):
    repainted = NOISE.copy()
    repainted[30:60, 20:120] = 255
    before, after = encode(NOISE, extension), encode(repainted, extension)
    assert hash_samples(before) == hash_samples(after)  # the samples alone do not show the edit
    assert hash_content(tmp_path, before) != hash_content(tmp_path, after)


@pytest.mark.parametrize("extension", ["JPEG", "BMP", "TIFF", "WEBP"])
@pytest.mark.parametrize("share", [0.2, 0.4, 0.7])
def test_one_changed_byte_of_a_file_without_checksum_changes_the_hash(tmp_path, extension, share):
    before = encode(NOISE, extension, **({"lossless": True} if extension == "WEBP" else {}))
    after = bytearray(before)
    after[int(share * len(before))] ^= 1
    assert hash_content(tmp_path, before) != hash_content(tmp_path, bytes(after))


def test_jpeg_with_an_edit_between_restart_markers_has_another_hash(tmp_path):
    before = encode(NOISE, "JPEG", quality=95, restart_marker_blocks=1)
    edited = NOISE.copy()
    edited[60:64, 60:64] = 255 - edited[60:64, 60:64]
    after = encode(edited, "JPEG", quality=95, restart_marker_blocks=1)
    after += bytes(max(len(before) - len(after), 0))
    before += bytes(max(len(after) - len(before), 0))
    assert hash_content(tmp_path, before) != hash_content(tmp_path, after)


@pytest.mark.parametrize("level", [0, 6])
@pytest.mark.parametrize("row", [0, 60, 120, 199])
def test_png_with_one_changed_pixel_has_another_hash(tmp_path, level, row):
    edited = NOISE.copy()
    edited[row, 100] ^= 1
    before, after = (encode(image, "PNG", compress_level=level) for image in (NOISE, edited))
    assert hash_content(tmp_path, before) != hash_content(tmp_path, after)


def test_ordinary_png_keeps_the_hash_of_earlier_versions(tmp_path):
    for level in (0, 6):  # two chunks of pixels or more
        content = encode(NOISE, "PNG", compress_level=level)
        assert content.count(b"IDAT") > 1
        assert hash_content(tmp_path, content) == hash_samples(content)
    small = encode(NOISE[:90, :90], "JPEG")
    (tmp_path / "small.jpg").write_bytes(small)
    assert 4096 < len(small) < 3 * 4096
    parts = (small[:4096], small[(len(small) - 4096) // 2 :][:4096], small[-4096:])
    expected = hashlib.sha256(str(len(small)).encode() + b"".join(parts)).hexdigest()
    assert hash_image_file(tmp_path / "small.jpg") == expected


def test_png_with_pixels_edited_before_long_trailing_chunks_has_another_hash(tmp_path):
    edited = NOISE.copy()
    edited[20, 20] ^= 1

    def encode_with_trailer(image):
        return encode(image, "PNG", compress_level=0) + b"trailing" * 2000

    before, after = encode_with_trailer(NOISE), encode_with_trailer(edited)
    assert len(before) == len(after)
    assert hash_samples(before) == hash_samples(after)
    assert hash_content(tmp_path, before) != hash_content(tmp_path, after)


def test_png_with_a_chunk_edited_between_the_samples_before_the_pixels_has_another_hash(tmp_path):
    def encode_with_text(text):
        information = PngImagePlugin.PngInfo()
        information.add_text("first", "x" * 6000)
        information.add_text("second", text)
        return encode(NOISE, "PNG", pnginfo=information)

    before, after = encode_with_text("rotated"), encode_with_text("upright")
    assert hash_samples(before) == hash_samples(after)
    assert hash_content(tmp_path, before) != hash_content(tmp_path, after)


def test_png_with_one_chunk_of_pixels_keeps_the_sampled_hash(tmp_path):
    content = encode(NOISE, "PNG")
    start = content.index(b"IDAT") - 4
    pixels = b"".join(
        content[place + 4 : place + 4 + int.from_bytes(content[place - 4 : place])]
        for place in _find_chunks(content)
    )
    chunk = b"IDAT" + pixels
    joined = (
        content[:start]
        + len(pixels).to_bytes(4)
        + chunk
        + zlib.crc32(chunk).to_bytes(4)
        + content[-12:]
    )
    assert np.array_equal(np.array(Image.open(io.BytesIO(joined))), NOISE)
    assert hash_content(tmp_path, joined) == hash_samples(joined)


def _find_chunks(content):
    place = 12
    while content[place : place + 4] != b"IEND":
        if content[place : place + 4] == b"IDAT":
            yield place
        place += 12 + int.from_bytes(content[place - 4 : place])


def test_missing_files_and_pipes_are_refused_at_once(tmp_path):
    with pytest.raises(UserError, match="no such file"):
        hash_image_file(tmp_path / "absent.png")
    os.mkfifo(tmp_path / "pipe.png")
    with pytest.raises(UserError, match="is a named pipe; expected a regular file"):
        hash_image_file(tmp_path / "pipe.png")


@pytest.mark.parametrize("extension", ["JPEG", "PNG", "WEBP"])
def test_image_that_is_turned_for_display_has_another_hash_than_its_bytes(tmp_path, extension):
    """Results of versions that read the pixels as stored have the hash of the bytes."""
    image = NOISE[:8, :8]
    exif = Image.Exif()
    exif[0x0112] = 1
    upright = encode(image, extension, exif=exif)
    assert len(upright) < 3 * 4096
    assert hash_content(tmp_path, upright) == hash_samples_of_small_file(upright)
    exif[0x0112] = 3
    turned = encode(image, extension, exif=exif)
    assert hash_content(tmp_path, turned) != hash_samples_of_small_file(turned)


def hash_samples_of_small_file(content):
    starts = (0, max((len(content) - 4096) // 2, 0), max(len(content) - 4096, 0))
    samples = b"".join(content[start : start + 4096] for start in starts)
    return hashlib.sha256(str(len(content)).encode() + samples).hexdigest()


def test_exif_marker_in_a_file_that_is_no_image_is_no_orientation(tmp_path):
    content = b"\xff\xd8\xff\xe1 Exif\0\0 no image"
    assert hash_content(tmp_path, content) == hash_samples_of_small_file(content)
