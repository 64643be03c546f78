"""Exact ground truth of a rendered scene: label map, instance map and bounding boxes."""

import numpy as np
from numpy.typing import NDArray

from fusebench.simulator.objects.primitives import BOX_CLASS_NAMES
from fusebench.simulator.rasterizer import SUPERSAMPLING, SurfaceBuffer

LabeledBox = tuple[str, int, int, int, int]  # class name, left, top, right, bottom
MIN_VISIBLE_FRACTION = 0.25  # of the area of the whole, unoccluded instance
MIN_VISIBLE_PIXELS = 16
MIN_BOX_SIDE = 3  # pixels


def compute_label_map(buffer: SurfaceBuffer) -> NDArray[np.uint8]:
    """Compute the label map: the label id of every image pixel, uint8 (H, W)."""
    return buffer.surface_labels[_subsample_index(buffer)]


def compute_instance_map(buffer: SurfaceBuffer) -> NDArray[np.int32]:
    """Compute the instance number of every image pixel, int32 (H, W); 0 = no instance."""
    return buffer.surface_instances[_subsample_index(buffer)]


def compute_boxes(buffer: SurfaceBuffer) -> tuple[LabeledBox, ...]:
    """Compute the bounding box of the visible pixels of each instance.

    Omits instances of which less than `MIN_VISIBLE_FRACTION` is visible, and instances too
    small to be recognized (`MIN_VISIBLE_PIXELS`, `MIN_BOX_SIDE`).

    Returns:
        (class name, left, top, right, bottom) in whole pixels; right and bottom are exclusive.
    """
    instance_map = compute_instance_map(buffer)
    rows, columns = np.nonzero(instance_map)
    numbers = instance_map[rows, columns]
    count = len(buffer.instance_labels) + 1  # entry 0 is "no instance"
    visible_pixels = np.bincount(numbers, minlength=count)
    # Extreme rows and columns of every instance in one pass over the pixels.
    left, top = np.full(count, instance_map.shape[1]), np.full(count, instance_map.shape[0])
    right, bottom = np.zeros(count, int), np.zeros(count, int)
    np.minimum.at(left, numbers, columns)
    np.minimum.at(top, numbers, rows)
    np.maximum.at(right, numbers, columns + 1)
    np.maximum.at(bottom, numbers, rows + 1)
    boxes = []
    for number, (label, canvas_area) in enumerate(
        zip(buffer.instance_labels, buffer.instance_areas, strict=True), start=1
    ):
        area = canvas_area / SUPERSAMPLING**2
        if visible_pixels[number] < max(MIN_VISIBLE_PIXELS, MIN_VISIBLE_FRACTION * area):
            continue
        box = [int(edge[number]) for edge in (left, top, right, bottom)]
        if min(box[2] - box[0], box[3] - box[1]) >= MIN_BOX_SIDE:
            boxes.append((BOX_CLASS_NAMES[label], box[0], box[1], box[2], box[3]))
    return tuple(boxes)


def _subsample_index(buffer: SurfaceBuffer) -> NDArray[np.int32]:
    """Take one canvas pixel per image pixel: labels cannot be averaged."""
    return buffer.surface_index[::SUPERSAMPLING, ::SUPERSAMPLING]
