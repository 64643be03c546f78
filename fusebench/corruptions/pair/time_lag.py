"""Time lag: one image of the pair is some frames older than the other.

By default the infrared image lags: uncooled cameras that may be exported freely have 9 frames per
second, and a bolometer answers within 10 ms. A frame is a test pair of the same sequence: k frames
before is k pairs before in the order of the keys, the first pair of the sequence if there are
fewer. Data sets that are not video have larger steps. The labels belong to the image that does not
lag.

Source: Gonzalez et al., "Pedestrian detection at day/night time with visible and FIR cameras: a
comparison", Sensors 16(6), 2016 (pairs that are not taken at the same time).
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.lost_frames import take_earlier_image
from fusebench.corruption_parts.pair_images import PairImages, Sensor

VERSION = 1
TITLE = "time lag"

Frames = Annotated[int, Field(ge=1, le=1000)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        frames: k, by severity.
        delayed: Sensor whose image is older; the labels belong to the other one.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    frames: tuple[Frames, Frames, Frames] = (1, 2, 4)
    delayed: Sensor = "infrared"


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change."""
    return (options.delayed,)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    return f"{options.delayed} {options.frames[severity - 1]} frames late"


def frames_back(severity: int, options: Options) -> int:
    """Return how many frames before the pair the images are that `corrupt` needs."""
    return options.frames[severity - 1]


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with one image of an earlier frame."""
    return take_earlier_image(images, options.delayed)
