"""The patch that a fused image is to have, put together from the structure of its two sources.

Source: Ma, Zeng, Wang, "Perceptual quality assessment for multi-exposure image fusion", IEEE Trans.
Image Process. 24(11), 2015, eq. 6-13.
"""

import numpy as np

from fusion.metric_parts.filters import FloatImage
from fusion.metric_parts.ms_ssim import compute_local_covariance, compute_local_moments
from fusion.scoring.cache import Evaluator

PATCH_SIZE = 11
EPSILON = float(np.finfo(np.float64).eps)
MAX_EXPONENT = 10.0  # largest exponent of the weights


def compute_desired_patches(first: FloatImage, second: FloatImage) -> list[FloatImage]:
    """The wanted patch around every pixel, as a combination of the sources' own patches.

        r = a1 (x1 - m1) + a2 (x2 - m2)

    Args:
        first: Source, (H, W), float64.
        second: Same.

    Returns:
        a1, a2, and the Gaussian-weighted variance of r, each (H - 10, W - 10).
    """
    power1, power2, product = (
        _sum_deviation_products(x, y) for x, y in ((first,) * 2, (second,) * 2, (first, second))
    )
    norms = [np.sqrt(np.maximum(power, 0)) for power in (power1, power2)]
    strengths = [norm + 0.001 for norm in norms]
    together = np.sqrt(np.maximum(power1 + power2 + 2 * product, 0))
    consistency = (together + EPSILON) / (norms[0] + norms[1] + EPSILON)
    consistency = np.clip(consistency, EPSILON, 1 - EPSILON)
    exponent = np.minimum(np.tan(np.pi / 2 * consistency), MAX_EXPONENT)
    weights = [(strength / PATCH_SIZE) ** exponent + EPSILON for strength in strengths]
    total = weights[0] + weights[1]
    a1, a2 = (w / total / s for w, s in zip(weights, strengths, strict=True))
    length = np.sqrt(np.maximum(a1 * a1 * power1 + a2 * a2 * power2 + 2 * a1 * a2 * product, 0))
    scale = np.maximum(*strengths) / np.where(length > 0, length, 1)
    a1, a2 = a1 * scale, a2 * scale
    (m1, v1), (m2, v2) = compute_local_moments(first), compute_local_moments(second)
    both = compute_local_covariance(first, second, m1, m2)
    return [a1, a2, a1 * a1 * v1 + a2 * a2 * v2 + 2 * a1 * a2 * both]


def compute_scale_quality(
    first: FloatImage, second: FloatImage, fused: FloatImage, compute: Evaluator
) -> float:
    """Mean over the patches of one scale of their structural similarity to the wanted ones.

    q = (2 s_rF + C) / (s_r^2 + s_F^2 + C),   C = (0.03 255)^2
    """
    a1, a2, power = compute(compute_desired_patches, first, second)
    mean, variance = compute(compute_local_moments, fused)
    shared = np.zeros_like(mean)
    for weight, source in ((a1, first), (a2, second)):
        shared += weight * compute_local_covariance(
            source, fused, compute(compute_local_moments, source)[0], mean
        )
    constant = (0.03 * 255) ** 2
    return float(((2 * shared + constant) / (power + variance + constant)).mean())


def _sum_deviation_products(x: FloatImage, y: FloatImage) -> FloatImage:
    """Sum over every 11 x 11 patch of the product of both deviations from their means."""
    import cv2

    def summed(image: FloatImage) -> FloatImage:
        found = cv2.boxFilter(image, cv2.CV_64F, (PATCH_SIZE, PATCH_SIZE), normalize=False)
        return np.asarray(
            found[PATCH_SIZE // 2 : -(PATCH_SIZE // 2), PATCH_SIZE // 2 : -(PATCH_SIZE // 2)]
        )

    return np.asarray(summed(x * y) - summed(x) * summed(y) / PATCH_SIZE**2)
