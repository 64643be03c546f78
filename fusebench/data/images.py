"""Reading and writing of images; no other module opens an image file.

In memory every image is uint8: ``(H, W)`` for infrared and luminance, ``(H, W, 3)`` RGB for visible
and fused images. Fused images are scored as they were saved, rounded to 8 bits.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fusebench.errors import UserError
from fusebench.runtime import command_name, file_names
from fusebench.runtime.atomic_write import replace_atomically

Gray = NDArray[np.uint8]
Color = NDArray[np.uint8]
LabelMap = NDArray[np.uint8]

BT601_WEIGHTS = np.array([0.299, 0.587, 0.114])  # of R, G, B in the luminance
IMAGE_EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")

# What Pillow raises for a damaged file; the last one if the header claims a gigantic image.
DECODE_ERRORS = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def read_gray(path: Path) -> Gray:
    """Read any 8-bit image as luminance, uint8 ``(H, W)``; a gray file keeps its values."""
    image = _open_image(path)
    return np.array(image, np.uint8) if image.mode == "L" else luminance(_to_rgb_array(image))


def read_color(path: Path) -> Color:
    """Read any 8-bit image as RGB, uint8 ``(H, W, 3)``; a gray file gets three equal channels."""
    return _to_rgb_array(_open_image(path))


def read_label_image(path: Path) -> LabelMap:
    """Read a label image as uint8 class ids ``(H, W)``; the colors of a palette are ignored.

    Raises:
        UserError: If the file is missing, unreadable, or has more than one channel.
    """
    image = _open_image(path)
    if image.mode not in ("L", "P"):
        raise UserError(f"{path}: expected one channel of class ids, got mode {image.mode}")
    return np.array(image, np.uint8)


def read_color_mode(path: Path) -> str:
    """Return how the file stores color: ``"gray"`` or ``"RGB"``."""
    return "gray" if _read_header(path)[1] in ("L", "1") else "RGB"


def read_image_size(path: Path) -> tuple[int, int]:
    """Read (width, height) in pixels from the header; no pixels are decoded."""
    return _read_header(path)[0]


def write_png(path: Path, image: Gray | Color) -> None:
    """Write a uint8 image as PNG; a reader never sees an incomplete file.

    The file is not flushed to the disk: its folder is, when all images are written.

    Raises:
        TypeError: If the image is not uint8.
    """
    if image.dtype != np.uint8:
        raise TypeError(f"{path.name}: expected a uint8 image, got {image.dtype}")
    with replace_atomically(path, sync=False) as temporary:
        Image.fromarray(image).save(temporary, format="PNG", compress_level=3)


def is_intact_png(path: Path) -> bool:
    """Return whether a file is a complete PNG whose checksums fit its content.

    Raises:
        PermissionError: If the file may not be read.
    """
    try:
        with Image.open(path, formats=("PNG",)) as image:
            image.verify()
    except PermissionError:
        raise
    except (*DECODE_ERRORS, EOFError, IndexError):
        return False
    return True


def luminance(color: Color) -> Gray:
    """Convert RGB to luminance, ITU-R BT.601 (0.299 R + 0.587 G + 0.114 B), rounded to uint8."""
    exact = color.astype(np.float64) @ BT601_WEIGHTS
    gray: Gray = np.rint(exact).astype(np.uint8)
    return gray


def replace_luminance(color: Color, gray: Gray) -> Color:
    """Replace the luminance of an image; its Cb and Cr (BT.601, full range) stay.

        Y = 0.299 R + 0.587 G + 0.114 B,   Cb ~ B - Y,   Cr ~ R - Y

    so that replacing Y by ``gray`` adds the same difference to R, G and B, clipped to 0..255.

    Args:
        color: uint8 RGB, (H, W, 3).
        gray: New luminance, uint8, (H, W).

    Returns:
        uint8 RGB, (H, W, 3).

    Raises:
        ValueError: If the sizes differ.
    """
    if color.shape[:2] != gray.shape:
        raise ValueError(f"color is {color.shape[:2]} but luminance is {gray.shape}")
    old_luminance = color.astype(np.float64) @ BT601_WEIGHTS
    shifted = color + (gray.astype(np.float64) - old_luminance)[..., None]
    replaced: Color = np.rint(shifted).clip(0, 255).astype(np.uint8)
    return replaced


def _read_header(path: Path) -> tuple[tuple[int, int], str]:
    try:
        with Image.open(path) as image:
            return image.size, image.mode
    except DECODE_ERRORS as error:
        raise _build_read_error(path, error) from None


def _open_image(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            image.load()
    except DECODE_ERRORS as error:
        raise _build_read_error(path, error) from None
    if image.mode == "1":
        return image.convert("L")
    if image.mode not in ("L", "LA", "RGB", "RGBA", "P"):
        raise UserError(
            f"{path}: expected an 8-bit image, got mode {image.mode}; convert it to 8 bits first"
        )
    return image


def _to_rgb_array(image: Image.Image) -> Color:
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _build_read_error(path: Path, error: Exception) -> UserError:
    """Name the file, and how to repair it: a folder of the store is created again."""
    is_in_store = (path.parent / file_names.SPEC_FILE).is_file()
    create_again = command_name.format_repair_advice(path.parent)
    if isinstance(error, FileNotFoundError):
        return UserError(f"{path}: no such image{f'; {create_again}' if is_in_store else ''}")
    advice = create_again if is_in_store else "replace the file"
    return UserError(f"{path}: cannot be read as an image ({error}); {advice}")


def view_read_only(image: NDArray[Any]) -> NDArray[Any]:
    """The same pixels as an array that nobody can write to: what several plug-ins are shown."""
    view = image.view()
    view.flags.writeable = False
    return view
