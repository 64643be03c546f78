"""Sobel edge strength and orientation, as in the edge metrics of Xydeas and Petrovic."""

import numpy as np
from numpy.typing import NDArray

from fusion.metric_parts.filters import FloatImage, convert_to_float


def sobel_derivatives(image: NDArray[np.uint8]) -> list[FloatImage]:
    """Compute the Sobel derivatives with zero padding: left minus right, below minus above.

    The kernels are [[1, 0, -1], [2, 0, -2], [1, 0, -1]] and [[-1, -2, -1], [0, 0, 0], [1, 2, 1]].
    This is what ``conv2(image, [-1 0 1; -2 0 2; -1 0 1])`` and
    ``conv2(image, [1 2 1; 0 0 0; -1 -2 -1])`` compute in MATLAB, because a convolution flips its
    kernel. The result is exact: all values are integers.

    Args:
        image: uint8 luminance, (H, W).

    Returns:
        gx and gy, each (H, W).
    """
    import cv2

    levels, border = convert_to_float(image), cv2.BORDER_CONSTANT
    dx = cv2.Sobel(levels, cv2.CV_64F, 1, 0, ksize=3, borderType=border)
    dy = cv2.Sobel(levels, cv2.CV_64F, 0, 1, ksize=3, borderType=border)
    return [np.asarray(-dx, np.float64), np.asarray(dy, np.float64)]


def mirrored_sobel_derivatives(image: NDArray[np.uint8]) -> list[FloatImage]:
    """Compute the Sobel derivatives over 8 with a mirrored border.

    A ramp of one gray level per pixel has a derivative of 1.

    Args:
        image: uint8 luminance, (H, W).

    Returns:
        gx (right minus left) and gy (below minus above), gray levels per pixel, each (H, W).
    """
    import cv2

    levels = convert_to_float(image)
    return [
        np.asarray(cv2.Sobel(levels, cv2.CV_64F, *order, ksize=3, scale=1 / 8), np.float64)
        for order in ((1, 0), (0, 1))
    ]


def edge_strength(image: NDArray[np.uint8]) -> FloatImage:
    """Compute the gradient magnitude sqrt(gx^2 + gy^2), (H, W)."""
    gx, gy = sobel_derivatives(image)
    return np.asarray(np.sqrt(gx * gx + gy * gy))


def edge_orientation(image: NDArray[np.uint8]) -> FloatImage:
    """Compute atan(gy / gx), (H, W), -pi/2 to pi/2; it is pi/2 where gx is 0."""
    gx, gy = sobel_derivatives(image)
    is_zero = gx == 0
    gx[is_zero] = 1
    angle = np.arctan(gy / gx)
    angle[is_zero] = np.pi / 2
    return np.asarray(angle)


def signed_edge_orientation(image: NDArray[np.uint8]) -> FloatImage:
    """Compute atan(gy / gx), (H, W); where gx is 0, pi/2 with the sign of gy (0 if gy is 0)."""
    gx, gy = sobel_derivatives(image)
    is_zero = gx == 0
    gx[is_zero] = 1
    angle = np.arctan(gy / gx)
    angle[is_zero] = np.sign(gy[is_zero]) * np.pi / 2
    return np.asarray(angle)
