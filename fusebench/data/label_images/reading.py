"""Reading of label images by the rules of this package."""

from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fusebench.data.images import LabelMap
from fusebench.data.label_images import colors
from fusebench.data.label_images.colors import HOW_TO_SAVE, ColorIds
from fusebench.data.label_images.opening import open_label_image
from fusebench.errors import UserError

# What Pillow multiplies the values of a gray file by, by the layout of its pixels
SCALE_BY_LAYOUT = {"L": 1, "L;R": 1, "L;4": 17, "L;4R": 17, "L;2": 85, "L;2R": 85}
COLOR_LAYOUTS = {"RGB", "RGB;R", "BGR", "BGRX", "RGBX", "RGBA", "BGRA", "LA"}
WIDE_LAYOUTS = ("I;16", "I;12", "I;32")  # first characters of the layouts of 12 to 32 bits
MAX_ID = 255


def read_label_image(
    path: Path, color_ids: ColorIds | None = None, *, trust_indices: bool = False
) -> LabelMap:
    """Read a label image as uint8 class ids, (H, W); see the module for the rules.

    Args:
        path: The file.
        color_ids: Colors of the data set's classes to their ids; None if it has no colors.
        trust_indices: The user states that palette indices are ids; colors are ignored.

    Raises:
        UserError: If the file is missing, damaged or in a lossy format, or its ids are not certain.
    """
    image, layout = open_label_image(path)
    if image.mode == "1":  # bool: 1-bit files are 0 and 1
        return np.array(image).astype(np.uint8)
    if image.mode == "L" and layout in SCALE_BY_LAYOUT:
        return np.array(image, np.uint8) // np.uint8(SCALE_BY_LAYOUT[layout])
    if image.mode == "P" and layout.startswith("P"):
        indices = np.array(image, np.uint8)
        palette = np.array(image.getpalette("RGB") or [], np.uint8).reshape(-1, 3)
        if trust_indices:
            return indices
        return colors.read_palette_ids(indices, palette, color_ids, path)
    if image.mode.startswith("I") and layout.startswith(WIDE_LAYOUTS):
        return _narrow_ids(np.array(image).astype(np.int64), path)
    if image.mode in ("LA", "RGB", "RGBA") and layout in COLOR_LAYOUTS:
        return _read_channels(image, color_ids, path)
    raise UserError(
        f"{path}: expected one channel of class ids, got mode {image.mode} ({layout}); "
        f"{HOW_TO_SAVE}"
    )


def read_colored_label_image(path: Path, color_ids: ColorIds) -> LabelMap:
    """Read a label image in known colors as uint8 class ids, (H, W); palette images too.

    Args:
        path: The file.
        color_ids: Color to class id.

    Raises:
        UserError: As `read_label_image`, or if a color is that of no class.
    """
    image, layout = open_label_image(path)
    if image.mode not in ("P", "L", "RGB", "RGBA") or "16" in layout:
        raise UserError(f"{path}: expected the colors of classes, got mode {image.mode} ({layout})")
    return colors.read_color_ids(np.array(image.convert("RGB")), color_ids, path)


def is_one_bit(path: Path) -> bool:
    """Return whether a label image has one bit per pixel; only its header is read.

    Raises:
        UserError: As `read_label_image`, as far as the header shows it.
    """
    return open_label_image(path, header_only=True)[0].mode == "1"


def _read_channels(image: Image.Image, color_ids: ColorIds | None, path: Path) -> LabelMap:
    """Read the ids of a file of several channels: equal channels, or the colors of classes."""
    pixels = np.array(image, np.uint8)
    if image.mode in ("LA", "RGBA"):
        transparent = int((pixels[..., -1] != MAX_ID).sum())
        if transparent:
            raise UserError(
                f"{path}: expected one channel of class ids, got mode {image.mode} with an alpha "
                f"channel that is not 255 everywhere ({transparent} pixels); {HOW_TO_SAVE}"
            )
        pixels = pixels[..., :-1]
    if (pixels == pixels[..., :1]).all():
        return np.ascontiguousarray(pixels[..., 0])
    return colors.read_color_ids(pixels, color_ids, path)


def _narrow_ids(values: NDArray[np.int64], path: Path) -> LabelMap:
    """Convert ids of 12 to 32 bits to 8 bits without changing any.

    Raises:
        UserError: If one does not fit.
    """
    outside = values[(values < 0) | (values > MAX_ID)]
    if outside.size:
        ids, counts = np.unique(outside, return_counts=True)
        scaled = not (values % 257).any()
        cause = (
            ". All values are multiples of 257, which a conversion from 8 to 16 bits makes: "
            "divide them by 257"
            if scaled
            else ""
        )
        raise UserError(
            f"{path}: value {ids[0]} ({counts[0]} pixels) is no class id; expected 0..254, or 255 "
            f"for unlabeled{cause}. {HOW_TO_SAVE[0].upper()}{HOW_TO_SAVE[1:]}"
        )
    return values.astype(np.uint8)
