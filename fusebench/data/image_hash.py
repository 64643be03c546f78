"""Content hash of an image file: an edited file has another hash, whatever its format.

Where a checksum of the pixels is known to lie in the last `SAMPLE_BYTES` of a file, it is enough to
hash three samples (first, middle, last), which is much cheaper than reading a data set in full:

- a PNG ends with the Adler-32 checksum of its pixels, unless long chunks follow; the chunks before
  its pixels (palette, orientation, ...) have to lie in the first sample;
- a file of at most three samples is covered by them.

Every other file is hashed in full: bytes of an uncompressed BMP or TIFF can change between the
samples, and so can those of a JPEG, whose code falls into step again after an edit.
"""

import hashlib
import io
import os
import zlib
from pathlib import Path

from fusebench.errors import UserError
from fusebench.runtime.reading.regular_file import open_regular_file

SAMPLE_BYTES = 4096  # length of each of the three samples
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The last chunk of pixels begins in this many bytes: encoders write chunks of 8 to 64 kB.
PNG_TAIL_BYTES = 65536 + 2 * SAMPLE_BYTES
CHECKSUM_BYTES = 8  # Adler-32 of the pixels, then CRC-32 of the chunk


def hash_image_file(path: Path | str) -> str:
    """Hash the content of an image file.

    Returns:
        64 hex digits: SHA-256 of the length and the three samples if these cover the file (see the
        module's description), otherwise SHA-256 of the whole file.

    Raises:
        UserError: If there is no such file, it is no regular file, or it cannot be read.
    """
    try:
        with open_regular_file(path) as file:
            return _hash_content(file)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _hash_content(file: io.FileIO) -> str:
    descriptor = file.fileno()
    size = os.fstat(descriptor).st_size
    starts = (0, (size - SAMPLE_BYTES) // 2, size - SAMPLE_BYTES)
    samples = [os.pread(descriptor, SAMPLE_BYTES, max(start, 0)) for start in starts]
    if size <= 3 * SAMPLE_BYTES or _ends_with_png_checksum(descriptor, size, samples[0]):
        return hashlib.sha256(b"".join((str(size).encode(), *samples))).hexdigest()
    return hashlib.file_digest(file, "sha256").hexdigest()


def _ends_with_png_checksum(descriptor: int, size: int, head: bytes) -> bool:
    """Return whether only the pixel data of a PNG lies outside the first and last sample."""
    start = _find_first_pixel_chunk(head)
    if start is None:
        return False
    length = int.from_bytes(head[start : start + 4])
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
    if not head.startswith(PNG_SIGNATURE):
        return None
    position = len(PNG_SIGNATURE)
    while position + 8 <= len(head):
        if head[position + 4 : position + 8] == b"IDAT":
            return position
        position += 12 + int.from_bytes(head[position : position + 4])
    return None


def _find_end_of_last_pixel_chunk(tail: bytes) -> int | None:
    """Return where the last IDAT chunk ends whose CRC-32 is right; None if there is none."""
    name = tail.rfind(b"IDAT", 4)
    while name != -1:
        end = name + 4 + int.from_bytes(tail[name - 4 : name])
        checksum = int.from_bytes(tail[end : end + 4])
        if end + 4 <= len(tail) and zlib.crc32(tail[name:end]) == checksum:
            return end + 4
        name = tail.rfind(b"IDAT", 4, name + 3)
    return None
