"""Header and hash from one opening: what the two separate readers return, for many files."""

import io
import struct
import zlib

import numpy as np
import pytest
from PIL import Image

from fusebench.data.image_files.content_hash import hash_image_file, read_header_and_hash
from fusebench.data.image_files.reader import read_header
from fusebench.errors import UserError
from fusebench.runtime.reading import file_stamp

RNG = np.random.default_rng(5)
MODES = ("L", "RGB", "RGBA", "LA", "P", "1", "I;16")
SIZES = ((1, 1), (3, 500), (200, 150))  # less than one sample, and several chunks of pixels


@pytest.fixture(autouse=True)
def settled(monkeypatch):
    monkeypatch.setattr(file_stamp, "SETTLING_SECONDS", -3600)


def build_image(mode, size):
    width, height = size
    if mode == "I;16":
        return Image.fromarray(RNG.integers(0, 65536, (height, width), dtype=np.uint16))
    noise = Image.fromarray(RNG.integers(0, 256, (height, width, 3), dtype=np.uint8))
    return noise.convert(mode)


def encode(image, **options):
    stream = io.BytesIO()
    image.save(stream, "PNG", **options)
    return stream.getvalue()


def build_chunk(name, data):
    return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))


def insert(content, chunk, before):
    position = content.index(before) - 4
    return content[:position] + chunk + content[position:]


def list_variants(mode, size):
    image = build_image(mode, size)
    exif = image.getexif()
    exif[0x0112] = 6
    plain = encode(image)
    orientation = build_chunk(b"eXIf", exif.tobytes()[6:])
    long_text = build_chunk(b"tEXt", b"Comment\0" + b"x" * 9000)
    return {
        "plain": plain,
        "stored": encode(image, compress_level=0),
        "turned before the pixels": insert(plain, orientation, b"IDAT"),
        "turned after the pixels": insert(plain, orientation, b"IEND"),
        "long chunk before the pixels": insert(plain, long_text, b"IDAT"),
        "long chunk after the pixels": insert(plain, long_text, b"IEND"),
        "turned and long": insert(insert(plain, orientation, b"IEND"), long_text, b"IEND"),
        "long and turned": insert(insert(plain, long_text, b"IEND"), orientation, b"IEND"),
        "density": encode(image, dpi=(72, 72)),
        "bytes at the end": plain + b"\0" * 100,
        "cut": plain[: len(plain) * 2 // 3],
        "no end": plain[:-12],
    }


def read_apart(path):
    try:
        return read_header(path)
    except UserError as error:
        return str(error)


def read_together(path):
    try:
        return read_header_and_hash(path)
    except UserError as error:
        return str(error), None


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("size", SIZES)
def test_header_and_hash_are_those_of_the_two_readers(tmp_path, mode, size):
    with_hash = set()
    for name, content in list_variants(mode, size).items():
        path = tmp_path / f"{name}.png"
        path.write_bytes(content)
        header, content_hash = read_together(path)
        assert header == read_apart(path), name
        if content_hash is not None:
            with_hash.add(name)
            assert content_hash.sha256 == hash_image_file(path), name
            assert content_hash.stamp == file_stamp.read_stamp(path.stat()), name
    if mode in ("L", "RGB"):
        assert "plain" in with_hash  # the point of reading both at once


@pytest.mark.parametrize("extension", ["JPEG", "BMP", "TIFF", "WEBP"])
def test_other_formats_have_their_header_and_no_hash_yet(tmp_path, extension):
    path = tmp_path / "image.png"
    build_image("RGB", (40, 30)).save(path, extension)
    assert read_header_and_hash(path) == (read_header(path), None)


def test_a_file_that_was_changed_a_moment_ago_has_no_hash_yet(tmp_path, monkeypatch):
    monkeypatch.setattr(file_stamp, "SETTLING_SECONDS", 2)
    (tmp_path / "image.png").write_bytes(encode(build_image("L", (40, 30))))
    header, content_hash = read_header_and_hash(tmp_path / "image.png")
    assert (header.size, content_hash) == ((40, 30), None)


def test_random_damage_never_makes_the_readers_differ(tmp_path):
    path = tmp_path / "image.png"
    content = encode(build_image("RGB", (60, 50)))
    for _ in range(300):
        damaged = bytearray(content)
        for position in RNG.integers(0, min(len(content), 120), 2):
            damaged[position] = RNG.integers(0, 256)
        path.write_bytes(damaged)
        header, content_hash = read_together(path)
        assert header == read_apart(path)
        assert content_hash is None or content_hash.sha256 == hash_image_file(path)
