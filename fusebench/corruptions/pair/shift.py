"""Shift: one image of the pair is displaced against the other, because the calibration is off.

By default the infrared image moves to the right by whole pixels, as after a knock against the rig
or where objects are nearer than the calibration assumes (parallax). The labels belong to the image
that does not move. The score of the moved sensor alone therefore falls because its objects are not
where the labels are, not because they are harder to detect.

Source: Xu, Ma, Yuan, Le, Liu, "RFNet: unsupervised network for mutually reinforcing multi-modal
image registration and fusion", CVPR 2022 (fusion of pairs that are not registered).
"""

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.movement import shift_image
from fusebench.corruption_parts.pair_images import PairImages, Sensor

VERSION = 1
TITLE = "shift"
DIRECTIONS = {"right": (1, 0), "left": (-1, 0), "down": (0, 1), "up": (0, -1)}

Pixels = Annotated[int, Field(ge=0, le=256)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        pixels: Length of the shift, by severity.
        moved: Sensor whose image moves; the labels belong to the other one.
        direction: Where its content moves.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    pixels: tuple[Pixels, Pixels, Pixels] = (4, 8, 16)
    moved: Sensor = "infrared"
    direction: Literal["right", "left", "down", "up"] = "right"


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change."""
    return (options.moved,)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    return f"{options.moved} {options.pixels[severity - 1]} pixels {options.direction}"


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with one shifted image."""
    right, down = DIRECTIONS[options.direction]
    pixels = options.pixels[severity - 1]
    shifted = shift_image(images.get(options.moved), pixels * right, pixels * down)
    return images.replace_image(options.moved, shifted)
