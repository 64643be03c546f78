"""Depth of a BMP file, where Pillow takes another one.

Pillow gives a file whose palette is black and white the mode 1, and one whose palette is 0, 1, 2,
... the mode L. It then decodes 1 or 8 bits per pixel, whatever the depth in the file, so that 8
bits per pixel with two colors become other pixels without an error. OpenCV reads them as stored.
"""

from pathlib import Path
from typing import BinaryIO

from PIL import Image

from fusebench.errors import UserError

HEADER_BYTES = 32  # of a file, which hold the depth
OLD_HEADER_LENGTH = 12  # of OS/2 bitmaps; it has the depth elsewhere
DEPTHS = {"1": 1, "L": 8}  # bits per pixel that Pillow decodes, by mode
RAW_CODEC = "raw"  # the pixels are not compressed
TWO_COLORS_IN_8_BITS = "1;8"  # raw mode of Pillow


def read_depth(header: bytes) -> int:
    """Read the bits per pixel from the first `HEADER_BYTES` of a BMP file."""
    start = 24 if header[14] == OLD_HEADER_LENGTH else 28
    return int.from_bytes(header[start : start + 2], "little")


def correct_layout(path: Path, file: BinaryIO, image: Image.Image) -> None:
    """Let Pillow decode the depth that is in the file; ``image`` is changed, before decoding.

    Args:
        path: The file, for messages.
        file: The file, opened; its position stays.
        image: The BMP image, not decoded yet.

    Raises:
        UserError: If Pillow cannot decode this depth.
    """
    position = file.tell()
    file.seek(0)
    depth = read_depth(file.read(HEADER_BYTES))
    file.seek(position)
    if not image.tile or DEPTHS.get(image.mode, depth) == depth:  # type: ignore[attr-defined]
        return
    tile = image.tile[0]  # type: ignore[attr-defined] # of Pillow's image files
    if tile.codec_name != RAW_CODEC and image.mode == "L":
        return  # run lengths are decoded to one byte per pixel
    if tile.codec_name != RAW_CODEC or depth != 8:
        raise UserError(
            f"{path}: is a BMP of {depth} bits per pixel with a palette of gray levels, which is "
            "not read; save it as PNG"
        )
    image.tile = [tile._replace(args=(TWO_COLORS_IN_8_BITS, *tile.args[1:]))]  # type: ignore[attr-defined]
