"""Maximum: the brighter of both luminances, pixel by pixel."""

import numpy as np

from fusebench.contracts import NoOptions as Options
from fusebench.data.images import Color, Gray, luminance, replace_luminance
from fusion.methods._contract import FusionFunction

VERSION = 1
COLOR = "luminance fused, Cb Cr of the visible image (BT.601)"


def dependency_hashes(options: Options) -> dict[str, str]:
    """No files decide the result."""
    return {}


def load(options: Options, device: str) -> FusionFunction:
    """Return the fusing function; it runs on the CPU whatever the device."""

    def fuse(infrared: Gray, visible: Color) -> Color:
        return replace_luminance(visible, np.maximum(infrared, luminance(visible)))

    return fuse
