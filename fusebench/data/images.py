"""Pixels in and out. Metrics and methods never open files; they are given these arrays.

Everywhere in memory: uint8, ``(H, W)`` for infrared and luminance, ``(H, W, 3)`` RGB for visible
and fused. A fused image is judged as it was saved, so what is measured is what a reader would see.
"""

import os
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fusebench.errors import UserError
from fusebench.runtime import file_names

Gray = NDArray[np.uint8]
Color = NDArray[np.uint8]
LabelMap = NDArray[np.uint8]

IMAGE_EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff")

# What Pillow raises for a damaged file; the last, where its header claims a gigantic image.
DECODE_ERRORS = (OSError, SyntaxError, ValueError, Image.DecompressionBombError)


def read_gray(path: Path) -> Gray:
    """Read any 8-bit image as luminance, uint8 ``(H, W)``; a gray file keeps its values."""
    image = _open_image(path)
    return np.array(image, np.uint8) if image.mode == "L" else luminance(_to_rgb_array(image))


def read_color(path: Path) -> Color:
    """Read any 8-bit image as RGB, uint8 ``(H, W, 3)``; a gray file gets three equal channels."""
    return _to_rgb_array(_open_image(path))


def read_label_image(path: Path) -> LabelMap:
    """Read a label image as uint8 class ids ``(H, W)``; a palette's colors are not looked at.

    Raises:
        UserError: If the file is missing, unreadable, or has more than one channel.
    """
    image = _open_image(path)
    if image.mode not in ("L", "P"):
        raise UserError(f"{path}: expected one channel of class ids, got mode {image.mode}")
    return np.array(image, np.uint8)


def read_color_mode(path: Path) -> str:
    """How the file stores color: ``"gray"`` or ``"RGB"``."""
    return "gray" if _read_header(path)[1] in ("L", "1") else "RGB"


def read_image_size(path: Path) -> tuple[int, int]:
    """(width, height) in pixels, from the header alone."""
    return _read_header(path)[0]


def write_png(path: Path, image: Gray | Color) -> None:
    """Write a uint8 image as PNG; a reader never sees half a file.

    Raises:
        TypeError: If the image is not uint8.
    """
    if image.dtype != np.uint8:
        raise TypeError(f"{path.name}: write needs uint8, got {image.dtype}")
    partial = path.with_name(f".{path.name}.{os.getpid()}")
    Image.fromarray(image).save(partial, format="PNG", compress_level=3)
    partial.replace(path)


def luminance(color: Color) -> Gray:
    """RGB to luminance, ITU-R BT.601 (0.299 R + 0.587 G + 0.114 B), rounded to uint8."""
    mixed = color.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    gray: Gray = np.rint(mixed).astype(np.uint8)
    return gray


def replace_luminance(color: Color, gray: Gray) -> Color:
    """The same image with another luminance: its Cb and Cr (BT.601, full range) are kept.

        Y = 0.299 R + 0.587 G + 0.114 B,   Cb ~ B - Y,   Cr ~ R - Y

    so replacing Y by ``gray`` adds the same difference to R, G and B, clipped to 0..255.

    Args:
        color: uint8 RGB, (H, W, 3).
        gray: uint8 luminance, (H, W).

    Returns:
        uint8 RGB, (H, W, 3).

    Raises:
        ValueError: If the sizes differ.
    """
    if color.shape[:2] != gray.shape:
        raise ValueError(f"color is {color.shape[:2]} but luminance is {gray.shape}")
    old = color.astype(np.float64) @ np.array([0.299, 0.587, 0.114])
    mixed = color + (gray.astype(np.float64) - old)[..., None]
    out: Color = np.rint(mixed).clip(0, 255).astype(np.uint8)
    return out


def _read_header(path: Path) -> tuple[tuple[int, int], str]:
    try:
        with Image.open(path) as image:
            return image.size, image.mode
    except DECODE_ERRORS as fault:
        raise _unreadable_image_error(path, fault) from None


def _open_image(path: Path) -> Image.Image:
    try:
        with Image.open(path) as image:
            image.load()
    except DECODE_ERRORS as fault:
        raise _unreadable_image_error(path, fault) from None
    if image.mode == "1":
        return image.convert("L")
    if image.mode not in ("L", "LA", "RGB", "RGBA", "P"):
        raise UserError(
            f"{path}: expected an 8-bit image, got mode {image.mode}; convert it to 8 bits first"
        )
    return image


def _to_rgb_array(image: Image.Image) -> Color:
    return np.array(image.convert("RGB"), dtype=np.uint8)


def _unreadable_image_error(path: Path, fault: Exception) -> UserError:
    made_here = (path.parent / file_names.SPEC_FILE).is_file()
    again = f"delete the folder {path.parent} and run again"
    if isinstance(fault, FileNotFoundError):
        return UserError(f"{path}: no such image{f'; {again}' if made_here else ''}")
    advice = again if made_here else "replace the file"
    return UserError(f"{path}: cannot be read as an image ({fault}); {advice}")
