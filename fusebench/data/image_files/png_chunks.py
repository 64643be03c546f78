"""Chunks of a PNG file: their checksums, and the EXIF block.

Pillow and OpenCV do not check the checksums of the chunks that hold the pixels.
"""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

SIGNATURE = b"\x89PNG\r\n\x1a\n"
EXIF_CHUNK = b"eXIf"
END_CHUNK = b"IEND"
PIECE_BYTES = 1 << 20  # read at a time
TAIL_BYTES = 4096


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


def find_exif_after_pixels(file: BinaryIO, size: int) -> bytes:
    """Find an EXIF block among the last `TAIL_BYTES` bytes; empty without one.

    The way to it from the front would read all pixels. `check_chunks` does, later.
    """
    file.seek(max(size - TAIL_BYTES, 0))
    tail = file.read(TAIL_BYTES)
    start = tail.find(EXIF_CHUNK)
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
