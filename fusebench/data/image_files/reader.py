"""Opening of image files: format, size, bit depth and orientation; every image is opened here.

- The format is recognized by the content, whatever the extension, among `FORMATS`.
- A file holds one image: several pages or frames are refused. (MPO, a JPEG of phones with previews
  behind the image, is read as JPEG, like everywhere.)
- The orientation of EXIF, or of a TIFF tag, is applied, as OpenCV and viewers do.
- The bit depth is the stored one. Pillow silently cuts RGB of 16 bits per channel to 8.
- The checksums of a PNG are checked.
- A BMP is decoded with the depth that is in the file (`bmp_layout`).
"""

import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from PIL import Image, ImageFile, UnidentifiedImageError

from fusebench.data.image_files import bmp_layout, png_chunks
from fusebench.data.image_files.libtiff_messages import silence_libtiff
from fusebench.data.image_files.orientation import (
    QUARTER_TURNS,
    TRANSPOSITIONS,
    find_orientation_in_xmp,
    parse_orientation,
    turn_for_display,
)
from fusebench.errors import UserError
from fusebench.runtime import command_name, file_names
from fusebench.runtime.reading.regular_file import open_regular_file, require_regular_file

FORMATS = ("PNG", "JPEG", "BMP", "TIFF", "WEBP")
FORMAT_TEXT = "PNG, JPEG, BMP, TIFF or WebP"
OTHER_FORMATS = {  # first bytes of what is found under the names of images, for messages
    b"GIF8": "a GIF",
    b"%!PS": "PostScript",
    b"%PDF": "a PDF",
    b"<svg": "an SVG",
    b"P5": "a PGM",
    b"P6": "a PPM",
    b"<!DO": "an HTML page",
    b"<htm": "an HTML page",
    b"\0\0\0\x0cjP": "JPEG 2000",
    b"version https://git-lfs": "a Git LFS pointer",
}
BOX_FORMAT = b"ftyp"  # bytes 4 to 8 of the formats of phones: HEIC and AVIF
SIGNATURES = {  # first bytes of the supported formats
    b"\x89PNG": "PNG",
    b"\xff\xd8": "JPEG",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
    b"RIFF": "WebP",
}
MAX_PIXELS = 1 << 26  # 67 million: four images of this size are checked at the same time

# Pillow warns about damaged metadata, which is not used here, and about images above its own limit.
warnings.filterwarnings("ignore", category=UserWarning, module=r"PIL\.")
warnings.filterwarnings("ignore", category=Image.DecompressionBombWarning)
silence_libtiff()
MAX_MESSAGE_LENGTH = 200  # of a decoder

TIFF_BITS_TAG, TIFF_SAMPLE_FORMAT_TAG = 258, 339
TIFF_SIGNED, TIFF_FLOAT = 2, 3  # sample formats


@dataclass(frozen=True)
class ImageHeader:
    """What the header of an image file says.

    Attributes:
        format: One of `FORMATS`.
        size: (width, height) in pixels, as displayed: after the orientation is applied.
        mode: Pillow's mode, e.g. ``"L"``, ``"RGB"``, ``"I;16"``.
        bits: Bits per channel, as stored. Gray of 2 or 4 bits has mode L, and Pillow multiplies
            its values to fill 0..255.
        is_float: Whether the values are floating-point numbers.
        orientation: How the pixels are turned for display, 1..8 as in EXIF; 1 is upright. 0 if
            the file does not say it. A TIFF has 1, because Pillow applies its tag.
    """

    format: str
    size: tuple[int, int]
    mode: str
    bits: int
    is_float: bool
    orientation: int

    @property
    def is_turned(self) -> bool:
        """Whether the pixels are turned or mirrored for display."""
        return self.orientation in TRANSPOSITIONS


