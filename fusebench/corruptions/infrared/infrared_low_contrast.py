"""Low thermal contrast: objects and their surroundings are equally warm (thermal crossover).

    I' = m + c (I - m)

m is the mean gray level of the image and c the share of the contrast that is left. Around sunrise
and sunset, in rain, and on hot days, differences of temperature become small; the camera keeps its
range, so that gray levels are lost by rounding.

Source: Retief, Willers, Wheeler, "Prediction of thermal crossover based on imaging measurements
over the diurnal cycle", Proc. SPIE 5097, 2003.
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.pair_images import PairImages, Sensor, round_to_uint8

VERSION = 1
TITLE = "low infrared contrast"

Share = Annotated[float, Field(ge=0, le=1)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        contrast: c, by severity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    contrast: tuple[Share, Share, Share] = (0.5, 0.2, 0.08)


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change."""
    return ("infrared",)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    return f"contrast x {options.contrast[severity - 1]:g}"


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with less contrast in the infrared image."""
    gray = images.infrared.astype(np.float64)
    faded = gray.mean() + options.contrast[severity - 1] * (gray - gray.mean())
    return images.replace_image("infrared", round_to_uint8(faded))
