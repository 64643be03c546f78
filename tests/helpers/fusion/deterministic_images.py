"""Two sources and a fused image from integer arithmetic, equal on every machine."""

import numpy as np

SIZES = {"even": (176, 208), "odd": (181, 203)}


def make_pattern(height, width, number):
    """Make crossing stripes with a coarse texture, 0 to 234."""
    y, x = np.mgrid[:height, :width]
    stripes = abs((x * (number + 3) + y * (7 - number)) % 510 - 255)
    texture = (x * x * (2 * number + 1) + y * y * 5 + x * y * 3 * number) % 97
    return ((stripes * 2 + texture * 2) // 3).astype(np.uint8)


def make_image_triple(height, width):
    """Make two sources, and their mix with a flat corner and one pixel of 255."""
    a, b = make_pattern(height, width, 1), make_pattern(height, width, 2)
    fused = ((2 * a.astype(np.int64) + b) // 3).astype(np.uint8)
    fused[:12, :15] = 77
    fused[20, 30] = 255
    return a, b, fused
