"""Maximum: the larger of both luminances at each pixel."""

import numpy as np

from fusebench.contracts import FusionFunction
from fusebench.contracts import NoOptions as Options
from fusebench.data.images import Color, Gray, luminance, replace_luminance
from fusebench.runtime.memory.available import check_fusion_memory

VERSION = 1
COLOR = "luminance fused, Cb Cr of the visible image (BT.601)"
BYTES_PER_PIXEL = 34  # of the arrays at the same time


def dependency_hashes(options: Options) -> dict[str, str]:
    """Return no hashes: the output depends on no file."""
    return {}


def load(options: Options, device: str) -> FusionFunction:
    """Return the fusing function.

    Args:
        options: Not used; this method has no options.
        device: Not used; this method runs on the CPU.
    """

    def fuse(infrared: Gray, visible: Color) -> Color:
        check_fusion_memory(infrared.shape, BYTES_PER_PIXEL)
        return replace_luminance(visible, np.maximum(infrared, luminance(visible)))

    return fuse
