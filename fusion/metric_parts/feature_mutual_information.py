"""Mutual information of two 3 x 3 windows, as in the fast feature mutual information (FMI).

Source: Haghighat, Razian, "Fast-FMI: non-reference image fusion metric", AICT 2014. A window is
read as a distribution over its nine pixels. The joint distribution of two windows is a mixture of
the independent one and the Frechet-Hoeffding bound, weighted so that its correlation is that of
the windows.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fusion.metric_parts.filters import FloatImage, convert_to_float

CODE_COUNT = 512  # binary 3 x 3 windows
PIXEL_INDICES = np.arange(1.0, 10.0)
TOLERANCE = 100 * float(np.finfo(np.float64).eps)
_CODE_BITS = ((np.arange(CODE_COUNT)[:, None] >> np.arange(9)) & 1).astype(np.float64)
# Information of each pair of codes, computed when it first occurs; NaN until then.
_information_table = np.full(CODE_COUNT * CODE_COUNT, np.nan)


def compute_edge_codes(image: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Encode every 3 x 3 window of the edge map as an integer.

    Args:
        image: uint8 luminance, (H, W).

    Returns:
        ((H - 2) (W - 2),), 0 to 511; bit k is the window's k-th pixel, column by column.
    """
    edge_map = detect_edges(image).astype(np.intp)
    height, width = edge_map.shape[0] - 2, edge_map.shape[1] - 2
    codes = np.zeros((height, width), np.intp)
    for k in range(9):
        codes |= edge_map[k % 3 : k % 3 + height, k // 3 : k // 3 + width] << k
    return codes.ravel()


def detect_edges(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """Compute the edge map of MATLAB's ``edge(image)``: Sobel, automatic threshold, thinning.

    A pixel is an edge if its squared gradient exceeds 4 times the mean and is a maximum across
    the edge. Neighbors outside the image do not count.

    Args:
        image: uint8 luminance, (H, W).

    Returns:
        (H, W), True on edges.
    """
    import cv2

    levels = convert_to_float(image)
    gx, gy = (
        np.asarray(cv2.Sobel(levels, cv2.CV_64F, *order, ksize=3, borderType=cv2.BORDER_REPLICATE))
        / 8
        for order in ((1, 0), (0, 1))
    )
    power = gx * gx + gy * gy
    is_strong = power > 4 * power.mean()
    # Thinning: compare each pixel with its neighbors across the edge.
    padded = np.pad(power, 1, constant_values=-np.inf)
    left, right = padded[1:-1, :-2], padded[1:-1, 2:]
    up, down = padded[:-2, 1:-1], padded[2:, 1:-1]
    vertical = (np.abs(gx) >= np.abs(gy) - TOLERANCE) & (left <= power) & (power > right)
    horizontal = (np.abs(gy) >= np.abs(gx) - TOLERANCE) & (up <= power) & (power > down)
    return np.asarray(is_strong & (vertical | horizontal))


def mean_code_information(first: NDArray[np.intp], second: NDArray[np.intp]) -> float:
    """Average the normalized mutual information of two edge maps over all 3 x 3 windows.

    Args:
        first: Codes of `compute_edge_codes`, (N,).
        second: The same, (N,).

    Returns:
        0 to 1.
    """
    # Windows are binary: only 512 x 512 pairs exist, and each is computed once per process.
    counts = np.bincount(first * CODE_COUNT + second, minlength=CODE_COUNT * CODE_COUNT)
    pairs = np.flatnonzero(counts)
    new = pairs[np.isnan(_information_table[pairs])]
    if new.size:
        _information_table[new] = normalized_mutual_information(
            _CODE_BITS[new // CODE_COUNT], _CODE_BITS[new % CODE_COUNT]
        )
    return float((counts[pairs] * _information_table[pairs]).sum() / len(first))


def extract_windows(image: NDArray[np.uint8]) -> FloatImage:
    """Extract every 3 x 3 window of gray levels, column by column, ((H - 2) (W - 2), 9)."""
    return _slide_windows(convert_to_float(image))


def extract_gradient_windows(image: NDArray[np.uint8]) -> FloatImage:
    """Extract every 3 x 3 window of the horizontal gradient, ((H - 2) (W - 2), 9).

    The gradient is a central difference, one-sided at the border.
    """
    return _slide_windows(np.gradient(convert_to_float(image), axis=1))


def _slide_windows(image: FloatImage) -> FloatImage:
    windows = sliding_window_view(image, (3, 3)).transpose(0, 1, 3, 2)
    return np.ascontiguousarray(windows).reshape(-1, 9)


def normalized_mutual_information(first: FloatImage, second: FloatImage) -> FloatImage:
    """Compute the normalized mutual information of windows, pair by pair.

        FMI = 2 (H(p) + H(q) - H(p, q)) / (H(p) + H(q)),   1 for equal windows

    Args:
        first: (N, 9), any values.
        second: The same.

    Returns:
        (N,), 0 to 1 up to the error of the approximation.
    """
    # Marginal distributions p, q and their cumulative sums.
    p, q = _normalize_windows(first), _normalize_windows(second)
    p_cumulative, q_cumulative = np.cumsum(p, axis=1), np.cumsum(q, axis=1)
    correlation = _window_correlation(first, second, p, q)
    # Frechet-Hoeffding bound of the joint cumulative distribution: upper for r >= 0, else lower.
    marginals = q_cumulative[:, :, None], p_cumulative[:, None, :]
    bound = np.where(
        (correlation >= 0)[:, None, None],
        np.minimum(*marginals),
        np.maximum(marginals[0] + marginals[1] - 1, 0),
    )
    # Weight of the bound in the mixture: covariance of the windows over covariance at the bound.
    bound_covariance = (bound - marginals[0] * marginals[1]).sum(axis=(1, 2))
    covariance = correlation * _index_deviation(p) * _index_deviation(q)
    weight = np.divide(
        covariance, bound_covariance, out=np.zeros_like(covariance), where=covariance != 0
    )[:, None, None]
    # Joint distribution and its entropy.
    bound_density = np.diff(np.diff(bound, axis=1, prepend=0), axis=2, prepend=0)
    joint = weight * bound_density + (1 - weight) * (q[:, :, None] * p[:, None, :])
    marginal_entropy = _entropy(p) + _entropy(q)
    information = marginal_entropy - _entropy(joint.reshape(-1, 81))
    normalized = np.divide(
        2 * information,
        marginal_entropy,
        out=np.zeros_like(marginal_entropy),
        where=information != 0,
    )
    return np.where((first == second).all(axis=1), 1.0, normalized)


def _normalize_windows(window: FloatImage) -> FloatImage:
    """Scale each window to 0..1 and to a sum of 1; a flat window becomes uniform."""
    low, high = window.min(axis=1, keepdims=True), window.max(axis=1, keepdims=True)
    is_flat = high == low
    scaled = np.where(is_flat, 1.0, (window - low) / np.where(is_flat, 1, high - low))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def _window_correlation(
    first: FloatImage, second: FloatImage, p: FloatImage, q: FloatImage
) -> FloatImage:
    """Compute Pearson's r of both distributions; 1 if both windows are flat, 0 if only one is."""
    is_flat = np.ptp(first, axis=1) == 0, np.ptp(second, axis=1) == 0
    p, q = p - p.mean(axis=1, keepdims=True), q - q.mean(axis=1, keepdims=True)
    power = (p * p).sum(axis=1) * (q * q).sum(axis=1)
    is_defined = ~is_flat[0] & ~is_flat[1] & (power > 0)
    r = np.where(is_defined, (p * q).sum(axis=1) / np.sqrt(np.where(is_defined, power, 1)), 0.0)
    return np.where(is_flat[0] & is_flat[1], 1.0, r)


def _index_deviation(p: FloatImage) -> FloatImage:
    """Compute the standard deviation of the pixel index (1 to 9) under each distribution."""
    mean = p @ PIXEL_INDICES
    return np.asarray(np.sqrt(np.maximum(p @ PIXEL_INDICES**2 - mean * mean, 0)))


def _entropy(p: FloatImage) -> FloatImage:
    """Compute the entropy of each row in bits; the approximation can make p slightly negative."""
    size = np.abs(p)
    return np.asarray(-(p * np.log2(np.where(size > 0, size, 1))).sum(axis=1))
