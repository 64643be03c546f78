"""The scales of multi-scale structural similarity, and what is local in each."""

from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from fusion.metrics._parts.filters import Plane, gaussian, halved, plane, valid

WINDOW = gaussian(11, 1.5)


def octaves(image: NDArray[np.uint8], count: int, odd: str = "replicate") -> list[Plane]:
    """The image and its halvings, ``count`` in all; ``odd`` names one of `HALVINGS`."""
    found = [plane(image)]
    while len(found) < count:
        found.append(HALVINGS[odd](found[-1]))
    return found


def moments(image: Plane) -> list[Plane]:
    """Local mean and variance under an 11 x 11 Gaussian of sigma 1.5."""
    mean = valid(image, WINDOW)
    return [mean, valid(image * image, WINDOW) - mean * mean]


def covariance(first: Plane, second: Plane, mean1: Plane, mean2: Plane) -> Plane:
    """Local covariance under the same window, from the local means of both."""
    return np.asarray(valid(first * second, WINDOW) - mean1 * mean2)


def similarity(
    x: Plane, y: Plane, moments_x: list[Plane], moments_y: list[Plane], factor: float
) -> list[Plane]:
    """SSIM's two maps, brightness and structure.

        l = (2 mX mY + C1) / (mX^2 + mY^2 + C1),   cs = (2 cov + C2) / (vX + vY + C2)

    Args:
        x: Image, grey levels 0..255.
        y: Other image.
        moments_x: Local mean and variance of ``x``.
        moments_y: The same of ``y``.
        factor: What C1 = 2.55^2 and C2 = 7.65^2 are multiplied by; 1 is right for 0..255.
    """
    (mx, vx), (my, vy) = moments_x, moments_y
    c1, c2 = 2.55**2 * factor, 7.65**2 * factor
    both = covariance(x, y, mx, my)
    brightness = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    return [brightness, np.asarray((2 * both + c2) / (vx + vy + c2))]


def _zeros_around(image: Plane) -> Plane:
    """Means of 2 x 2 pixels; an odd side gets a line of zeros at both ends (PyTorch's padding)."""
    return _blocks(np.pad(image, [(side % 2, side % 2) for side in image.shape]))


def _truncated(image: Plane) -> Plane:
    """Means of 2 x 2 pixels; a last odd line is left out."""
    return _blocks(image)


def _blocks(image: Plane) -> Plane:
    height, width = (side - side % 2 for side in image.shape)
    rows = image[0:height:2] + image[1:height:2]
    return np.asarray((rows[:, 0:width:2] + rows[:, 1:width:2]) / 4)


HALVINGS: dict[str, Callable[[Plane], Plane]] = {
    "replicate": halved,
    "zeros": _zeros_around,
    "truncate": _truncated,
}
