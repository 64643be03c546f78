"""Orientation of image files: how the stored pixels are turned for display.

EXIF (JPEG, PNG, WebP) is applied, as OpenCV, Pillow's exif_transpose and viewers do. Pillow applies
the tag of a TIFF itself.
"""

import re

from PIL import Image

ORIENTATION_TAG = 0x0112
EXIF_TAG_SHORT = 3  # type of the tag's value
TRANSPOSITIONS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
QUARTER_TURNS = (5, 6, 7, 8)  # they exchange width and height
XMP_ORIENTATION = re.compile(rb"tiff:Orientation(?:=\"|='|>)\s*([2-8])")


def parse_orientation(exif: bytes) -> int:
    """Read the orientation from an EXIF block: 1..8; 0 if there is none or the block is damaged."""
    if not exif:
        return 0
    block = exif.removeprefix(b"Exif\0\0")
    order: str = "little" if block[:2] == b"II" else "big"

    def read_integer(start: int, length: int) -> int:
        return int.from_bytes(block[start : start + length], order)  # type: ignore[arg-type]

    start = read_integer(4, 4)
    for entry in range(start + 2, start + 2 + 12 * read_integer(start, 2), 12):
        if entry + 12 > len(block):
            break
        if read_integer(entry, 2) == ORIENTATION_TAG:
            is_short = read_integer(entry + 2, 2) == EXIF_TAG_SHORT
            value = read_integer(entry + 8, 2 if is_short else 4)
            return value if value in TRANSPOSITIONS else 1
    return 0


def find_orientation_in_xmp(image: Image.Image) -> int | None:
    """Find an orientation other than upright in the XMP block of a loaded image."""
    xmp = image.info.get("xmp") or image.info.get("XML:com.adobe.xmp") or b""
    match = XMP_ORIENTATION.search(xmp.encode() if isinstance(xmp, str) else xmp)
    return int(match[1]) if match else None


def turn_for_display(image: Image.Image, orientation: int) -> Image.Image:
    """Turn or mirror an image from its stored to its displayed orientation."""
    transposition = TRANSPOSITIONS.get(orientation)
    return image if transposition is None else image.transpose(transposition)
