"""The scales of multi-scale structural similarity, and what is local in each."""

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
    """The image and its halvings, ``count`` in all; ``odd`` names one of `HALVING_FUNCTIONS`."""
    found = [convert_to_float(image)]
    while len(found) < count:
        found.append(HALVING_FUNCTIONS[odd](found[-1]))
    return found


def compute_local_moments(image: FloatImage) -> list[FloatImage]:
    """Local mean and variance under an 11 x 11 Gaussian of sigma 1.5."""
    mean = filter_valid(image, WINDOW)
    return [mean, filter_valid(image * image, WINDOW) - mean * mean]


def compute_local_covariance(
    first: FloatImage, second: FloatImage, mean1: FloatImage, mean2: FloatImage
) -> FloatImage:
    """Local covariance under the same window, from the local means of both."""
    return np.asarray(filter_valid(first * second, WINDOW) - mean1 * mean2)


def compute_ssim_maps(
    x: FloatImage,
    y: FloatImage,
    moments_x: list[FloatImage],
    moments_y: list[FloatImage],
    factor: float,
) -> list[FloatImage]:
    """SSIM's two maps, brightness and structure.

        l = (2 mX mY + C1) / (mX^2 + mY^2 + C1),   cs = (2 cov + C2) / (vX + vY + C2)

    Args:
        x: Image, gray levels 0..255.
        y: Other image.
        moments_x: Local mean and variance of ``x``.
        moments_y: The same of ``y``.
        factor: What C1 = 2.55^2 and C2 = 7.65^2 are multiplied by; 1 is right for 0..255.
    """
    (mx, vx), (my, vy) = moments_x, moments_y
    c1, c2 = 2.55**2 * factor, 7.65**2 * factor
    both = compute_local_covariance(x, y, mx, my)
    brightness = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    return [brightness, np.asarray((2 * both + c2) / (vx + vy + c2))]


def _halve_zero_padded(image: FloatImage) -> FloatImage:
    """Means of 2 x 2 pixels; an odd side gets a line of zeros at both ends (PyTorch's padding)."""
    return _average_blocks(np.pad(image, [(side % 2, side % 2) for side in image.shape]))


def _halve_truncated(image: FloatImage) -> FloatImage:
    """Means of 2 x 2 pixels; a last odd line is left out."""
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
