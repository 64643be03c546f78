"""Rotation: one camera of the pair is turned about its optical axis against the other.

By default the infrared image turns. In an image of 640 x 480 pixels a corner moves by 7 pixels per
degree. The labels belong to the image that does not turn, as for `shift`.

Source: Hartley, Zisserman, "Multiple View Geometry in Computer Vision", Cambridge University Press,
2nd ed. 2004, section 8.4 (rotation of a camera about its center).
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.movement import rotate_image
from fusebench.corruption_parts.pair_images import PairImages, Sensor

VERSION = 1
TITLE = "rotation"

Degrees = Annotated[float, Field(ge=-180, le=180)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        degrees: Counterclockwise, by severity.
        moved: Sensor whose image turns; the labels belong to the other one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    degrees: tuple[Degrees, Degrees, Degrees] = (1, 2, 4)
    moved: Sensor = "infrared"


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change."""
    return (options.moved,)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    return f"{options.moved} {options.degrees[severity - 1]:g} degrees"


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with one rotated image."""
    rotated = rotate_image(images.get(options.moved), options.degrees[severity - 1])
    return images.replace_image(options.moved, rotated)
