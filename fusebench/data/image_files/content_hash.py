"""Content hash of an image file: an edited file has another hash, whatever its format.

Where a checksum of the pixels is known to lie in the last `SAMPLE_BYTES` of a file, it is enough to
hash three samples (first, middle, last), which is much cheaper than reading a data set in full:

- a PNG ends with the Adler-32 checksum of its pixels, unless long chunks follow; the chunks before
  its pixels (palette, orientation, ...) have to lie in the first sample;
- a file of at most three samples is covered by them.

Every other file is hashed in full: bytes of an uncompressed BMP or TIFF can change between the
samples, and so can those of a JPEG, whose code falls into step again after an edit.

An image that is turned for display has another hash than its bytes alone: earlier versions read the
pixels as stored, and their results must not be used again.
"""

import hashlib
import os
import time
import zlib
from dataclasses import dataclass
from pathlib import Path

from fusebench.data.image_files import png_chunks
from fusebench.data.image_files.reader import ImageHeader, parse_plain_png, read_header
from fusebench.errors import UserError
from fusebench.runtime.reading.file_stamp import Stamp, is_settled, read_stamp
from fusebench.runtime.reading.regular_file import open_descriptor, open_regular_file
from fusebench.runtime.reading.sha256 import compute_sha256

SAMPLE_BYTES = 4096  # length of each of the three samples
# The last chunk of pixels begins in this many bytes: encoders write chunks of 8 to 64 kB.
PNG_TAIL_BYTES = 65536 + 2 * SAMPLE_BYTES
EXIF_MARKERS = (b"Exif\0\0", b"EXIF")  # in JPEG and WebP; in a first or last sample
CHECKSUM_BYTES = 8  # Adler-32 of the pixels, then CRC-32 of the chunk


@dataclass(frozen=True, slots=True)
class ContentHash:
    """Hash of an image file and the file's stamp before it was read."""

    stamp: Stamp
    sha256: str


def hash_image_file(path: Path | str) -> str:
    """Hash the content of an image file.

    Returns:
        64 hex digits: SHA-256 of the length and the three samples if these cover the file (see the
        module's description), otherwise SHA-256 of the whole file; with the orientation, if the
        image is turned for display.

    Raises:
        UserError: If there is no such file, it is no regular file, or it cannot be read.
    """
    try:
        with open_regular_file(path) as file:
            descriptor = file.fileno()
            size = os.fstat(descriptor).st_size
            samples = _read_samples(descriptor, size)
            content = _hash_samples(descriptor, size, samples) or compute_sha256(file)
            return _add_orientation(content, _read_turned_orientation(path, samples))
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def read_header_and_hash(path: Path | str) -> tuple[ImageHeader, ContentHash | None]:
    """Read the header of an image and, where that costs nothing, its hash too.

    Returns:
        The header; the hash of a plain PNG that was not changed a moment ago. None: the hash needs
        more of the file than the header.

    Raises:
        UserError: See `fusebench.data.image_files.reader.read_header`.
    """
    now = time.time_ns()
    try:
        descriptor, status = open_descriptor(path)
        try:
            stamp = read_stamp(status)
            samples = _read_samples(descriptor, stamp[0])
            header = parse_plain_png(samples[0], samples[2])
            content = None if header is None else _hash_samples(descriptor, stamp[0], samples)
        finally:
            os.close(descriptor)
    except (OSError, ValueError, UserError):
        header = None  # the other reader describes the fault
    if header is None:
        return read_header(path), None
    if content is None or not is_settled(stamp, now):
        return header, None
    orientation = header.orientation if header.is_turned else None
    return header, ContentHash(stamp, _add_orientation(content, orientation))


def _read_samples(descriptor: int, size: int) -> tuple[bytes, bytes, bytes]:
    first = os.pread(descriptor, SAMPLE_BYTES, 0)
    middle = os.pread(descriptor, SAMPLE_BYTES, max((size - SAMPLE_BYTES) // 2, 0))
    last = os.pread(descriptor, SAMPLE_BYTES, max(size - SAMPLE_BYTES, 0))
    return first, middle, last


def _hash_samples(descriptor: int, size: int, samples: tuple[bytes, bytes, bytes]) -> str | None:
    """Hash the samples if they cover the file; None if the whole file has to be hashed."""
    covers = size <= 3 * SAMPLE_BYTES or _ends_with_png_checksum(descriptor, size, samples[0])
    if not covers:
        return None
    return hashlib.sha256(b"".join((str(size).encode(), *samples))).hexdigest()


def _add_orientation(content: str, orientation: int | None) -> str:
    if orientation is None:
        return content
    return hashlib.sha256(f"{content} orientation {orientation}".encode()).hexdigest()


def _read_turned_orientation(path: Path | str, samples: tuple[bytes, bytes, bytes]) -> int | None:
    """Return the orientation if the image is turned for display; None if not, or no image."""
    is_png = samples[0].startswith(png_chunks.SIGNATURE)
    markers = (png_chunks.EXIF_CHUNK,) if is_png else EXIF_MARKERS
    if not any(marker in sample for marker in markers for sample in (samples[0], samples[2])):
        return None
    try:
        header = read_header(path)
    except UserError:  # whoever reads the image reports it
        return None
    return header.orientation if header.is_turned else None


def _ends_with_png_checksum(descriptor: int, size: int, head: bytes) -> bool:
    """Return whether only the pixel data of a PNG lies outside the first and last sample."""
    start = _find_first_pixel_chunk(head)
    if start is None:
        return False
    length = int.from_bytes(head[start : start + 4], "big")
    end = start + 12 + length  # of the first chunk of pixels: length, name, data and CRC-32
    if os.pread(descriptor, 4, end + 4) == b"IDAT":  # there are more of them
        tail_start = max(size - PNG_TAIL_BYTES, 0)
        tail = os.pread(descriptor, PNG_TAIL_BYTES, tail_start)
        last_end = _find_end_of_last_pixel_chunk(tail)
        if last_end is None:
            return False
        end = tail_start + last_end
    return size - SAMPLE_BYTES <= end - CHECKSUM_BYTES and end <= size


def _find_first_pixel_chunk(head: bytes) -> int | None:
    """Return where the first IDAT chunk of a PNG begins; None if not in ``head``, or no PNG."""
    if not head.startswith(png_chunks.SIGNATURE):
        return None
    position = len(png_chunks.SIGNATURE)
    while position + 8 <= len(head):
        if head[position + 4 : position + 8] == b"IDAT":
            return position
        position += 12 + int.from_bytes(head[position : position + 4], "big")
    return None


def _find_end_of_last_pixel_chunk(tail: bytes) -> int | None:
    """Return where the last IDAT chunk ends whose CRC-32 is right; None if there is none."""
    name = tail.rfind(b"IDAT", 4)
    while name != -1:
        end = name + 4 + int.from_bytes(tail[name - 4 : name], "big")
        checksum = int.from_bytes(tail[end : end + 4], "big")
        if end + 4 <= len(tail) and zlib.crc32(tail[name:end]) == checksum:
            return end + 4
        name = tail.rfind(b"IDAT", 4, name + 3)
    return None
