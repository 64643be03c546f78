"""Perceptual saliency of an image: perceived energy of its blocks, weighted with their gradients.

Source: Zhou, Dong, Xie, Gao, "Fusion of infrared and visible images for night-vision context
enhancement", Applied Optics 55(23), 2016. Parameters are those of the authors' program.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from fusebench.data.images import Gray

BLOCK = 40  # pixels, side of the blocks
PIXELS_PER_DEGREE = 32  # of the visual angle
FloatImage = NDArray[np.float64]


def measure_perceptual_saliency(image: Gray) -> float:
    """Average the energy of blocks after the eye's contrast sensitivity, weighted with gradients.

        sum_b e_b g_b / sum_b g_b,   e = sqrt(sum abs(A F)^2) / pixels,   g = sum of Sobel^2

    F is the Fourier transform of the block, A Mannos and Sakrison's contrast sensitivity. The
    border of one pixel, where the Sobel filter leaves the image, is not used.

    Args:
        image: uint8, (H, W).

    Returns:
        0 or more; 0 for an image without gradients. It is proportional to the gray levels.
    """
    import cv2

    levels = image.astype(np.float64)
    dx, dy = (cv2.Sobel(levels, cv2.CV_64F, *order, ksize=3) for order in ((1, 0), (0, 1)))
    inner = (slice(1, -1), slice(1, -1))
    squared_gradients, levels = (dx * dx + dy * dy)[inner], levels[inner]
    total = float(squared_gradients.sum())
    if total == 0:
        return 0.0
    weighted = 0.0
    for top in range(0, levels.shape[0], BLOCK):
        for left in range(0, levels.shape[1], BLOCK):
            block = (slice(top, top + BLOCK), slice(left, left + BLOCK))
            weighted += squared_gradients[block].sum() * _measure_energy(levels[block])
    return float(weighted / total)


def _measure_energy(block: FloatImage) -> float:
    perceived = np.fft.fft2(block) * _compute_contrast_sensitivity(*block.shape)
    return float(np.linalg.norm(perceived) / block.size)


@cache
def _compute_contrast_sensitivity(height: int, width: int) -> FloatImage:
    """Compute A(f) = 2.6 (0.0192 + 0.114 f) exp(-(0.114 f)^1.1), f in cycles per degree."""
    rows, columns = np.fft.fftfreq(height)[:, None], np.fft.fftfreq(width)
    f = 0.114 * PIXELS_PER_DEGREE * np.hypot(rows, columns)
    return np.asarray(2.6 * (0.0192 + f) * np.exp(-(f**1.1)))