def read_header(path: Path | str) -> ImageHeader:
    """Read the header of an image file; no pixels are decoded.

    Raises:
        UserError: If the file is missing, no regular file, or no image of a supported format,
            holds several images, or is larger than `MAX_PIXELS`.
    """
    header = _read_plain_png(path)
    if header is not None:
        return header
    path = Path(path)
    with _open(path, FORMATS) as (file, file_size, image):
        exif = image.info.get("exif", b"")
        if image.format == "PNG" and not exif:
            file.seek(max(file_size - png_chunks.TAIL_BYTES, 0))
            exif = png_chunks.find_exif_after_pixels(file.read(png_chunks.TAIL_BYTES))
        return _build_header(path, file, image, exif)


def _read_plain_png(path: Path | str) -> ImageHeader | None:
    """Read the header of a plain PNG (see `png_chunks`), several times as fast as with Pillow.

    Returns:
        None for every other file, and for one that cannot be read.
    """
    try:
        with open_regular_file(path) as file:
            head = os.pread(file.fileno(), png_chunks.HEAD_BYTES, 0)
            tail_start = max(os.fstat(file.fileno()).st_size - png_chunks.TAIL_BYTES, 0)
            tail = head
            if tail_start:
                tail = os.pread(file.fileno(), png_chunks.TAIL_BYTES, tail_start)
    except (OSError, ValueError, UserError):
        return None
    return parse_plain_png(head, tail)


def parse_plain_png(head: bytes, tail: bytes) -> ImageHeader | None:
    """Parse the header of a plain PNG (see `png_chunks`) from the ends of its file.

    Args:
        head: The first `png_chunks.HEAD_BYTES` of the file, or all of it.
        tail: The last `png_chunks.TAIL_BYTES`, or all of it.

    Returns:
        None for every other file.
    """
    plain = png_chunks.parse_plain_header(head)
    if plain is None or plain.size[0] * plain.size[1] > MAX_PIXELS:
        return None
    orientation = parse_orientation(png_chunks.find_exif_after_pixels(tail))
    size = plain.size[::-1] if orientation >= 5 else plain.size
    return ImageHeader("PNG", size, plain.mode, 8, False, orientation)


def load_image(path: Path) -> tuple[Image.Image, ImageHeader]:
    """Read and decode an image file; its orientation is applied.

    The values are not converted: mode and bit depth are those of the file.

    Raises:
        UserError: As `open_image_file`; also if only XMP says that the image is rotated.
    """
    with open_image_file(path) as (image, header):
        image.load()
        if header.orientation == 0:
            _check_xmp(path, image)
        return turn_for_display(image, header.orientation), header


@contextmanager
def open_image_file(
    path: Path, formats: tuple[str, ...] = FORMATS
) -> Iterator[tuple[ImageFile.ImageFile, ImageHeader]]:
    """Yield Pillow's image, not decoded yet, and its header; errors in the block name the file.

    Args:
        path: The file.
        formats: Those of `FORMATS` that are accepted.

    Raises:
        UserError: As `read_header`; also if the file is damaged or truncated.
    """
    with _open(path, formats) as (file, _, image):
        position = file.tell()
        is_png = image.format == "PNG"
        exif = png_chunks.check_chunks(file) if is_png else image.info.get("exif", b"")
        header = _build_header(path, file, image, exif)
        file.seek(position)
        yield image, header


@contextmanager
def _open(
    path: Path, formats: tuple[str, ...]
) -> Iterator[tuple[BinaryIO, int, ImageFile.ImageFile]]:
    """Yield the file, its length in bytes and Pillow's image; errors in the block name the file."""
    try:
        file_size = require_regular_file(path).st_size
        with path.open("rb") as file:
            image = Image.open(file, formats=formats)
            if image.format == "BMP":
                bmp_layout.correct_layout(path, file, image)
            yield file, file_size, image
    except FileNotFoundError:
        is_in_store = (path.parent / file_names.SPEC_FILE).is_file()
        advice = f"; {command_name.format_repair_advice(path.parent)}" if is_in_store else ""
        raise UserError(f"{path}: no such image{advice}") from None
    except PermissionError:
        raise UserError(f"{path}: cannot be read (permission denied)") from None
    except UserError:
        raise
    except MemoryError:
        raise UserError(f"{path}: not enough memory to read the image") from None
    except Exception as error:  # noqa: BLE001 - decoders raise many types for a damaged file
        raise _build_read_error(path, error) from None


