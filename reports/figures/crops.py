"""Which part of a pair is enlarged: where the sources disagree most, the same part for all.

A window has the shape of the whole image and at least a quarter of its width, so that all
enlargements of a report look alike.
"""

import numpy as np
from numpy.typing import NDArray

CropWindow = tuple[
    int, int, int, int
]  # left, top, right, bottom in pixels; right and bottom outside

MIN_WIDTH_SHARE = 0.25  # of the image's width


def build_box_window(corners: NDArray[np.float64], size: tuple[int, int]) -> CropWindow:
    """The window around a box: half as large again as the box, moved inside the image.

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
    corners: NDArray[np.float64], found: NDArray[np.bool_], size: tuple[int, int]
) -> CropWindow:
    """The window around the object that some sources find and others miss.

    Of equally disputed objects the smallest; without objects the middle of the image.

    Args:
        corners: True boxes, (N, 4), pixels.
        found: Which source finds which of them, (S, N).
        size: (width, height) of the image.
    """
    if not len(corners):
        return _fit_window((size[0] / 2, size[1] / 2), MIN_WIDTH_SHARE, size)
    share = found.mean(axis=0)
    areas = (corners[:, 2] - corners[:, 0]) * (corners[:, 3] - corners[:, 1])
    order = np.lexsort((areas, share, -share * (1 - share)))
    return build_box_window(corners[order[0]], size)


def find_disputed_pixel_window(wrong: NDArray[np.bool_]) -> CropWindow:
    """The window in which the sources' label maps disagree most about what is wrong.

    Args:
        wrong: Which source is wrong at which pixel, (S, H, W).
    """
    share = wrong.mean(axis=0)
    disputed = share * (1 - share) + 1e-3 * share  # where none disagree, where most is wrong
    height, width = share.shape
    across, down = max(1, round(width * MIN_WIDTH_SHARE)), max(1, round(height * MIN_WIDTH_SHARE))
    sums = np.pad(disputed, ((1, 0), (1, 0))).cumsum(axis=0).cumsum(axis=1)
    within = sums[down:, across:] - sums[:-down, across:] - sums[down:, :-across]
    within = within + sums[:-down, :-across]
    top, left = np.unravel_index(int(np.argmax(np.round(within, 9))), within.shape)
    return int(left), int(top), int(left) + across, int(top) + down


def _fit_window(middle: tuple[float, float], share: float, size: tuple[int, int]) -> CropWindow:
    sides = [max(1, round(whole * share)) for whole in size]
    starts = [
        min(max(0, round(at - side / 2)), whole - side)
        for at, side, whole in zip(middle, sides, size, strict=True)
    ]
    return starts[0], starts[1], starts[0] + sides[0], starts[1] + sides[1]
