"""Overexposure: the exposure is metered on a darker view, and the bright part saturates.

    L' = min(1, g L)

The gain g is the one at which a given share of the pixels saturates, but at most 8 (3 stops), so
that a night image does not become a day image. Night images can become easier by it.

Source: Debevec, Malik, "Recovering high dynamic range radiance maps from photographs", SIGGRAPH
1997 (sensors saturate at a fixed exposure).
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.light import compute_luminance, decode_light, encode_light
from fusebench.corruption_parts.pair_images import PairImages, Sensor

VERSION = 1
TITLE = "overexposure"
MAX_GAIN = 8.0

Share = Annotated[float, Field(gt=0, lt=1)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        saturated: Share of the pixels whose luminance saturates, by severity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    saturated: tuple[Share, Share, Share] = (0.3, 0.5, 0.7)


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change."""
    return ("visible",)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    return f"{100 * options.saturated[severity - 1]:g} % saturated"


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with an overexposed visible image."""
    light = decode_light(images.visible)
    level = float(np.quantile(compute_luminance(light), 1 - options.saturated[severity - 1]))
    gain = min(MAX_GAIN, 1 / level) if level > 0 else MAX_GAIN
    return images.replace_image("visible", encode_light(light * gain))
