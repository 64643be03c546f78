"""Opening of label images: lossless formats only, and the layout of the pixels in the file."""

from pathlib import Path

from PIL import Image, ImageFile

from fusebench.data.image_files import bmp_layout
from fusebench.data.image_files.orientation import turn_for_display
from fusebench.data.image_files.reader import open_image_file
from fusebench.data.label_images.colors import HOW_TO_SAVE
from fusebench.errors import UserError
from fusebench.runtime.reading.regular_file import require_regular_file

FORMATS = ("PNG", "BMP", "TIFF")
# Compressions of TIFF that keep every value, by Pillow's names
LOSSLESS_COMPRESSIONS = {
    *("raw", "packbits", "tiff_lzw", "tiff_deflate", "tiff_adobe_deflate", "lzma", "zstd"),
    *("tiff_ccitt", "group3", "group4"),
}
# The first bytes of formats that change the values of pixels
LOSSY_SIGNATURES = {
    b"\xff\xd8\xff": "JPEG",
    b"\x00\x00\x00\x0cjP  ": "JPEG 2000",
    b"\xff\x4f\xff\x51": "JPEG 2000",
}
LOSSY_CONTAINERS = {b"WEBP": "WebP", b"avif": "AVIF", b"heic": "HEIC"}  # at bytes 8 to 11


def open_label_image(path: Path, *, header_only: bool = False) -> tuple[Image.Image, str]:
    """Open a lossless image with its orientation applied; return it and the layout of its pixels.

    The layout is Pillow's raw mode, e.g. ``L;4`` for 4 bits: its mode alone does not tell the depth
    of the file.
    """
    first_bytes = _read_first_bytes(path)
    _check_is_lossless(first_bytes, path)
    with open_image_file(path, FORMATS) as (image, header):
        layout = _check_layout(image, first_bytes, path)
        if header_only:
            return image, layout
        image.load()
        return turn_for_display(image, header.orientation), layout


def _read_first_bytes(path: Path) -> bytes:
    """Read the signature of a file; empty if it cannot be read, which `open_image_file` reports."""
    try:
        require_regular_file(path)
        with path.open("rb") as file:
            return file.read(bmp_layout.HEADER_BYTES)  # the signature, and the depth of a BMP
    except OSError:
        return b""


def _check_is_lossless(first_bytes: bytes, path: Path) -> None:
    """Raise if the content, whatever the name of the file, is of a lossy format."""
    lossy_format = LOSSY_CONTAINERS.get(first_bytes[8:12])
    for signature, name in LOSSY_SIGNATURES.items():
        lossy_format = name if first_bytes.startswith(signature) else lossy_format
    if lossy_format:
        raise UserError(
            f"{path}: is a {lossy_format} file; such compression changes class ids, so a label map "
            "has to be a PNG file (BMP and TIFF can be read too). Export it again from the program "
            "that made it: converting this file does not bring the ids back"
        )


def _check_layout(image: ImageFile.ImageFile, first_bytes: bytes, path: Path) -> str:
    """Return the layout of the pixels in the file; raise where Pillow would change them."""
    compression = image.info.get("compression")
    if image.format == "TIFF" and compression not in LOSSLESS_COMPRESSIONS:
        raise UserError(
            f"{path}: is a TIFF file with {compression} compression, which is not known to keep "
            "class ids; export it again as PNG from the program that made it"
        )
    if not image.tile:
        raise OSError("no pixels in it")
    tile = image.tile[0]
    layout = tile.args if isinstance(tile.args, str) else str((tile.args or ("",))[0])
    depth = bmp_layout.read_depth(first_bytes) if image.format == "BMP" else None
    if depth is not None and bmp_layout.DEPTHS.get(image.mode, depth) != depth:
        raise UserError(f"{path}: is a gray BMP file of unusual depth; {HOW_TO_SAVE}")
    return layout
