"""What is true about a drawn scene: the label of every pixel and the box of every instance."""

import numpy as np
from numpy.typing import NDArray

from bench.scenes.canvas import SUPERSAMPLING, Maps
from bench.scenes.things import BOXED

Box = tuple[str, int, int, int, int]
LEAST_SHARE = 0.25
LEAST_PIXELS = 16
LEAST_SIDE = 3


def labels(maps: Maps) -> NDArray[np.uint8]:
    """Label ids, uint8, image size."""
    return maps.labels[_index(maps)]


def instances(maps: Maps) -> NDArray[np.int32]:
    """Instance numbers, image size; 0 = none."""
    return maps.instances[_index(maps)]


def boxes(maps: Maps) -> tuple[Box, ...]:
    """(class name, left, top, right, bottom) of what can be seen of each instance.

    Whole pixels; right and bottom are one past the last pixel. Left out: what is hidden by more
    than three quarters, and what is too small to be recognised.
    """
    image = instances(maps)
    rows, columns = np.nonzero(image)
    numbers = image[rows, columns]
    count = len(maps.things) + 1
    seen = np.bincount(numbers, minlength=count)
    left, top = np.full(count, image.shape[1]), np.full(count, image.shape[0])
    right, bottom = np.zeros(count, int), np.zeros(count, int)
    np.minimum.at(left, numbers, columns)
    np.minimum.at(top, numbers, rows)
    np.maximum.at(right, numbers, columns + 1)
    np.maximum.at(bottom, numbers, rows + 1)
    out = []
    for number, (label, area) in enumerate(zip(maps.things, maps.areas, strict=True), start=1):
        if seen[number] < max(LEAST_PIXELS, LEAST_SHARE * area / SUPERSAMPLING**2):
            continue
        box = [int(side[number]) for side in (left, top, right, bottom)]
        if min(box[2] - box[0], box[3] - box[1]) >= LEAST_SIDE:
            out.append((BOXED[label], box[0], box[1], box[2], box[3]))
    return tuple(out)


def _index(maps: Maps) -> NDArray[np.int32]:
    return maps.index[::SUPERSAMPLING, ::SUPERSAMPLING]
