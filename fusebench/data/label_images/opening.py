"""Opening of label images: lossless formats only, and the layout of the pixels in the file."""

import stat
from pathlib import Path

from PIL import Image, ImageFile, ImageOps, UnidentifiedImageError

from fusebench.data.label_images.colors import HOW_TO_SAVE
from fusebench.errors import UserError
from fusebench.runtime import file_names

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
BMP_DEPTHS = {"1": 1, "L": 8}  # bits that Pillow decodes, whatever the depth in the file
MAX_PIXELS = 1 << 26  # 67 million; headers of damaged files claim more
HEADER_LENGTH = 32  # bytes that hold the signature of a format, and the depth of a BMP file


def open_label_image(path: Path, *, header_only: bool = False) -> tuple[Image.Image, str]:
    """Open a lossless image with its orientation applied; return it and the layout of its pixels.

    The layout is Pillow's raw mode, e.g. ``L;4`` for 4 bits: its mode alone does not tell the depth
    of the file.
    """
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise UserError(f"{path}: is not a file; expected a label image (PNG, BMP or TIFF)")
        with path.open("rb") as file:
            first_bytes = file.read(HEADER_LENGTH)
        _check_is_lossless(first_bytes, path)
        # Not by its name: Pillow 13 scrambles a TIFF file that it maps into memory and turns by 90
        # degrees.
        with path.open("rb") as file, Image.open(file, formats=FORMATS) as image:
            layout = _check_layout(image, first_bytes, path)
            if header_only:
                return image, layout
            image.load()
            return ImageOps.exif_transpose(image), layout
    except UnidentifiedImageError:
        raise _build_read_error(path, "its content is no PNG, BMP or TIFF image") from None
    except UserError:
        raise
    except Exception as error:  # noqa: BLE001 - decoders raise many types for a damaged file
        raise _build_read_error(path, error) from None


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
    if image.width * image.height > MAX_PIXELS:
        size = f"{image.width} x {image.height}"
        raise UserError(
            f"{path}: {size} pixels; at most {MAX_PIXELS:,} are read. Is the file damaged?"
        )
    compression = image.info.get("compression")
    if image.format == "TIFF" and compression not in LOSSLESS_COMPRESSIONS:
        raise UserError(
            f"{path}: is a TIFF file with {compression} compression, which is not known to keep "
            "class ids; export it again as PNG from the program that made it"
        )
    if getattr(image, "n_frames", 1) != 1:
        raise UserError(
            f"{path}: holds {getattr(image, 'n_frames', 1)} images; expected one label map; "
            "save it alone, as PNG"
        )
    if not image.tile:
        raise OSError("no pixels in it")
    tile = image.tile[0]
    layout = tile.args if isinstance(tile.args, str) else str((tile.args or ("",))[0])
    if image.format == "BMP" and BMP_DEPTHS.get(image.mode) not in (
        None,
        _read_bmp_depth(first_bytes),
    ):
        raise UserError(f"{path}: is a gray BMP file of unusual depth; {HOW_TO_SAVE}")
    return layout


def _read_bmp_depth(first_bytes: bytes) -> int:
    """Return the bits per pixel of a BMP file, which are elsewhere after a header of 12 bytes."""
    start = 24 if first_bytes[14] == 12 else 28
    return int.from_bytes(first_bytes[start : start + 2], "little")


def _build_read_error(path: Path, error: Exception | str) -> UserError:
    """Name the file, and how to repair it: a folder of the store is created again."""
    is_in_store = (path.parent / file_names.SPEC_FILE).is_file()
    create_again = f"delete the folder {path.parent} and run again"
    if isinstance(error, FileNotFoundError):
        return UserError(f"{path}: no such image{f'; {create_again}' if is_in_store else ''}")
    advice = create_again if is_in_store else "replace the file by a PNG"
    return UserError(f"{path}: cannot be read as an image ({error}); {advice}")
