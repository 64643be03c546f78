"""What is true about a drawn scene: the label of every pixel and the box of every instance."""

import numpy as np
from numpy.typing import NDArray

from fusebench.simulator.objects.primitives import BOX_CLASS_NAMES
from fusebench.simulator.rasterizer import SUPERSAMPLING, SurfaceBuffer

LabeledBox = tuple[str, int, int, int, int]
MIN_VISIBLE_FRACTION = 0.25
MIN_VISIBLE_PIXELS = 16
MIN_BOX_SIDE = 3


def compute_label_map(maps: SurfaceBuffer) -> NDArray[np.uint8]:
    """Label ids, uint8, image size."""
    return maps.surface_labels[_subsample_index(maps)]


def compute_instance_map(maps: SurfaceBuffer) -> NDArray[np.int32]:
    """Instance numbers, image size; 0 = none."""
    return maps.surface_instances[_subsample_index(maps)]


def compute_boxes(maps: SurfaceBuffer) -> tuple[LabeledBox, ...]:
    """(class name, left, top, right, bottom) of what can be seen of each instance.

    Whole pixels; right and bottom are one past the last pixel. Left out: what is hidden by more
    than three quarters, and what is too small to be recognized.
    """
    image = compute_instance_map(maps)
    rows, columns = np.nonzero(image)
    numbers = image[rows, columns]
    count = len(maps.instance_labels) + 1
    seen = np.bincount(numbers, minlength=count)
    left, top = np.full(count, image.shape[1]), np.full(count, image.shape[0])
    right, bottom = np.zeros(count, int), np.zeros(count, int)
    np.minimum.at(left, numbers, columns)
    np.minimum.at(top, numbers, rows)
    np.maximum.at(right, numbers, columns + 1)
    np.maximum.at(bottom, numbers, rows + 1)
    out = []
    for number, (label, area) in enumerate(
        zip(maps.instance_labels, maps.instance_areas, strict=True), start=1
    ):
        if seen[number] < max(MIN_VISIBLE_PIXELS, MIN_VISIBLE_FRACTION * area / SUPERSAMPLING**2):
            continue
        box = [int(side[number]) for side in (left, top, right, bottom)]
        if min(box[2] - box[0], box[3] - box[1]) >= MIN_BOX_SIDE:
            out.append((BOX_CLASS_NAMES[label], box[0], box[1], box[2], box[3]))
    return tuple(out)


def _subsample_index(maps: SurfaceBuffer) -> NDArray[np.int32]:
    return maps.surface_index[::SUPERSAMPLING, ::SUPERSAMPLING]
