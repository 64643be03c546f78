"""The patch that a fused image is to have, put together from the structure of its two sources.

Source: Ma, Zeng, Wang, "Perceptual quality assessment for multi-exposure image fusion", IEEE Trans.
Image Process. 24(11), 2015, eq. 6-13.
"""

import numpy as np

from fusion.metrics._parts.filters import Plane
from fusion.metrics._parts.pyramids import covariance, moments
from fusion.metrics._parts.sharing import Compute

SIZE = 11
EPSILON = float(np.finfo(np.float64).eps)
STEEPEST = 10.0  # largest exponent of the weights


def wanted(first: Plane, second: Plane) -> list[Plane]:
    """The wanted patch around every pixel, as a combination of the sources' own patches.

        r = a1 (x1 - m1) + a2 (x2 - m2)

    Args:
        first: Source, (H, W), float64.
        second: Same.

    Returns:
        a1, a2, and the Gaussian-weighted variance of r, each (H - 10, W - 10).
    """
    power1, power2, product = (
        _power(x, y) for x, y in ((first,) * 2, (second,) * 2, (first, second))
    )
    norms = [np.sqrt(np.maximum(power, 0)) for power in (power1, power2)]
    strengths = [norm + 0.001 for norm in norms]
    together = np.sqrt(np.maximum(power1 + power2 + 2 * product, 0))
    consistency = (together + EPSILON) / (norms[0] + norms[1] + EPSILON)
    consistency = np.clip(consistency, EPSILON, 1 - EPSILON)
    exponent = np.minimum(np.tan(np.pi / 2 * consistency), STEEPEST)
    weights = [(strength / SIZE) ** exponent + EPSILON for strength in strengths]
    total = weights[0] + weights[1]
    a1, a2 = (w / total / s for w, s in zip(weights, strengths, strict=True))
    length = np.sqrt(np.maximum(a1 * a1 * power1 + a2 * a2 * power2 + 2 * a1 * a2 * product, 0))
    scale = np.maximum(*strengths) / np.where(length > 0, length, 1)
    a1, a2 = a1 * scale, a2 * scale
    (m1, v1), (m2, v2) = moments(first), moments(second)
    both = covariance(first, second, m1, m2)
    return [a1, a2, a1 * a1 * v1 + a2 * a2 * v2 + 2 * a1 * a2 * both]


def quality(first: Plane, second: Plane, fused: Plane, compute: Compute) -> float:
    """Mean over the patches of one scale of their structural similarity to the wanted ones.

    q = (2 s_rF + C) / (s_r^2 + s_F^2 + C),   C = (0.03 255)^2
    """
    a1, a2, power = compute(wanted, first, second)
    mean, variance = compute(moments, fused)
    shared = np.zeros_like(mean)
    for weight, source in ((a1, first), (a2, second)):
        shared += weight * covariance(source, fused, compute(moments, source)[0], mean)
    constant = (0.03 * 255) ** 2
    return float(((2 * shared + constant) / (power + variance + constant)).mean())


def _power(x: Plane, y: Plane) -> Plane:
    """Sum over every 11 x 11 patch of the product of both deviations from their means."""
    import cv2

    def summed(image: Plane) -> Plane:
        found = cv2.boxFilter(image, cv2.CV_64F, (SIZE, SIZE), normalize=False)
        return np.asarray(found[SIZE // 2 : -(SIZE // 2), SIZE // 2 : -(SIZE // 2)])

    return np.asarray(summed(x * y) - summed(x) * summed(y) / SIZE**2)
