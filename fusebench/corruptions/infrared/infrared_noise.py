"""Infrared noise: temporal noise of an uncooled sensor.

    I' = I + n,   n ~ Gaussian(0, s^2) in every pixel

Its size in kelvin is the noise-equivalent temperature difference (NETD). If the 256 gray levels
span 25 K, s of 5 gray levels is an NETD of 0.5 K; good cameras have 0.05 K, and the same camera
appears noisier where the automatic gain spreads a smaller span, as in fog or through a dirty
window.

Source: D'Agostino, Webb, "Three-dimensional analysis framework and measurement methodology for
imaging system noise", Proc. SPIE 1488, 1991 (random spatiotemporal component).
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.pair_images import PairImages, Sensor, round_to_uint8

VERSION = 1
TITLE = "infrared noise"

Levels = Annotated[float, Field(ge=0, le=255)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        deviation: s in gray levels, by severity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    deviation: tuple[Levels, Levels, Levels] = (5, 12, 25)


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change."""
    return ("infrared",)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    return f"deviation {options.deviation[severity - 1]:g}"


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with a noisy infrared image."""
    noise = generator.standard_normal(images.infrared.shape, np.float32)
    noisy = images.infrared + np.float32(options.deviation[severity - 1]) * noise
    return images.replace_image("infrared", round_to_uint8(noisy))
