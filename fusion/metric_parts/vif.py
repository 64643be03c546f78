"""Pixel-domain visual information: the scales and local moments of VIFp and VIFF.

Source: Sheikh, Bovik, "Image information and visual quality", IEEE Trans. Image Process. 15(2),
2006, in the multi-scale pixel domain of the authors' vifp_mscale.
"""

import numpy as np

from fusion.metric_parts.filters import FloatImage, convert_to_float, filter_valid, gaussian_window
from fusion.scoring.cache import Evaluator

SCALES = 4
EPSILON = 1e-10


def get_scale_window(scale: int) -> FloatImage:
    """The Gaussian of one scale: 17, 9, 5, 3 pixels wide, sigma a fifth of that."""
    size = 2 ** (SCALES - scale) + 1
    return gaussian_window(size, size / 5)


def build_pyramid(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> list[FloatImage]:
    """The image, then three times filtered with the next scale's window and every second kept."""
    found = [convert_to_float(image)]
    for scale in range(1, SCALES):
        found.append(
            np.ascontiguousarray(filter_valid(found[-1], get_scale_window(scale))[::2, ::2])
        )
    return found


def compute_local_moments(image: FloatImage, scale: int) -> list[FloatImage]:
    """Local mean and variance (not below 0) under the scale's window."""
    w = get_scale_window(scale)
    mean = filter_valid(image, w)
    return [mean, np.maximum(filter_valid(image * image, w) - mean * mean, 0)]


def estimate_gain(
    reference: list[FloatImage], distorted: list[FloatImage], product: FloatImage
) -> list[FloatImage]:
    """How the distorted image follows the reference, pixel by pixel.

    The channel is D = g C + V: C the reference, g the gain, V noise of variance sv.

    Args:
        reference: Local mean and variance.
        distorted: The same.
        product: Local mean of the product of both images.

    Returns:
        g, sv, and the variance of the reference, each with the rules of vifp_mscale where one
        of the images is flat.
    """
    (m1, v1), (m2, v2) = reference, distorted
    covariance = product - m1 * m2
    g = covariance / (v1 + EPSILON)
    sv = v2 - g * covariance
    flat = v1 < EPSILON
    if flat.any():
        g[flat], sv[flat] = 0, v2[flat]
        v1 = np.where(flat, 0, v1)
    still = v2 < EPSILON
    g[still], sv[still] = 0, 0
    inverted = g < 0
    sv[inverted] = v2[inverted]
    g[inverted] = 0
    return [g, np.maximum(sv, EPSILON, out=sv), v1]


def estimate_scale_gain(
    source: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    fused: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    scale: int,
    compute: Evaluator,
) -> list[FloatImage]:
    """`estimate_gain` of one scale (0 to 3); empty arrays where the image is smaller than the window."""
    first, second = compute(build_pyramid, source)[scale], compute(build_pyramid, fused)[scale]
    product = filter_valid(first * second, get_scale_window(scale))
    return estimate_gain(
        compute(compute_local_moments, first, scale),
        compute(compute_local_moments, second, scale),
        product,
    )
