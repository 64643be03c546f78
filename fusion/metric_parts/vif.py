"""Pixel-domain visual information fidelity: the pyramid and the gain model of VIFp and VIFF.

Source: Sheikh, Bovik, "Image information and visual quality", IEEE Trans. Image Process. 15(2),
2006, in the multi-scale pixel domain of the authors' vifp_mscale.
"""

import numpy as np
from numpy.typing import NDArray

from fusion.metric_parts.filters import FloatImage, convert_to_float, filter_valid, gaussian_window
from fusion.scoring.cache import Evaluator

SCALES = 4
EPSILON = 1e-10


def get_scale_window(scale: int) -> FloatImage:
    """Get the Gaussian window of one scale: 17, 9, 5 or 3 pixels wide, sigma a fifth of that."""
    size = 2 ** (SCALES - scale) + 1
    return gaussian_window(size, size / 5)


def build_pyramid(image: NDArray[np.uint8]) -> list[FloatImage]:
    """Build the four scales: filter with the next scale's window, keep every second pixel."""
    levels = [convert_to_float(image)]
    for scale in range(1, SCALES):
        filtered = filter_valid(levels[-1], get_scale_window(scale))
        levels.append(np.ascontiguousarray(filtered[::2, ::2]))
    return levels


def compute_local_moments(image: FloatImage, scale: int) -> list[FloatImage]:
    """Compute the local mean and variance (at least 0) under the scale's window."""
    w = get_scale_window(scale)
    mean = filter_valid(image, w)
    return [mean, np.maximum(filter_valid(image * image, w) - mean * mean, 0)]


def estimate_gain(
    reference: list[FloatImage], distorted: list[FloatImage], product: FloatImage
) -> list[FloatImage]:
    """Estimate the distortion channel from the reference to the distorted image at every pixel.

        D = g C + V,   C the reference, g the gain, V noise of variance sv

    Args:
        reference: Local mean and variance of the reference.
        distorted: The same of the distorted image.
        product: Local mean of the product of both images.

    Returns:
        g, sv, and the variance of the reference, with the special cases of vifp_mscale where one
        of the images is flat or the gain is negative.
    """
    (m1, v1), (m2, v2) = reference, distorted
    covariance = product - m1 * m2
    g = covariance / (v1 + EPSILON)
    sv = v2 - g * covariance
    # Flat reference: everything in the distorted image is noise.
    is_reference_flat = v1 < EPSILON
    if is_reference_flat.any():
        g[is_reference_flat], sv[is_reference_flat] = 0, v2[is_reference_flat]
        v1 = np.where(is_reference_flat, 0, v1)
    # Flat distorted image: neither signal nor noise.
    is_distorted_flat = v2 < EPSILON
    g[is_distorted_flat], sv[is_distorted_flat] = 0, 0
    # Negative gain: an inverted signal counts as noise.
    is_inverted = g < 0
    sv[is_inverted] = v2[is_inverted]
    g[is_inverted] = 0
    return [g, np.maximum(sv, EPSILON, out=sv), v1]


def estimate_scale_gain(
    source: NDArray[np.uint8], fused: NDArray[np.uint8], scale: int, compute: Evaluator
) -> list[FloatImage]:
    """Apply `estimate_gain` to one scale of a source and the fused image.

    Args:
        source: uint8 luminance, (H, W).
        fused: The same.
        scale: 0 (finest) to 3.
        compute: See `fusion.scoring.cache`.

    Returns:
        See `estimate_gain`; empty arrays if the image is smaller than the window.
    """
    first, second = compute(build_pyramid, source)[scale], compute(build_pyramid, fused)[scale]
    product = filter_valid(first * second, get_scale_window(scale))
    return estimate_gain(
        compute(compute_local_moments, first, scale),
        compute(compute_local_moments, second, scale),
        product,
    )
