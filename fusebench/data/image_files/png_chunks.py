"""Chunks of a PNG file: header, checksums, and the EXIF block.

Pillow and OpenCV do not check the checksums of the chunks that hold the pixels.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
EXIF_CHUNK = b"eXIf"
END_CHUNK = b"IEND"
PIXEL_CHUNK = b"IDAT"
HEADER_CHUNK = b"IHDR"
FIRST_CHUNK_END = 33  # signature; length, name, 13 bytes and checksum of the header chunk
PIECE_BYTES = 1 << 20  # read at a time
TAIL_BYTES = 4096
HEAD_BYTES = 4096
# Chunks before the pixels that do not change how these are read, and their lengths; None: any.
NEUTRAL_CHUNKS = {b"PLTE": None, b"gAMA": 4, b"cHRM": 32, b"sRGB": 1, b"pHYs": 9, b"tIME": 7}
COLOR_TYPE_MODES = {0: "L", 2: "RGB", 3: "P", 4: "LA", 6: "RGBA"}  # of 8 bits per channel, Pillow's


@dataclass(frozen=True)
class PlainHeader:
    """Header of a plain PNG: of 8 bits per channel, and without unusual chunks.

    Attributes:
        size: (width, height) in pixels, as stored.
        mode: Pillow's mode.
    """

    size: tuple[int, int]
    mode: str


def parse_plain_header(head: bytes) -> PlainHeader | None:
    """Parse the start of a plain PNG.

    Args:
        head: The first `HEAD_BYTES` of a file, or all of it.

    Returns:
        None for every other file: an animation, another bit depth, an EXIF block before the
        pixels, a wrong checksum, no PNG.
    """
    header = _parse_first_chunk(head[:FIRST_CHUNK_END])
    if header is None:
        return None
    position = FIRST_CHUNK_END
    while head[position + 4 : position + 8] != PIXEL_CHUNK:
        kind, content, position = _parse_chunk(head, position)
        if kind not in NEUTRAL_CHUNKS or NEUTRAL_CHUNKS[kind] not in (None, len(content)):
            return None
    return header


@lru_cache(maxsize=256)  # the images of a data set have few sizes
def _parse_first_chunk(head: bytes) -> PlainHeader | None:
    """Parse signature and header chunk; None if the file is no plain PNG."""
    kind, content, end = _parse_chunk(head, len(SIGNATURE))
    if not head.startswith(SIGNATURE) or kind != HEADER_CHUNK or end != FIRST_CHUNK_END:
        return None
    width, height, bits, color_type, compression, filtering, interlacing = struct.unpack(
        ">IIBBBBB", content
    )
    is_usual = bits == 8 and compression == filtering == 0 and interlacing <= 1
    if not (is_usual and color_type in COLOR_TYPE_MODES and width and height):
        return None
    return PlainHeader((width, height), COLOR_TYPE_MODES[color_type])


def _parse_chunk(head: bytes, position: int) -> tuple[bytes, bytes, int]:
    """Return name and content of a chunk, and where the next begins; no name if it is damaged."""
    start = position + 8
    end = start + int.from_bytes(head[position : position + 4], "big")
    checksum = head[end : end + 4]
    if len(checksum) < 4 or zlib.crc32(head[position + 4 : end]) != int.from_bytes(checksum, "big"):
        return b"", b"", end
    return head[position + 4 : start], head[start:end], end + 4


def check_chunks(file: BinaryIO) -> bytes:
    """Check the checksum of every chunk.

    Args:
        file: A whole PNG file, at any position.

    Returns:
        The EXIF block, before or after the pixels; empty without one.

    Raises:
        ValueError: If a checksum is wrong or the file ends before its last chunk.
    """
    exif = b""
    file.seek(len(SIGNATURE))
    while True:
        start = file.tell()
        head = file.read(8)
        length, kind = int.from_bytes(head[:4], "big"), head[4:]
        checksum, content = zlib.crc32(kind), b""
        for piece in _read_pieces(file, length):
            checksum = zlib.crc32(piece, checksum)
            if kind == EXIF_CHUNK:
                content += piece
        stored = file.read(4)
        if len(stored) < 4:
            raise ValueError(f"the file ends within the chunk at byte {start}")
        if int.from_bytes(stored, "big") != checksum:
            raise ValueError(f"wrong checksum of the chunk {kind!r} at byte {start}")
        if kind == EXIF_CHUNK:
            exif = content
        if kind == END_CHUNK:
            return exif


def find_exif_after_pixels(tail: bytes) -> bytes:
    """Find an EXIF block in the last `TAIL_BYTES` of a file; empty without one.

    The way to it from the front would read all pixels. `check_chunks` does, later.
    """
    start = tail.find(EXIF_CHUNK)
    if start == -1:
        return b""
    length = int.from_bytes(tail[max(start - 4, 0) : max(start, 0)], "big")
    end = start + 4 + length
    is_chunk = start >= 4 and zlib.crc32(tail[start:end]) == int.from_bytes(
        tail[end : end + 4], "big"
    )
    return tail[start + 4 : end] if is_chunk else b""


def _read_pieces(file: BinaryIO, length: int) -> Iterator[bytes]:
    while length > 0:
        piece = file.read(min(length, PIECE_BYTES))
        if not piece:
            return
        yield piece
        length -= len(piece)
