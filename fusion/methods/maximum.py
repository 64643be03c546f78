"""Maximum: the brighter of both luminances, pixel by pixel."""

import numpy as np

from bench.images import Color, Gray, luminance, with_luminance
from bench.plugins import Nothing as Options
from fusion.method import Fuse

VERSION = 1
COLOUR = "luminance fused, Cb Cr of the visible image (BT.601)"


def pins(options: Options) -> dict[str, str]:
    """No files decide the result."""
    return {}


def load(options: Options, device: str) -> Fuse:
    """Return the fusing function; it runs on the CPU whatever the device."""

    def fuse(infrared: Gray, visible: Color) -> Color:
        return with_luminance(visible, np.maximum(infrared, luminance(visible)))

    return fuse
