"""Infrared blur: a thermal lens out of focus.

Every point becomes a disk, the circle of confusion. The refractive index of germanium changes with
temperature more than a hundred times as much as that of glass: a lens without compensation loses
its focus on a cold morning.

Source: Potmesil, Chakravarty, "A lens and aperture camera model for synthetic image generation",
SIGGRAPH 1981; Rogers, "Athermalization of IR optics", SPIE Critical Reviews CR38, 1991.
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.blur import blur, build_disk_kernel
from fusebench.corruption_parts.pair_images import PairImages, Sensor, round_to_uint8

VERSION = 1
TITLE = "infrared blur"

Share = Annotated[float, Field(ge=0, le=0.1)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        radius: Of the disk, by severity, as a share of the image width.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    radius: tuple[Share, Share, Share] = (0.003, 0.006, 0.012)


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change."""
    return ("infrared",)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    return f"radius {100 * options.radius[severity - 1]:g} % of the width"


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with a blurred infrared image."""
    kernel = build_disk_kernel(options.radius[severity - 1] * images.infrared.shape[1])
    blurred = blur(images.infrared.astype(np.float32), kernel)
    return images.replace_image("infrared", round_to_uint8(blurred))
