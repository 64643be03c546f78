"""Shared parts of the methods without trained networks: fusing function, pyramids, mean filters.

Sources: Burt, Adelson, "The Laplacian pyramid as a compact image code", IEEE Trans. Commun. 31(4),
1983 (reduce and expand); He, Sun, Tang, "Guided image filtering", IEEE TPAMI 35(6), 2013.
"""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.contracts import FusionFunction
from fusebench.data.images import Color, Gray, luminance, replace_luminance
from fusebench.runtime.memory.available import check_fusion_memory

COLOR = "luminance fused, Cb Cr of the visible image (BT.601)"

FloatImage = NDArray[np.floating[Any]]  # (H, W), float32 or float64; functions keep the dtype


def build_fusion_function(
    fuse_luminance: Callable[[Gray, Gray], FloatImage], bytes_per_pixel: float
) -> FusionFunction:
    """Build the fusing function of a rule for luminance; Cb and Cr are the visible image's.

    It raises a `UserError` for images that cannot fit into memory.

    Args:
        fuse_luminance: Takes the infrared image and the luminance of the visible image, uint8
            (H, W); returns the fused luminance in gray levels. It is rounded and clipped to uint8.
        bytes_per_pixel: Of the arrays that exist at the same time.
    """

    def fuse(infrared: Gray, visible: Color) -> Color:
        check_fusion_memory(infrared.shape, bytes_per_pixel)
        fused = fuse_luminance(infrared, luminance(visible))
        return replace_luminance(visible, np.rint(fused).clip(0, 255).astype(np.uint8))

    return fuse


def build_gaussian_pyramid(image: FloatImage, levels: int) -> list[FloatImage]:
    """Build the Gaussian pyramid of an image: G_0 = image, G_{k+1} = reduce(G_k).

    Reduce is OpenCV's: Burt and Adelson's kernel (1, 4, 6, 4, 1) / 16 with reflected border.

    Args:
        image: (H, W).
        levels: Maximum number of reductions; there are fewer if a level would be smaller than 2
            pixels.

    Returns:
        At least one level, finest first.
    """
    import cv2

    pyramid = [image]
    while len(pyramid) <= levels and min(pyramid[-1].shape) >= 4:
        pyramid.append(np.asarray(cv2.pyrDown(pyramid[-1])))
    return pyramid


def expand_level(coarse: FloatImage, shape: tuple[int, ...]) -> FloatImage:
    """Interpolate a level of a pyramid to the height and width of the next finer level."""
    import cv2

    return np.asarray(cv2.pyrUp(coarse, dstsize=(shape[1], shape[0])))


def smooth_with_guided_filter(
    image: FloatImage, guide: FloatImage, radius: int, epsilon: float
) -> FloatImage:
    """Smooth an image with the guided filter: it keeps the edges of the guide.

    In each window w, q = a I + b is fitted to the image p by least squares, with the penalty
    epsilon a^2; the result is the mean of all fits at a pixel:

        a_w = cov_w(I, p) / (var_w(I) + epsilon),   b_w = mean_w(p) - a_w mean_w(I)
        q = mean_w(a) I + mean_w(b)

    Args:
        image: p, (H, W).
        guide: I, (H, W). With epsilon below 1e-4 of its squared range, use float64.
        radius: Of the windows, in pixels; see `compute_window_mean`.
        epsilon: In squared units of the guide.

    Returns:
        (H, W).
    """
    guide_mean = compute_window_mean(guide, radius)
    image_mean = compute_window_mean(image, radius)
    covariance = compute_window_mean(guide * image, radius) - guide_mean * image_mean
    variance = compute_window_mean(guide * guide, radius) - guide_mean * guide_mean
    slope = covariance / (variance.clip(0) + epsilon)  # rounding may leave it below zero
    offset = image_mean - slope * guide_mean
    return compute_window_mean(slope, radius) * guide + compute_window_mean(offset, radius)


def compute_window_mean(image: FloatImage, radius: int) -> FloatImage:
    """Compute the mean of the square window of side 2 radius + 1 at each pixel.

    At the border, it is the mean of that part of the window that lies inside the image.
    """
    import cv2

    size = (2 * radius + 1, 2 * radius + 1)
    sums = cv2.boxFilter(image, -1, size, normalize=False, borderType=cv2.BORDER_CONSTANT)
    mean = np.asarray(sums, image.dtype)
    rows, columns = (_count_window_pixels(n, radius).astype(image.dtype) for n in image.shape)
    mean /= rows[:, None]
    mean /= columns
    return mean


def _count_window_pixels(length: int, radius: int) -> NDArray[np.int64]:
    """Count the pixels of each window inside the image, along one axis: (length,)."""
    positions = np.arange(length)
    return np.minimum(positions + radius, length - 1) - np.maximum(positions - radius, 0) + 1
