"""Stripes: fixed-pattern noise of a microbolometer whose columns have amplifiers of their own.

    I' = (1 + g) I + o,   g ~ Gaussian(0, (s / 255)^2), o ~ Gaussian(0, s^2) in every column

Gains and offsets drift with the temperature of the camera until its shutter closes for the next
correction. They are drawn per pair.

Source: Tendero, Landeau, Gilles, "Non-uniformity correction of infrared images by midway
equalization", Image Process. On Line 2, 2012.
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.pair_images import PairImages, Sensor, round_to_uint8

VERSION = 1
TITLE = "infrared stripes"

Levels = Annotated[float, Field(ge=0, le=255)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        deviation: s in gray levels, by severity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    deviation: tuple[Levels, Levels, Levels] = (4, 10, 20)


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change."""
    return ("infrared",)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    return f"deviation {options.deviation[severity - 1]:g}"


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with stripes in the infrared image."""
    deviation, width = options.deviation[severity - 1], images.infrared.shape[1]
    gains = 1 + deviation / 255 * generator.standard_normal(width)
    offsets = deviation * generator.standard_normal(width)
    return images.replace_image("infrared", round_to_uint8(gains * images.infrared + offsets))
