"""What two 3 x 3 windows tell about each other: the fast feature mutual information.

Source: Haghighat, Razian, "Fast-FMI: non-reference image fusion metric", AICT 2014: windows as
distributions over their nine pixels, and a joint distribution between independence and the
Frechet-Hoeffding bound, so that their correlation is that of the windows.
"""

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

from fusion.metric_parts.filters import FloatImage, convert_to_float

CODE_COUNT = 512  # 3 x 3 windows of 0 and 1
PIXEL_INDICES = np.arange(1.0, 10.0)
TOLERANCE = 100 * float(np.finfo(np.float64).eps)
_CODE_BITS = ((np.arange(CODE_COUNT)[:, None] >> np.arange(9)) & 1).astype(np.float64)
_information_table = np.full(
    CODE_COUNT * CODE_COUNT, np.nan
)  # filled where it is asked for: a pure function's memory


def compute_edge_codes(image: NDArray[np.uint8]) -> NDArray[np.intp]:
    """Every 3 x 3 window of the edge map as a number, bit k its k-th pixel column by column.

    Returns:
        ((H - 2) (W - 2),), 0 to 511.
    """
    marked = detect_edges(image).astype(np.intp)
    height, width = marked.shape[0] - 2, marked.shape[1] - 2
    codes = np.zeros((height, width), np.intp)
    for k in range(9):
        codes |= marked[k % 3 : k % 3 + height, k // 3 : k // 3 + width] << k
    return codes.ravel()


def detect_edges(image: NDArray[np.uint8]) -> NDArray[np.bool_]:
    """The edge map of MATLAB's ``edge(image)``: Sobel, its own threshold, thinned.

    An edge is where the squared gradient exceeds 4 times its mean and is the largest across the
    edge; neighbors outside the image do not count.
    """
    import cv2

    wide = convert_to_float(image)
    along, down = (
        np.asarray(cv2.Sobel(wide, cv2.CV_64F, *a, ksize=3, borderType=cv2.BORDER_REPLICATE)) / 8
        for a in ((1, 0), (0, 1))
    )
    power = along * along + down * down
    strong = power > 4 * power.mean()
    around = np.pad(power, 1, constant_values=-np.inf)
    left, right = around[1:-1, :-2], around[1:-1, 2:]
    up, below = around[:-2, 1:-1], around[2:, 1:-1]
    upright = (np.abs(along) >= np.abs(down) - TOLERANCE) & (left <= power) & (power > right)
    level = (np.abs(down) >= np.abs(along) - TOLERANCE) & (up <= power) & (power > below)
    return np.asarray(strong & (upright | level))


def mean_code_information(first: NDArray[np.intp], second: NDArray[np.intp]) -> float:
    """Mean over all places of the information that two windows of an edge map share, 0 to 1."""
    counts = np.bincount(first * CODE_COUNT + second, minlength=CODE_COUNT * CODE_COUNT)
    there = np.flatnonzero(counts)
    new = there[np.isnan(_information_table[there])]
    if new.size:
        _information_table[new] = normalized_mutual_information(
            _CODE_BITS[new // CODE_COUNT], _CODE_BITS[new % CODE_COUNT]
        )
    return float((counts[there] * _information_table[there]).sum() / len(first))


def extract_windows(image: NDArray[np.uint8]) -> FloatImage:
    """Every 3 x 3 window, column by column, ((H - 2) (W - 2), 9)."""
    return _slide_windows(convert_to_float(image))


def extract_gradient_windows(image: NDArray[np.uint8]) -> FloatImage:
    """The same of the horizontal gradient: central differences, one-sided at the border."""
    return _slide_windows(np.gradient(convert_to_float(image), axis=1))


def _slide_windows(image: FloatImage) -> FloatImage:
    found = sliding_window_view(image, (3, 3)).transpose(0, 1, 3, 2)
    return np.ascontiguousarray(found).reshape(-1, 9)


def normalized_mutual_information(first: FloatImage, second: FloatImage) -> FloatImage:
    """Normalized mutual information of windows, pair by pair.

        FMI = 2 (H(p) + H(q) - H(p, q)) / (H(p) + H(q)),   1 for equal windows

    Args:
        first: (N, 9), any values.
        second: The same.

    Returns:
        (N,), 0 to 1 up to the approximation's error.
    """
    p, q = _normalize_windows(first), _normalize_windows(second)
    upper_p, upper_q = np.cumsum(p, axis=1), np.cumsum(q, axis=1)
    correlation = _window_correlation(first, second, p, q)
    above = upper_q[:, :, None], upper_p[:, None, :]
    bound = np.where(
        (correlation >= 0)[:, None, None],
        np.minimum(*above),
        np.maximum(above[0] + above[1] - 1, 0),
    )
    reach = (bound - above[0] * above[1]).sum(axis=(1, 2))
    wanted = correlation * _index_deviation(p) * _index_deviation(q)
    share = np.divide(wanted, reach, out=np.zeros_like(wanted), where=wanted != 0)[:, None, None]
    steps = np.diff(np.diff(bound, axis=1, prepend=0), axis=2, prepend=0)
    joint = share * steps + (1 - share) * (q[:, :, None] * p[:, None, :])
    single = _entropy(p) + _entropy(q)
    shared = single - _entropy(joint.reshape(-1, 81))
    found = np.divide(2 * shared, single, out=np.zeros_like(single), where=shared != 0)
    return np.where((first == second).all(axis=1), 1.0, found)


def _normalize_windows(window: FloatImage) -> FloatImage:
    low, high = window.min(axis=1, keepdims=True), window.max(axis=1, keepdims=True)
    flat = high == low
    scaled = np.where(flat, 1.0, (window - low) / np.where(flat, 1, high - low))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True))


def _window_correlation(
    first: FloatImage, second: FloatImage, p: FloatImage, q: FloatImage
) -> FloatImage:
    """Pearson's r of both distributions; 1 where both windows are flat, 0 where one is."""
    flat = np.ptp(first, axis=1) == 0, np.ptp(second, axis=1) == 0
    p, q = p - p.mean(axis=1, keepdims=True), q - q.mean(axis=1, keepdims=True)
    power = (p * p).sum(axis=1) * (q * q).sum(axis=1)
    moving = ~flat[0] & ~flat[1] & (power > 0)
    found = np.where(moving, (p * q).sum(axis=1) / np.sqrt(np.where(moving, power, 1)), 0.0)
    return np.where(flat[0] & flat[1], 1.0, found)


def _index_deviation(p: FloatImage) -> FloatImage:
    """Standard deviation of the pixel's index, 1 to 9."""
    mean = p @ PIXEL_INDICES
    return np.asarray(np.sqrt(np.maximum(p @ PIXEL_INDICES**2 - mean * mean, 0)))


def _entropy(p: FloatImage) -> FloatImage:
    size = np.abs(p)
    return np.asarray(-(p * np.log2(np.where(size > 0, size, 1))).sum(axis=1))