def _build_header(path: Path, file: BinaryIO, image: Image.Image, exif: bytes) -> ImageHeader:
    """Build the header.

    Raises:
        UserError: If the image is too large or not the only one in the file.
    """
    image_format = "JPEG" if image.format == "MPO" else str(image.format)
    width, height = image.size
    if width * height > MAX_PIXELS:
        raise UserError(
            f"{path}: {width} x {height} pixels; at most {MAX_PIXELS:,} are read. Is the file "
            "damaged? Otherwise, crop or reduce the images"
        )
    page_count = getattr(image, "n_frames", 1)
    if image_format != "JPEG" and page_count != 1:
        raise UserError(
            f"{path}: {page_count} pages or frames in one file; expected a single image. Save "
            "each one as a file of its own"
        )
    bits, is_float = _read_bit_depth(file, image)
    if image_format == "TIFF" and bits <= 8 and _has_sample_format(image, TIFF_SIGNED):
        raise UserError(f"{path}: signed 8-bit integers; expected 0 to 255. Save it as PNG")
    orientation = 1 if image_format == "TIFF" else parse_orientation(exif)
    size = (height, width) if orientation in QUARTER_TURNS else (width, height)
    return ImageHeader(image_format, size, image.mode, bits, is_float, orientation)


def _read_bit_depth(file: BinaryIO, image: Image.Image) -> tuple[int, bool]:
    """Return the bits per channel and whether the values are floating-point numbers."""
    if image.format == "PNG":
        file.seek(24)  # signature, length and name of IHDR, width, height
        return file.read(1)[0], False
    if image.format == "TIFF":
        tags = image.tag_v2  # type: ignore[attr-defined] # of Pillow's TIFF images
        bits = tags.get(TIFF_BITS_TAG, (1,))
        return max(bits), _has_sample_format(image, TIFF_FLOAT)
    return 8, False


def _has_sample_format(image: Image.Image, sample_format: int) -> bool:
    """Return whether a channel of a TIFF has this format of numbers."""
    tags = image.tag_v2  # type: ignore[attr-defined] # of Pillow's TIFF images
    return sample_format in tags.get(TIFF_SAMPLE_FORMAT_TAG, ())


def _check_xmp(path: Path, image: Image.Image) -> None:
    orientation = find_orientation_in_xmp(image)
    if orientation is not None:
        raise UserError(
            f"{path}: the orientation {orientation} stands in XMP and not in EXIF; programs "
            "differ in whether they rotate such an image. Save it upright, without the tag"
        )


def _build_read_error(path: Path, error: Exception) -> UserError:
    """Name the file, what is wrong, and how to repair it: a store's folder is created again."""
    text = (str(error) or type(error).__name__)[:MAX_MESSAGE_LENGTH]
    advice = "replace the file"
    if isinstance(error, UnidentifiedImageError):
        content, is_other_format = _recognize_content(path)
        text = f"its content is {content}; expected {FORMAT_TEXT}, whatever the extension"
        advice = "save the image as PNG" if is_other_format else advice
    if (path.parent / file_names.SPEC_FILE).is_file():
        advice = command_name.format_repair_advice(path.parent)
    return UserError(f"{path}: cannot be read as an image ({text}); {advice}")


def _recognize_content(path: Path) -> tuple[str, bool]:
    """Return what a file is that is no supported image, and whether it is another format."""
    with path.open("rb") as file:
        start = file.read(32)
    for signature, name in OTHER_FORMATS.items():
        if start.startswith(signature):
            return name, True
    if start[4:8] == BOX_FORMAT:
        return "HEIC or AVIF", True
    for signature, name in SIGNATURES.items():
        if start.startswith(signature):
            return f"{name} that is damaged or of an unusual kind", False
    return (f"no known image (first bytes {start[:8]!r})" if start else "empty"), False
