"""Blur kernels of moving and of defocused cameras, with sizes in pixels."""

import math

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
SUBPIXELS = 8  # samples per pixel and direction, for kernels of any length and radius


def build_line_kernel(length: float, angle: float) -> FloatArray:
    """Build the kernel of uniform motion: the share of the exposure that each pixel gets.

    Args:
        length: Of the motion, in pixels; 0 leaves the image unchanged.
        angle: In radians, 0 is horizontal.

    Returns:
        float32, (K, K) with odd K; the sum is 1.
    """
    count = 1 + SUBPIXELS * math.ceil(length)
    steps = np.linspace(-length / 2, length / 2, count)
    half = math.ceil(length / 2) + 1
    kernel = np.zeros((2 * half + 1, 2 * half + 1))
    x, y = half + steps * math.cos(angle), half + steps * math.sin(angle)
    left, top = np.floor(x).astype(int), np.floor(y).astype(int)
    for column, row in ((0, 0), (1, 0), (0, 1), (1, 1)):  # bilinear weights of the four neighbors
        weights = (1 - abs(x - left - column)) * (1 - abs(y - top - row))
        np.add.at(kernel, (top + row, left + column), weights)
    return np.asarray(kernel / kernel.sum(), np.float32)


def build_disk_kernel(radius: float) -> FloatArray:
    """Build the kernel of defocus by geometrical optics: a disk of uniform brightness.

    Args:
        radius: Of the circle of confusion, in pixels; below half a pixel the image is unchanged.

    Returns:
        float32, (K, K) with odd K; the sum is 1.
    """
    half = max(0, math.ceil(radius - 0.5))
    side = 2 * half + 1
    centers = (np.arange(side * SUBPIXELS) + 0.5) / SUBPIXELS - side / 2
    inside = centers[:, None] ** 2 + centers[None, :] ** 2 <= max(radius, 0.5) ** 2
    kernel = inside.reshape(side, SUBPIXELS, side, SUBPIXELS).mean(axis=(1, 3))
    return np.asarray(kernel / kernel.sum(), np.float32)


def blur(image: FloatArray, kernel: FloatArray) -> FloatArray:
    """Filter a float32 image, (H, W) or (H, W, 3); pixels at the border are repeated outside."""
    import cv2

    blurred = cv2.filter2D(image, -1, kernel, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(blurred, np.float32)
