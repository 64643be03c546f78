"""Piella's fusion quality indices: similarity to both sources, weighted by local saliency.

Source: Piella, Heijmans, "A new quality metric for image fusion", ICIP 2003.
"""

import numpy as np
from numpy.typing import NDArray

from fusion.metric_parts.filters import FloatImage, convert_to_float, filter_valid, gaussian_window
from fusion.scoring.cache import Evaluator

FLAT_VARIANCE = 1e-9  # gray levels squared; a smaller variance is a rounding error
WINDOWS = {"uiqi8": np.full(8, 1 / 8), "ssim11": gaussian_window(11, 1.5)}
SSIM_CONSTANTS = {"uiqi8": (1e-6, 1e-6), "ssim11": (0.01, 0.03)}


def prewitt_magnitude(image: NDArray[np.uint8]) -> FloatImage:
    """Compute the gradient magnitude with 3 x 3 Prewitt kernels and zero padding, (H, W)."""
    import cv2

    levels, smooth, step = convert_to_float(image), np.ones(3), np.array([-1.0, 0.0, 1.0])
    gx = cv2.sepFilter2D(levels, cv2.CV_64F, step, smooth, borderType=cv2.BORDER_CONSTANT)
    gy = cv2.sepFilter2D(levels, cv2.CV_64F, smooth, step, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(np.sqrt(gx * gx + gy * gy), np.float64)


def compute_local_moments(image: FloatImage, kind: str) -> list[FloatImage]:
    """Compute the local mean and variance; a variance that is a rounding error becomes 0.

    Args:
        image: (H, W).
        kind: A key of `WINDOWS`.
    """
    mean = filter_valid(image, WINDOWS[kind])
    variance = filter_valid(image * image, WINDOWS[kind]) - mean * mean
    variance[variance < FLAT_VARIANCE] = 0
    return [mean, variance]


def compute_saliency_weights(
    first: FloatImage, second: FloatImage, kind: str, compute: Evaluator
) -> list[FloatImage]:
    """Compute each window's saliency: the first source's share of the variance, and the maximum.

    Both maps are 0.5 where both sources are flat, as in published implementations.

    Args:
        first: Source image, float64, (H, W).
        second: Other source image, the same.
        kind: A key of `WINDOWS`.
        compute: See `fusion.scoring.cache`.

    Returns:
        v1 / (v1 + v2), and max(v1, v2).
    """
    v1, v2 = (
        compute(compute_local_moments, first, kind)[1],
        compute(compute_local_moments, second, kind)[1],
    )
    is_flat = v1 + v2 == 0
    share = np.where(is_flat, 0.5, v1 / np.where(is_flat, 1, v1 + v2))
    return [share, np.where(is_flat, 0.5, np.maximum(v1, v2))]


def compute_similarity_map(
    source: FloatImage, fused: FloatImage, kind: str, compute: Evaluator
) -> FloatImage:
    """Compute the SSIM of every window, -1 to 1.

    With the vanishing constants of ``uiqi8`` it is the universal image quality index (UIQI) of
    Wang and Bovik. The covariance is 0 where either image is flat.
    """
    c1, c2 = ((k * 255) ** 2 for k in SSIM_CONSTANTS[kind])
    (m1, v1), (m2, v2) = (
        compute(compute_local_moments, source, kind),
        compute(compute_local_moments, fused, kind),
    )
    covariance = filter_valid(source * fused, WINDOWS[kind]) - m1 * m2
    covariance[(v1 == 0) | (v2 == 0)] = 0
    numerator = (2 * m1 * m2 + c1) * (2 * covariance + c2)
    return np.asarray(numerator / ((m1 * m1 + m2 * m2 + c1) * (v1 + v2 + c2)))


def compute_quality_indices(
    first: FloatImage, second: FloatImage, fused: FloatImage, kind: str, compute: Evaluator
) -> list[float]:
    """Compute Qs, the mean over all windows, and Qw, weighted by the sources' maximum variance.

        Q = l Q0(A, F) + (1 - l) Q0(B, F),   l = vA / (vA + vB)

    Args:
        first: A, float64, (H, W).
        second: B, the same.
        fused: F, the same.
        kind: A key of `WINDOWS`.
        compute: See `fusion.scoring.cache`.

    Returns:
        Qs and Qw, each -1 to 1 (a copy of two equal sources).
    """
    share, weight = compute(compute_saliency_weights, first, second, kind, compute)
    similarity1, similarity2 = (
        compute_similarity_map(source, fused, kind, compute) for source in (first, second)
    )
    quality = share * similarity1 + (1 - share) * similarity2
    return [float(quality.mean()), float((weight * quality).sum() / weight.sum())]
