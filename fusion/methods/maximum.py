"""Maximum: the brighter of both luminances, pixel by pixel."""

import numpy as np
from pydantic import BaseModel, ConfigDict

from bench.images import Color, Gray, luminance, with_luminance
from fusion.method import Fuse

VERSION = 1
COLOUR = "luminance fused, Cb Cr of the visible image (BT.601)"


class Options(BaseModel):
    """Nothing to set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def pins(options: Options) -> dict[str, str]:
    """No files decide the result."""
    return {}


def load(options: Options, device: str) -> Fuse:
    """Return the fusing function; it runs on the CPU whatever the device."""

    def fuse(infrared: Gray, visible: Color) -> Color:
        return with_luminance(visible, np.maximum(infrared, luminance(visible)))

    return fuse
