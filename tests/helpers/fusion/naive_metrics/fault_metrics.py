"""Metrics of visible faults as naive loops over pixels and windows."""

import math

import numpy as np
from numpy.typing import NDArray

from tests.helpers.fusion.naive_metrics.edge_metrics import compute_sobel

Image = NDArray[np.uint8]
FloatImage = NDArray[np.float64]


def spurious_gradient(a: Image, b: Image, f: Image) -> float:
    """Compute the mean excess of the gradient."""
    magnitudes = []
    for image in (a, b, f):
        sobel = compute_sobel(np.pad(image.astype(float), 1, mode="reflect"))
        magnitudes.append(np.array([math.hypot(x, y) / 8 for x, y in sobel]).reshape(f.shape))
    return _sum_excess(*magnitudes) / f.size


def spurious_lines(a: Image, b: Image, f: Image) -> float:
    """Compute the mean excess of dark and bright lines."""
    total = 0.0
    for sign in (1, -1):  # the bright lines of an image are the dark lines of its negative
        total += _sum_excess(*(_compute_dark_lines(sign * x.astype(float)) for x in (a, b, f)))
    return total / f.size


def lost_contrast(a: Image, b: Image, f: Image) -> float:
    """Compute the lost share of the better source's contrast."""
    lost, total = 0.0, 0.0
    for i in range(f.shape[0] - 8):
        for j in range(f.shape[1] - 8):
            x, y, z = (image[i : i + 9, j : j + 9].ravel().astype(float) for image in (a, b, f))
            better = x if x.std() > y.std() else y
            contrast = better.std()
            covariance = ((better - better.mean()) * (z - z.mean())).mean()
            retained = covariance / contrast if contrast else 0.0
            lost += contrast - min(max(retained, 0.0), contrast)
            total += contrast
    return lost / total


def _sum_excess(a: FloatImage, b: FloatImage, f: FloatImage) -> float:
    total = 0.0
    for i, j in np.ndindex(f.shape):
        bound = max(_get_window(a, i, j, 1).max(), _get_window(b, i, j, 1).max())
        total += max(0.0, f[i, j] - 1.5 * bound)
    return total


def _compute_dark_lines(image: FloatImage) -> FloatImage:
    """Compute the closing with 5 x 5 pixels minus the image."""
    dilated, closed = np.empty_like(image), np.empty_like(image)
    for i, j in np.ndindex(image.shape):
        dilated[i, j] = _get_window(image, i, j, 2).max()
    for i, j in np.ndindex(image.shape):
        closed[i, j] = _get_window(dilated, i, j, 2).min()
    return closed - image


def _get_window(image: FloatImage, i: int, j: int, margin: int) -> FloatImage:
    """Get the part of a window that lies inside the image."""
    return image[max(i - margin, 0) : i + margin + 1, max(j - margin, 0) : j + margin + 1]
