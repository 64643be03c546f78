"""Average: the weighted mean of both luminances, a baseline for every published method.

F = w IR + (1 - w) Y
"""

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.contracts import FusionFunction
from fusebench.data.images import Color, Gray, luminance, replace_luminance
from fusebench.runtime.memory.available import check_fusion_memory

VERSION = 1
COLOR = "luminance fused, Cb Cr of the visible image (BT.601)"
BYTES_PER_PIXEL = 42  # of the arrays at the same time


class Options(BaseModel):
    """Options in tasks.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    infrared_weight: float = Field(0.5, ge=0, le=1)


def dependency_hashes(options: Options) -> dict[str, str]:
    """Return no hashes: the output depends on no file."""
    return {}


def load(options: Options, device: str) -> FusionFunction:
    """Return the fusing function.

    Args:
        options: See `Options`.
        device: Not used; this method runs on the CPU.
    """
    w = options.infrared_weight

    def fuse(infrared: Gray, visible: Color) -> Color:
        check_fusion_memory(infrared.shape, BYTES_PER_PIXEL)
        mixed = w * infrared.astype(np.float64) + (1 - w) * luminance(visible)
        return replace_luminance(visible, np.rint(mixed).astype(np.uint8))

    return fuse
