"""Piella's weighted similarity of a fused image to two sources, on images or on their edges.

Source: Piella, Heijmans, "A new quality metric for image fusion", ICIP 2003.
"""

import numpy as np
from numpy.typing import NDArray

from fusion.metrics._parts.filters import Plane, gaussian, plane, valid
from fusion.metrics._parts.sharing import Compute

FLAT = 1e-9  # grey levels squared; a variance below is rounding
WINDOWS = {"uiqi8": np.full(8, 1 / 8), "ssim11": gaussian(11, 1.5)}
CONSTANTS = {"uiqi8": (1e-6, 1e-6), "ssim11": (0.01, 0.03)}


def prewitt(image: NDArray[np.uint8]) -> Plane:
    """Length of the gradient by 3 x 3 Prewitt kernels, zeros outside the image."""
    import cv2

    wide, smooth, step = plane(image), np.ones(3), np.array([-1.0, 0.0, 1.0])
    along = cv2.sepFilter2D(wide, cv2.CV_64F, step, smooth, borderType=cv2.BORDER_CONSTANT)
    down = cv2.sepFilter2D(wide, cv2.CV_64F, smooth, step, borderType=cv2.BORDER_CONSTANT)
    return np.asarray(np.sqrt(along * along + down * down), np.float64)


def moments(image: Plane, kind: str) -> list[Plane]:
    """Local mean and variance under one of `WINDOWS`; a variance of rounding errors is 0."""
    mean = valid(image, WINDOWS[kind])
    variance = valid(image * image, WINDOWS[kind]) - mean * mean
    variance[variance < FLAT] = 0
    return [mean, variance]


def shares(first: Plane, second: Plane, kind: str, compute: Compute) -> list[Plane]:
    """Each window's share of the first source's variance, and the larger of both variances.

    Both are 0.5 where both sources are flat, as in the programs in use.
    """
    v1, v2 = compute(moments, first, kind)[1], compute(moments, second, kind)[1]
    flat = v1 + v2 == 0
    share = np.where(flat, 0.5, v1 / np.where(flat, 1, v1 + v2))
    return [share, np.where(flat, 0.5, np.maximum(v1, v2))]


def similar(source: Plane, fused: Plane, kind: str, compute: Compute) -> Plane:
    """SSIM of every window; with vanishing constants (``uiqi8``) it is Wang and Bovik's UIQI."""
    c1, c2 = ((k * 255) ** 2 for k in CONSTANTS[kind])
    (m1, v1), (m2, v2) = compute(moments, source, kind), compute(moments, fused, kind)
    both = valid(source * fused, WINDOWS[kind]) - m1 * m2
    both[(v1 == 0) | (v2 == 0)] = 0
    top = (2 * m1 * m2 + c1) * (2 * both + c2)
    return np.asarray(top / ((m1 * m1 + m2 * m2 + c1) * (v1 + v2 + c2)))


def plain_and_weighted(
    first: Plane, second: Plane, fused: Plane, kind: str, compute: Compute
) -> list[float]:
    """Qs, the mean over all windows, and Qw, weighted by the larger variance of the sources.

    Q = l Q0(A, F) + (1 - l) Q0(B, F),   l = vA / (vA + vB)
    """
    share, weight = compute(shares, first, second, kind, compute)
    one, other = (similar(source, fused, kind, compute) for source in (first, second))
    found = share * one + (1 - share) * other
    return [float(found.mean()), float((weight * found).sum() / weight.sum())]
