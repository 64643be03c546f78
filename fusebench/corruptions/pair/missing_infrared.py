"""Missing infrared image: frames of the infrared camera do not arrive.

A share of the frames is lost, drawn pair by pair. What takes their place is black, or the frame
before, of the same sequence, as in a program that shows the last image it has (see `time_lag`).

Source: Ma, Ren, Zhao, Tulyakov, Wu, Peng, "SMIL: multimodal learning with severely missing
modality", AAAI 2021 (shares of missing samples).
"""

import numpy as np

from fusebench.corruption_parts.lost_frames import LossOptions, lose_frame
from fusebench.corruption_parts.pair_images import PairImages, Sensor

VERSION = 1
TITLE = "missing infrared image"
Options = LossOptions


def changed_sensors(options: LossOptions) -> tuple[Sensor, ...]:
    """Return the sensors whose images change."""
    return ("infrared",)


def describe(severity: int, options: LossOptions) -> str:
    """Describe a severity."""
    return options.describe(severity)


def frames_back(severity: int, options: LossOptions) -> int:
    """Return how many frames before the pair the images are that `corrupt` needs."""
    return options.frames_back


def corrupt(
    images: PairImages, severity: int, options: LossOptions, generator: np.random.Generator
) -> PairImages:
    """Return the pair without its infrared image, if its frame is lost."""
    return lose_frame(images, "infrared", severity, options, generator)
