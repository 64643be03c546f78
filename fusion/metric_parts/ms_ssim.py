"""Multi-scale structural similarity: image pyramids, local moments and SSIM maps."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fusion.metric_parts.filters import (
    FloatImage,
    convert_to_float,
    filter_valid,
    gaussian_window,
    halve_resolution,
)

WINDOW = gaussian_window(11, 1.5)


def build_pyramid(image: NDArray[np.uint8], count: int, odd: str = "replicate") -> list[FloatImage]:
    """Build an image pyramid by halving the resolution.

    Args:
        image: uint8 luminance, (H, W).
        count: Number of levels; the first is the image itself.
        odd: How odd sides are halved; a key of `HALVING_FUNCTIONS`.
    """
    levels = [convert_to_float(image)]
    while len(levels) < count:
        levels.append(HALVING_FUNCTIONS[odd](levels[-1]))
    return levels


def compute_local_moments(image: FloatImage) -> list[FloatImage]:
    """Compute the local mean and variance under an 11 x 11 Gaussian with sigma 1.5.

    Returns:
        Two maps, each (H - 10, W - 10).
    """
    mean = filter_valid(image, WINDOW)
    return [mean, filter_valid(image * image, WINDOW) - mean * mean]


def compute_local_covariance(
    first: FloatImage, second: FloatImage, mean1: FloatImage, mean2: FloatImage
) -> FloatImage:
    """Compute the local covariance under the same window, given the local means."""
    return np.asarray(filter_valid(first * second, WINDOW) - mean1 * mean2)


def compute_ssim_maps(
    x: FloatImage,
    y: FloatImage,
    moments_x: list[FloatImage],
    moments_y: list[FloatImage],
    factor: float,
) -> list[FloatImage]:
    """Compute the two maps of SSIM: luminance, and contrast and structure.

        l = (2 mX mY + C1) / (mX^2 + mY^2 + C1),   cs = (2 cov + C2) / (vX + vY + C2)

    Args:
        x: Image, gray levels 0 to 255, (H, W).
        y: Other image, the same.
        moments_x: Local mean and variance of ``x``.
        moments_y: The same of ``y``.
        factor: Multiplies C1 = 2.55^2 and C2 = 7.65^2; 1 is correct for gray levels 0 to 255.

    Returns:
        l (0 to 1) and cs (-1 to 1), each (H - 10, W - 10).
    """
    (mx, vx), (my, vy) = moments_x, moments_y
    c1, c2 = 2.55**2 * factor, 7.65**2 * factor
    covariance = compute_local_covariance(x, y, mx, my)
    luminance = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    return [luminance, np.asarray((2 * covariance + c2) / (vx + vy + c2))]


def _halve_zero_padded(image: FloatImage) -> FloatImage:
    """Average 2 x 2 pixels; an odd side is padded with zeros at both ends, as in PyTorch."""
    return _average_blocks(np.pad(image, [(side % 2, side % 2) for side in image.shape]))


def _halve_truncated(image: FloatImage) -> FloatImage:
    """Average 2 x 2 pixels; a last odd row or column is dropped."""
    return _average_blocks(image)


def _average_blocks(image: FloatImage) -> FloatImage:
    height, width = (side - side % 2 for side in image.shape)
    rows = image[0:height:2] + image[1:height:2]
    return np.asarray((rows[:, 0:width:2] + rows[:, 1:width:2]) / 4)


HALVING_FUNCTIONS: dict[str, Callable[[FloatImage], FloatImage]] = {
    "replicate": halve_resolution,
    "zeros": _halve_zero_padded,
    "truncate": _halve_truncated,
}
