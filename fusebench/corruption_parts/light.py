"""Conversion between stored gray levels and light: the transfer function of sRGB.

Light adds and fades in proportion to energy, stored gray levels do not. Corruptions of the visible
image are therefore computed on linear light.

    c = v / 255,   L = c / 12.92                        for c <= 0.04045
                   L = ((c + 0.055) / 1.055)^2.4        otherwise

Source: IEC 61966-2-1:1999. The cameras of public data sets publish no curve of their own.
"""

from functools import cache

import numpy as np
from numpy.typing import NDArray

from fusebench.corruption_parts.pair_images import round_to_uint8
from fusebench.data.images import BT601_WEIGHTS

FloatArray = NDArray[np.float32]


def decode_light(image: NDArray[np.uint8]) -> FloatArray:
    """Convert gray levels to linear light, float32 from 0 to 1 (saturation), same shape."""
    return _build_table()[image]


def encode_light(light: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Convert linear light to gray levels; light below 0 is 0, above 1 is 255."""
    light = light.clip(0, 1)
    curve = 1.055 * np.power(light, 1 / 2.4) - 0.055
    return round_to_uint8(255 * np.where(light <= 0.0031308, 12.92 * light, curve))


def compute_luminance(light: NDArray[np.floating]) -> NDArray[np.floating]:
    """Weight the channels of linear light, (H, W, 3), as in `fusebench.data.images.luminance`."""
    luminance: NDArray[np.floating] = light @ BT601_WEIGHTS.astype(light.dtype)
    return luminance


@cache
def _build_table() -> FloatArray:
    values = np.arange(256) / 255
    light = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
    table = light.astype(np.float32)
    table.flags.writeable = False
    return table
