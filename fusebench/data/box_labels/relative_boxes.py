"""Boxes as fractions of the image in float32, as ultralytics reads them, and their duplicates."""

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes

# Largest difference of the left edges of two boxes whose centers and widths are equal in float32,
# relative to the largest coordinate: float32 keeps 6e-8 of a number.
ROUNDING = 1e-6


def to_relative_rows(boxes: Boxes, size: tuple[int, int]) -> NDArray[np.float32]:
    """Convert boxes to rows of a YOLO label file.

    Args:
        boxes: N boxes.
        size: (width, height) of the image, in pixels.

    Returns:
        float32 (N, 5): class id, center x, center y, width, height; fractions of the image.
    """
    fractions = boxes.corners / np.array([*size, *size], np.float64)
    centers = (fractions[:, :2] + fractions[:, 2:]) / 2
    extents = fractions[:, 2:] - fractions[:, :2]
    return np.column_stack([boxes.class_ids, centers, extents]).astype(np.float32)


def drop_duplicates(boxes: Boxes, size: tuple[int, int]) -> Boxes:
    """Keep the first of the boxes of one class that are equal for ultralytics.

    Its reader keeps distinct rows of float32 values (``np.unique``). A box that training drops must
    not be a missed object in scoring. Boxes that are nearly equal are two objects. An ignored box
    and one that is not are two boxes: only the latter is trained on.

    Args:
        boxes: True boxes of one image.
        size: (width, height) of the image, in pixels.
    """
    if len(boxes) < 2:
        return boxes
    lefts = sorted(boxes.corners[:, 0].tolist())
    tolerance = ROUNDING * max(size[0], -lefts[0], boxes.corners[:, 2].max())
    if not any(b - a <= tolerance for a, b in pairwise(lefts)):
        return boxes  # most images, and much faster than a comparison of rows
    relative = to_relative_rows(boxes, size)
    rows = [row.tobytes() for row in np.column_stack([relative, boxes.ignored])]
    first = {row: i for i, row in reversed(list(enumerate(rows)))}
    if len(first) == len(boxes):
        return boxes
    kept = sorted(first.values())
    return boxes.select(np.array(kept))
