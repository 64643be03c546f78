"""Pixel-domain visual information: the scales and local moments of VIFp and VIFF.

Source: Sheikh, Bovik, "Image information and visual quality", IEEE Trans. Image Process. 15(2),
2006, in the multi-scale pixel domain of the authors' vifp_mscale.
"""

import numpy as np

from fusion.metrics._parts.filters import Plane, gaussian, plane, valid
from fusion.metrics._parts.sharing import Compute

SCALES = 4
TINY = 1e-10


def window(scale: int) -> Plane:
    """The Gaussian of one scale: 17, 9, 5, 3 pixels wide, sigma a fifth of that."""
    size = 2 ** (SCALES - scale) + 1
    return gaussian(size, size / 5)


def scales(image: np.ndarray[tuple[int, ...], np.dtype[np.uint8]]) -> list[Plane]:
    """The image, then three times filtered with the next scale's window and every second kept."""
    found = [plane(image)]
    for scale in range(1, SCALES):
        found.append(np.ascontiguousarray(valid(found[-1], window(scale))[::2, ::2]))
    return found


def moments(image: Plane, scale: int) -> list[Plane]:
    """Local mean and variance (not below 0) under the scale's window."""
    w = window(scale)
    mean = valid(image, w)
    return [mean, np.maximum(valid(image * image, w) - mean * mean, 0)]


def gain(reference: list[Plane], distorted: list[Plane], product: Plane) -> list[Plane]:
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
    g = covariance / (v1 + TINY)
    sv = v2 - g * covariance
    flat = v1 < TINY
    if flat.any():
        g[flat], sv[flat] = 0, v2[flat]
        v1 = np.where(flat, 0, v1)
    still = v2 < TINY
    g[still], sv[still] = 0, 0
    inverted = g < 0
    sv[inverted] = v2[inverted]
    g[inverted] = 0
    return [g, np.maximum(sv, TINY, out=sv), v1]


def channel(
    source: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    fused: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
    scale: int,
    compute: Compute,
) -> list[Plane]:
    """`gain` of one scale (0 to 3); empty arrays where the image is smaller than the window."""
    first, second = compute(scales, source)[scale], compute(scales, fused)[scale]
    product = valid(first * second, window(scale))
    return gain(compute(moments, first, scale), compute(moments, second, scale), product)
