"""Validation of the three images that every fusion metric takes."""

from typing import Any

import numpy as np
from numpy.typing import NDArray


def check_images(infrared: NDArray[Any], visible: NDArray[Any], fused: NDArray[Any]) -> None:
    """Check that three images are 8-bit luminance of one size.

    Raises:
        TypeError: If an image is not a uint8 array.
        ValueError: If an image has color or no pixels, or the sizes differ.
    """
    for name, image in (("infrared", infrared), ("visible", visible), ("fused", fused)):
        _check_luminance(name, image)
    if not infrared.shape == visible.shape == fused.shape:
        raise ValueError(
            f"the three images differ in size: infrared {infrared.shape}, "
            f"visible {visible.shape}, fused {fused.shape}"
        )


def _check_luminance(name: str, image: NDArray[Any]) -> None:
    if not isinstance(image, np.ndarray):
        raise TypeError(f"{name} is {type(image).__name__}, expected a uint8 array")
    if image.ndim != 2:
        raise ValueError(
            f"{name} has shape {image.shape}, expected luminance (H, W); "
            "convert it with fusebench.data.images.luminance"
        )
    if image.size == 0:
        raise ValueError(f"{name} is an empty image, shape {image.shape}")
    if image.dtype != np.uint8:
        raise TypeError(
            f"{name} is {image.dtype}{_describe_range(image)}, expected uint8 luminance 0 to 255; "
            "scale, round and convert it first"
        )


def _describe_range(image: NDArray[Any]) -> str:
    if image.dtype.kind not in "fiu":
        return ""
    if not np.isfinite(image).all():
        return " with NaN or infinity"
    return f" from {image.min():g} to {image.max():g}"
