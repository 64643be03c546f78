"""One scale of MEF-SSIM: the desired patch built from both sources, and the similarity to it.

Source: Ma, Zeng, Wang, "Perceptual quality assessment for multi-exposure image fusion", IEEE Trans.
Image Process. 24(11), 2015, eq. 6-13.
"""

import numpy as np

from fusion.metric_parts.filters import FloatImage
from fusion.metric_parts.ms_ssim import compute_local_covariance, compute_local_moments
from fusion.scoring.cache import Evaluator

PATCH_SIZE = 11
EPSILON = float(np.finfo(np.float64).eps)
MAX_EXPONENT = 10.0  # of the structure weights


def compute_desired_patches(first: FloatImage, second: FloatImage) -> list[FloatImage]:
    """Compute the desired patch at every pixel, as a combination of the sources' patches.

        r = a1 (x1 - m1) + a2 (x2 - m2)

    Args:
        first: Source image, float64, (H, W).
        second: Other source image, the same.

    Returns:
        a1, a2, and the Gaussian-weighted variance of r, each (H - 10, W - 10).
    """
    power1, power2, product = (
        _sum_deviation_products(x, y)
        for x, y in ((first, first), (second, second), (first, second))
    )
    # Signal strength of each patch, and the consistency of both structures (0 to 1).
    norms = [np.sqrt(np.maximum(power, 0)) for power in (power1, power2)]
    strengths = [norm + 0.001 for norm in norms]
    sum_norm = np.sqrt(np.maximum(power1 + power2 + 2 * product, 0))
    consistency = (sum_norm + EPSILON) / (norms[0] + norms[1] + EPSILON)
    consistency = np.clip(consistency, EPSILON, 1 - EPSILON)
    # Weights of the unit structures: the stronger patch dominates the more consistent they are.
    exponent = np.minimum(np.tan(np.pi / 2 * consistency), MAX_EXPONENT)
    weights = [(strength / PATCH_SIZE) ** exponent + EPSILON for strength in strengths]
    total = weights[0] + weights[1]
    a1, a2 = (w / total / s for w, s in zip(weights, strengths, strict=True))
    # Rescale the combined structure to the strength of the stronger patch.
    length = np.sqrt(np.maximum(a1 * a1 * power1 + a2 * a2 * power2 + 2 * a1 * a2 * product, 0))
    scale = np.maximum(*strengths) / np.where(length > 0, length, 1)
    a1, a2 = a1 * scale, a2 * scale
    (m1, v1), (m2, v2) = compute_local_moments(first), compute_local_moments(second)
    covariance = compute_local_covariance(first, second, m1, m2)
    return [a1, a2, a1 * a1 * v1 + a2 * a2 * v2 + 2 * a1 * a2 * covariance]


def compute_scale_quality(
    first: FloatImage, second: FloatImage, fused: FloatImage, compute: Evaluator
) -> float:
    """Average the structural similarity of the fused image to the desired patches at one scale.

        q = (2 s_rF + C) / (s_r^2 + s_F^2 + C),   C = (0.03 255)^2

    Args:
        first: Source image, float64, (H, W).
        second: Other source image, the same.
        fused: Fused image, the same.
        compute: See `fusion.scoring.cache`.

    Returns:
        Mean of q, -1 to 1 (equal to the desired patches).
    """
    a1, a2, desired_variance = compute(compute_desired_patches, first, second)
    mean, variance = compute(compute_local_moments, fused)
    covariance = np.zeros_like(mean)  # s_rF
    for weight, source in ((a1, first), (a2, second)):
        source_mean = compute(compute_local_moments, source)[0]
        covariance += weight * compute_local_covariance(source, fused, source_mean, mean)
    constant = (0.03 * 255) ** 2
    return float(((2 * covariance + constant) / (desired_variance + variance + constant)).mean())


def _sum_deviation_products(x: FloatImage, y: FloatImage) -> FloatImage:
    """Sum the product of both images' deviations from the patch mean over every 11 x 11 patch."""
    import cv2

    margin = PATCH_SIZE // 2

    def sum_patches(image: FloatImage) -> FloatImage:
        sums = cv2.boxFilter(image, cv2.CV_64F, (PATCH_SIZE, PATCH_SIZE), normalize=False)
        return np.asarray(sums[margin:-margin, margin:-margin])

    return np.asarray(sum_patches(x * y) - sum_patches(x) * sum_patches(y) / PATCH_SIZE**2)
