"""Motion blur: the camera turns while the shutter is open.

A camera that turns at a uniform rate smears every point into a line of the length rate x exposure x
focal length: the mean of the light along the line. At 20 degrees per second, 1/30 s and a field
of view of 53 degrees it is 1.2 % of the image width. The direction is drawn per pair, at most 20
degrees from the horizontal, as for a vehicle that turns.

Source: Potmesil, Chakravarty, "Modeling motion blur in computer-generated images", SIGGRAPH 1983.
"""

import math
from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.blur import blur, build_line_kernel
from fusebench.corruption_parts.light import decode_light, encode_light
from fusebench.corruption_parts.pair_images import PairImages, Sensor

VERSION = 1
TITLE = "motion blur"
MAX_ANGLE = math.radians(20)

Share = Annotated[float, Field(ge=0, le=0.2)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        length: Of the line, by severity, as a share of the image width.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    length: tuple[Share, Share, Share] = (0.01, 0.02, 0.04)


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change."""
    return ("visible",)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    return f"{100 * options.length[severity - 1]:g} % of the width"


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with a smeared visible image."""
    length = options.length[severity - 1] * images.visible.shape[1]
    kernel = build_line_kernel(length, generator.uniform(-MAX_ANGLE, MAX_ANGLE))
    light = blur(decode_light(images.visible), kernel)
    return images.replace_image("visible", encode_light(light))
