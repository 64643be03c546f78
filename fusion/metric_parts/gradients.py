"""Sobel strength and direction of edges, as the edge metrics take them."""

import numpy as np
from numpy.typing import NDArray

from fusion.metric_parts.filters import FloatImage, convert_to_float


def sobel_derivatives(image: NDArray[np.uint8]) -> list[FloatImage]:
    """Left minus right, and below minus above, zeros outside the image.

    The kernels are [[1, 0, -1], [2, 0, -2], [1, 0, -1]] and [[-1, -2, -1], [0, 0, 0], [1, 2, 1]]:
    what ``conv2(image, [-1 0 1; -2 0 2; -1 0 1])`` and ``conv2(image, [1 2 1; 0 0 0; -1 -2 -1])``
    compute in MATLAB, since a convolution turns its kernel. Exact: all values are integers.
    """
    import cv2

    wide, outside = convert_to_float(image), cv2.BORDER_CONSTANT
    right = cv2.Sobel(wide, cv2.CV_64F, 1, 0, ksize=3, borderType=outside)
    below = cv2.Sobel(wide, cv2.CV_64F, 0, 1, ksize=3, borderType=outside)
    return [np.asarray(-right, np.float64), np.asarray(below, np.float64)]


def edge_strength(image: NDArray[np.uint8]) -> FloatImage:
    """sqrt(gx^2 + gy^2)."""
    gx, gy = sobel_derivatives(image)
    return np.asarray(np.sqrt(gx * gx + gy * gy))


def edge_orientation(image: NDArray[np.uint8]) -> FloatImage:
    """atan(gy / gx), -pi/2 to pi/2, and pi/2 where gx is 0."""
    gx, gy = sobel_derivatives(image)
    upright = gx == 0
    gx[upright] = 1
    angle = np.arctan(gy / gx)
    angle[upright] = np.pi / 2
    return np.asarray(angle)


def signed_edge_orientation(image: NDArray[np.uint8]) -> FloatImage:
    """atan(gy / gx); where gx is 0, pi/2 with the sign of gy, and 0 where both are."""
    gx, gy = sobel_derivatives(image)
    upright = gx == 0
    gx[upright] = 1
    angle = np.arctan(gy / gx)
    angle[upright] = np.sign(gy[upright]) * np.pi / 2
    return np.asarray(angle)
