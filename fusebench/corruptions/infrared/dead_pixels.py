"""Dead pixels and rows: detectors of the infrared sensor that no longer answer.

A dead pixel is 0 or 255, whatever it sees; a row whose readout has failed has one gray level. Both
are drawn per pair.

Source: Vollmer, Moellmann, "Infrared Thermal Imaging", Wiley, 2nd ed. 2018 (bad pixels).
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.pair_images import PairImages, Sensor

VERSION = 1
TITLE = "dead infrared pixels"

Share = Annotated[float, Field(ge=0, le=1)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        pixels: Share of dead pixels, by severity.
        rows: Share of dead rows, by severity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pixels: tuple[Share, Share, Share] = (0.002, 0.01, 0.05)
    rows: tuple[Share, Share, Share] = (0.005, 0.02, 0.06)


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change."""
    return ("infrared",)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    pixels, rows = options.pixels[severity - 1], options.rows[severity - 1]
    return f"{100 * pixels:g} % of pixels, {100 * rows:g} % of rows"


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with dead pixels and rows in the infrared image."""
    infrared = images.infrared.copy()
    is_dead = generator.random(infrared.shape) < options.pixels[severity - 1]
    is_bright = generator.random(infrared.shape) < 0.5
    infrared[is_dead] = np.where(is_bright, 255, 0)[is_dead]
    height = len(infrared)
    rows = generator.choice(height, round(options.rows[severity - 1] * height), replace=False)
    infrared[rows] = generator.integers(0, 256, (len(rows), 1))
    return images.replace_image("infrared", infrared)
