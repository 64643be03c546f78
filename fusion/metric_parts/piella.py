"""Piella's weighted similarity of a fused image to two sources, on images or on their edges.

Source: Piella, Heijmans, "A new quality metric for image fusion", ICIP 2003.
"""

import numpy as np
from numpy.typing import NDArray

from fusion.metric_parts.filters import FloatImage, convert_to_float, filter_valid, gaussian_window
from fusion.scoring.cache import Evaluator

FLAT_VARIANCE = 1e-9  # gray levels squared; a variance below is rounding
WINDOWS = {"uiqi8": np.full(8, 1 / 8), "ssim11": gaussian_window(11, 1.5)}
SSIM_CONSTANTS = {"uiqi8": (1e-6, 1e-6), "ssim11": (0.01, 0.03)}


def prewitt_magnitude(image: NDArray[np.uint8]) -> FloatImage:
    """Length of the gradient by 3 x 3 Prewitt kernels, zeros outside the image."""
    import cv2

    wide, smooth, step = convert_to_float(image), np.ones(3), np.array([-1.0, 0.0, 1.0])
    along = cv2.sepFilter2D(wide, cv2.CV_64F, step, smooth, borderType=cv2.BORDER_CONSTANT)
    down = cv2.sepFilter2D(wide, cv2.CV_64F, smooth, step, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(np.sqrt(along * along + down * down), np.float64)


def compute_local_moments(image: FloatImage, kind: str) -> list[FloatImage]:
    """Local mean and variance under one of `WINDOWS`; a variance of rounding errors is 0."""
    mean = filter_valid(image, WINDOWS[kind])
    variance = filter_valid(image * image, WINDOWS[kind]) - mean * mean
    variance[variance < FLAT_VARIANCE] = 0
    return [mean, variance]


def compute_saliency_weights(
    first: FloatImage, second: FloatImage, kind: str, compute: Evaluator
) -> list[FloatImage]:
    """Each window's share of the first source's variance, and the larger of both variances.

    Both are 0.5 where both sources are flat, as in the programs in use.
    """
    v1, v2 = (
        compute(compute_local_moments, first, kind)[1],
        compute(compute_local_moments, second, kind)[1],
    )
    flat = v1 + v2 == 0
    share = np.where(flat, 0.5, v1 / np.where(flat, 1, v1 + v2))
    return [share, np.where(flat, 0.5, np.maximum(v1, v2))]


def compute_similarity_map(
    source: FloatImage, fused: FloatImage, kind: str, compute: Evaluator
) -> FloatImage:
    """SSIM of every window; with vanishing constants (``uiqi8``) it is Wang and Bovik's UIQI."""
    c1, c2 = ((k * 255) ** 2 for k in SSIM_CONSTANTS[kind])
    (m1, v1), (m2, v2) = (
        compute(compute_local_moments, source, kind),
        compute(compute_local_moments, fused, kind),
    )
    both = filter_valid(source * fused, WINDOWS[kind]) - m1 * m2
    both[(v1 == 0) | (v2 == 0)] = 0
    top = (2 * m1 * m2 + c1) * (2 * both + c2)
    return np.asarray(top / ((m1 * m1 + m2 * m2 + c1) * (v1 + v2 + c2)))


def compute_quality_indices(
    first: FloatImage, second: FloatImage, fused: FloatImage, kind: str, compute: Evaluator
) -> list[float]:
    """Qs, the mean over all windows, and Qw, weighted by the larger variance of the sources.

    Q = l Q0(A, F) + (1 - l) Q0(B, F),   l = vA / (vA + vB)
    """
    share, weight = compute(compute_saliency_weights, first, second, kind, compute)
    one, other = (
        compute_similarity_map(source, fused, kind, compute) for source in (first, second)
    )
    found = share * one + (1 - share) * other
    return [float(found.mean()), float((weight * found).sum() / weight.sum())]
