"""PASCAL VOC's colors of class ids.

The bits of a class id are spread over the most significant bits of red, green and blue: id 1 is
(128, 0, 0), id 2 (0, 128, 0), and id 255, which VOC uses for unlabeled pixels, (224, 224, 192).
Source: Everingham et al., "The PASCAL VOC development kit", function VOClabelcolormap.
"""

import numpy as np
from numpy.typing import NDArray


def build_voc_palette() -> NDArray[np.uint8]:
    """Return the colors of the ids 0 to 255, uint8 (256, 3)."""
    ids = np.arange(256)
    palette = np.zeros((256, 3), np.uint8)
    for channel in range(3):
        for bit in range(8):
            # Bit 3 * i + channel of the id is bit 7 - i of the channel.
            position = 3 * bit + channel
            palette[:, channel] |= (((ids >> position) & 1) << (7 - bit)).astype(np.uint8)
    return palette
