"""Separable window filters on float64 luminance, and downsampling by two."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float64]


def convert_to_float(image: NDArray[np.uint8]) -> FloatImage:
    """Convert an image to float64; gray levels stay 0 to 255."""
    return image.astype(np.float64)


def gaussian_window(size: int, sigma: float) -> FloatImage:
    """Compute a one-dimensional Gaussian window.

    Args:
        size: Length in pixels.
        sigma: Standard deviation in pixels.

    Returns:
        (size,), with sum 1.
    """
    x = np.arange(size) - (size - 1) / 2
    window = np.exp(-(x**2) / (2 * sigma**2))
    return np.asarray(window / window.sum())


def filter_valid(image: FloatImage, window: FloatImage) -> FloatImage:
    """Compute the weighted mean under a square window, where it lies wholly inside the image.

    Args:
        image: (H, W).
        window: (k,), the window's row and column; symmetric.

    Returns:
        (H - k + 1, W - k + 1); empty if the image is smaller than the window.
    """
    import cv2

    k = len(window)
    height, width = image.shape[0] - k + 1, image.shape[1] - k + 1
    if height < 1 or width < 1:
        return np.empty((max(height, 0), max(width, 0)))
    filtered = cv2.sepFilter2D(image, cv2.CV_64F, window, window, borderType=cv2.BORDER_CONSTANT)
    margin = k // 2
    return np.asarray(filtered[margin : margin + height, margin : margin + width])


def filter_same(image: NDArray[Any], window: FloatImage) -> NDArray[Any]:
    """Compute the weighted mean under a square window of odd size, with zero padding.

    Args:
        image: (H, W), float64 or float32.
        window: (k,), symmetric.

    Returns:
        (H, W), of the same dtype.
    """
    import cv2

    return np.asarray(cv2.sepFilter2D(image, -1, window, window, borderType=cv2.BORDER_CONSTANT))


def halve_resolution(image: FloatImage) -> FloatImage:
    """Average 2 x 2 pixels; a last odd row or column counts twice.

    Args:
        image: (H, W).

    Returns:
        (ceil(H / 2), ceil(W / 2)).
    """
    height, width = image.shape
    if height % 2 or width % 2:
        image = np.pad(image, ((0, height % 2), (0, width % 2)), mode="edge")
    rows = image[0::2] + image[1::2]
    return np.asarray((rows[:, 0::2] + rows[:, 1::2]) / 4)
