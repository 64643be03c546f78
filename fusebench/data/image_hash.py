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
import stat
import zlib
from pathlib import Path

from fusebench.data.image_files.reader import read_header
from fusebench.errors import UserError

SAMPLE_BYTES = 4096  # length of each of the three samples
PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
# The last chunk of pixels begins in this many bytes: encoders write chunks of 8 to 64 kB.
PNG_TAIL_BYTES = 65536 + 2 * SAMPLE_BYTES
EXIF_MARKERS = (b"Exif\0\0", b"eXIf", b"EXIF")  # in JPEG, PNG and WebP; in a first or last sample
CHECKSUM_BYTES = 8  # Adler-32 of the pixels, then CRC-32 of the chunk


def hash_image_file(path: Path) -> str:
    """Hash the content of an image file.

    Returns:
        64 hex digits: SHA-256 of the length and the three samples if these cover the file (see the
        module's description), otherwise SHA-256 of the whole file; with the orientation, if the
        image is turned for display.

    Raises:
        UserError: If there is no such file, it is no regular file, or it cannot be read.
    """
    try:
        # Without O_NONBLOCK, opening a FIFO would wait for somebody to write to it.
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        try:
            return _hash_descriptor(path, descriptor)
        finally:
            os.close(descriptor)
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None


def _hash_descriptor(path: Path, descriptor: int) -> str:
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path}: is no regular file; expected an image file")
    size = status.st_size
    starts = (0, (size - SAMPLE_BYTES) // 2, size - SAMPLE_BYTES)
    samples = [os.pread(descriptor, SAMPLE_BYTES, max(start, 0)) for start in starts]
    if size <= 3 * SAMPLE_BYTES or _ends_with_png_checksum(descriptor, size, samples[0]):
        digest = hashlib.sha256(b"".join((str(size).encode(), *samples)))
    else:
        with os.fdopen(os.dup(descriptor), "rb") as file:
            digest = hashlib.file_digest(file, "sha256")
    orientation = _read_turned_orientation(path, samples[0] + samples[2])
    if orientation is not None:
        digest.update(f"orientation {orientation}".encode())
    return digest.hexdigest()


def _read_turned_orientation(path: Path, samples: bytes) -> int | None:
    """Return the orientation if the image is turned for display; None if not, or no image."""
    if not any(marker in samples for marker in EXIF_MARKERS):
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
