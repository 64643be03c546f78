"""Reading and writing of images; the files are opened in `fusebench.data.image_files.reader`.

In memory every image is uint8: ``(H, W)`` for infrared and luminance, ``(H, W, 3)`` RGB for visible
and fused images. Fused images are scored as they were saved, rounded to 8 bits.
"""

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fusebench.data.image_files.reader import ImageHeader, load_image, open_image_file, read_header
from fusebench.errors import UserError
from fusebench.runtime.atomic_write import replace_atomically

Gray = NDArray[np.uint8]
Color = NDArray[np.uint8]
LabelMap = NDArray[np.uint8]

BT601_WEIGHTS = np.array([0.299, 0.587, 0.114])  # of R, G, B in the luminance
BT601_THOUSANDTHS = np.array([[299, 587, 114]], np.float32)
IMAGE_EXTENSIONS = (".png", ".jpg", ".jpeg", ".bmp", ".tif", ".tiff", ".webp")
SIZE_ADVICE = (
    "the files must be pixel-registered. Many fusion programs crop images to a multiple of 8, 16 "
    "or 32, or resize them to a square: pad their input, or resize their output back"
)
GRAY_MODES = ("L", "LA", "1")
EIGHT_BIT_MODES = ("L", "LA", "RGB", "RGBA", "P", "CMYK")
DEEP_MODES = ("I", "F", "I;16", "I;16L", "I;16B", "I;16N")  # one channel of more than 8 bits


def read_gray(path: Path) -> Gray:
    """Read any 8-bit image as luminance, uint8 ``(H, W)``; a gray file keeps its values."""
    image = _open_image(path)
    return np.array(image, np.uint8) if image.mode == "L" else luminance(_to_rgb_array(image))


def read_color(path: Path) -> Color:
    """Read any 8-bit image as RGB, uint8 ``(H, W, 3)``; a gray file gets three equal channels."""
    return _to_rgb_array(_open_image(path))


def read_color_mode(path: Path) -> str:
    """Return how the file stores color: ``"gray"`` or ``"RGB"``."""
    return "gray" if read_header(path).mode in GRAY_MODES else "RGB"


def read_image_size(path: Path | str) -> tuple[int, int]:
    """Read (width, height) in pixels from the header, as displayed; no pixels are decoded."""
    return read_header(path).size


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
        OSError: If there is no such file, or it may not be read.
    """
    path.open("rb").close()
    try:
        with open_image_file(path, formats=("PNG",)):
            return True
    except UserError:
        return False


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
    import cv2

    color = np.ascontiguousarray(color)
    # In thousandths, all values are integers below 2^24 and exact in float32, which is much faster.
    shifts = np.multiply(gray, np.float32(1000), dtype=np.float32)
    shifts -= cv2.transform(color.astype(np.float32), BT601_THOUSANDTHS)
    rounded = np.rint(shifts * np.float32(0.001))
    shifted = cv2.add(color, cv2.merge([rounded] * 3), dtype=cv2.CV_8U)
    replaced: Color = shifted.astype(np.uint8, copy=False)
    shifts -= 1000 * rounded
    ties = np.abs(shifts) >= 500
    replaced[ties] = _shift_luminance(color[ties], gray[ties])
    return replaced


def _shift_luminance(colors: NDArray[np.uint8], gray: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Compute `replace_luminance` for N pixels, (N, 3) and (N,), in float64.

    Where the exact result lies between two gray levels, the rounding error of float64 decides.
    Saved images were made like this.
    """
    shifts = gray - colors.astype(np.float64) @ BT601_WEIGHTS
    rounded: NDArray[np.float64] = np.rint(colors + shifts[:, None])
    return rounded.clip(0, 255).astype(np.uint8)


def _open_image(path: Path) -> Image.Image:
    """Open an image of 8 bits per channel.

    Raises:
        UserError: If it has another bit depth or color space, or an alpha channel with content.
    """
    image, header = load_image(path)
    if header.bits > 8 or header.is_float or image.mode in DEEP_MODES:
        raise UserError(_format_bit_depth(path, header))
    if image.mode == "1":
        return image.convert("L")
    if image.mode not in EIGHT_BIT_MODES:
        raise UserError(
            f"{path}: color space {image.mode}; expected gray, RGB or CMYK. Convert it to RGB and "
            "save it as PNG"
        )
    _check_alpha(path, image)
    return image


def _format_bit_depth(path: Path, header: ImageHeader) -> str:
    kind = "floating-point numbers" if header.is_float else "integers"
    return (
        f"{path}: {header.bits}-bit {kind}; expected 8 bits per channel. For infrared images of a "
        "data set, set data.infrared_scaling of the task (docs/tasks.md); convert other images to "
        "8 bits and save them as PNG"
    )


def _check_alpha(path: Path, image: Image.Image) -> None:
    """Refuse an alpha channel that is not constant: it is transparency or a fourth image.

    A constant one is ignored, like everywhere.

    Raises:
        UserError: If its values differ.
    """
    if image.mode not in ("LA", "RGBA"):
        return
    low, high = image.getchannel("A").getextrema()
    if low != high:
        raise UserError(
            f"{path}: the alpha channel has values from {low} to {high}; expected no alpha or a "
            "constant one. If it is the infrared image, take data set mfnet, or save it as a gray "
            "file in the infrared folder and the first three channels as RGB"
        )


def _to_rgb_array(image: Image.Image) -> Color:
    return np.array(image.convert("RGB"), dtype=np.uint8)


def view_read_only(image: NDArray[Any]) -> NDArray[Any]:
    """The same pixels as an array that nobody can write to: what several plug-ins are shown."""
    view = image.view()
    view.flags.writeable = False
    return view
