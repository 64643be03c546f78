"""Selection of the enlarged part of a pair: where the sources disagree most, the same for all.

A window has the aspect ratio of the image and at least a quarter of its width, so that all
enlargements of a report look alike.
"""

import numpy as np
from numpy.typing import NDArray

ZoomWindow = tuple[int, int, int, int]  # left, top, right, bottom in pixels; right, bottom excluded

MIN_WIDTH_SHARE = 0.25  # of the image's width


def build_box_window(corners: NDArray[np.float64], size: tuple[int, int]) -> ZoomWindow:
    """Build the window around a box: 1.5 times as large as the box, moved inside the image.

    Args:
        corners: left, top, right, bottom in pixels.
        size: (width, height) of the image.
    """
    left, top, right, bottom = map(float, corners)
    width, height = size
    share = min(
        1.0, max(MIN_WIDTH_SHARE, 1.5 * (right - left) / width, 1.5 * (bottom - top) / height)
    )
    return _fit_window(((left + right) / 2, (top + bottom) / 2), share, size)


def find_disputed_box_window(
    corners: NDArray[np.float64], detected: NDArray[np.bool_], size: tuple[int, int]
) -> ZoomWindow:
    """Find the window around the object that about half of the sources detect.

    Of equally disputed objects it is the one that fewer sources detect, then the smallest. Without
    objects it is the center of the image.

    Args:
        corners: True boxes, (N, 4), pixels.
        detected: Whether source s detects object n, (S, N).
        size: (width, height) of the image.
    """
    if not len(corners):
        return _fit_window((size[0] / 2, size[1] / 2), MIN_WIDTH_SHARE, size)
    share = detected.mean(axis=0)
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    # share (1 - share) is the variance of "detected": largest where the sources are divided
    order = np.lexsort((areas, share, -share * (1 - share)))
    return build_box_window(corners[order[0]], size)


def find_disputed_pixel_window(wrong: NDArray[np.bool_]) -> ZoomWindow:
    """Find the window in which the sources' label maps disagree most about what is wrong.

    Args:
        wrong: Whether source s is wrong at a pixel, (S, H, W).
    """
    share = wrong.mean(axis=0)
    # variance of "wrong" per pixel; the second term decides where none disagree: most errors
    disputed = share * (1 - share) + 1e-3 * share
    height, width = share.shape
    columns = max(1, round(width * MIN_WIDTH_SHARE))
    rows = max(1, round(height * MIN_WIDTH_SHARE))
    # sum over every window from the integral image
    integral = np.pad(disputed, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    sums = integral[rows:, columns:] - integral[:-rows, columns:] - integral[rows:, :-columns]
    sums = sums + integral[:-rows, :-columns]
    # rounded, so that equal sums are equal whatever the order of summation
    top, left = np.unravel_index(int(np.argmax(np.round(sums, 9))), sums.shape)
    return int(left), int(top), int(left) + columns, int(top) + rows


def _fit_window(center: tuple[float, float], share: float, size: tuple[int, int]) -> ZoomWindow:
    """Build a window of ``share`` of both sides around the center, moved inside the image."""
    sides = [max(1, round(length * share)) for length in size]
    starts = [
        min(max(0, round(middle - side / 2)), length - side)
        for middle, side, length in zip(center, sides, size, strict=True)
    ]
    return starts[0], starts[1], starts[0] + sides[0], starts[1] + sides[1]
