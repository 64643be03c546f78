"""Rain: drops that fall near the visible camera smear into bright streaks.

Drops of diameter D (mm) per cubic meter and mm (Marshall, Palmer), at R mm of rain per hour, and
their speed in m/s (Atlas, Srivastava, Sekhon):

    N(D) = 8000 exp(-4.1 R^-0.21 D),   v(D) = 9.65 - 10.3 exp(-0.6 D)

A drop at distance z is seen f D / z wide (f: focal length in pixels) and falls f v T / z during the
exposure T. It covers a point of its streak for the share D / (v T) of the exposure. While it does,
the point shows the drop, which refracts the bright sky: the light of the brightest twentieth of the
image.

    L' = L (1 - a) + S a,   a = D / (v T)

Drops of 1 mm and more, at 0.5 to 4 m, are drawn one by one, at positions drawn per pair; a drop
that is narrower than a pixel covers a part of it. Farther ones are too thin to be seen: they are
haze. Wind makes streaks slant by at most 15 degrees.

Source: Garg, Nayar, "Vision and rain", Int. J. Comput. Vis. 75(1), 2007; Marshall, Palmer, "The
distribution of raindrops with size", J. Meteorol. 5(4), 1948; Atlas, Srivastava, Sekhon, "Doppler
radar characteristics of precipitation at vertical incidence", Rev. Geophys. 11(1), 1973.
"""

import math
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.light import (
    FloatArray,
    compute_luminance,
    decode_light,
    encode_light,
)
from fusebench.corruption_parts.pair_images import PairImages, Sensor

VERSION = 1
TITLE = "rain"
MIN_DIAMETER, MAX_DIAMETER = 1.0, 5.0  # mm; larger drops break up
MIN_DISTANCE, MAX_DISTANCE = 0.5, 4.0  # meters
FOCAL_LENGTH = 1.0  # image widths: a field of view of 53 degrees
EXPOSURE = 1 / 400  # seconds
MAX_SLANT, SLANT_DEVIATION = math.radians(15), math.radians(1.5)
DROP_LIGHT_QUANTILE = 0.95
ALPHA_LEVELS = 0.5 / 255  # a of one level of the 8-bit mask that streaks are drawn in

Rate = Annotated[float, Field(gt=0, le=200)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        rate: R in mm per hour, by severity: moderate, heavy and violent rain.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    rate: tuple[Rate, Rate, Rate] = (8, 25, 75)


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change: drops near the camera are as warm as the air."""
    return ("visible",)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    return f"{options.rate[severity - 1]:g} mm/h"


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with streaks of rain in the visible image."""
    light = decode_light(images.visible)
    height, width = light.shape[:2]
    alpha = draw_streaks(height, width, options.rate[severity - 1], generator)[:, :, None]
    drop_light = np.float32(np.quantile(compute_luminance(light), DROP_LIGHT_QUANTILE))
    rainy = light * (1 - alpha) + drop_light * alpha
    return images.replace_image("visible", encode_light(rainy))


def compute_drop_density(rate: float) -> float:
    """Compute the number of drops of `MIN_DIAMETER` and more in a cubic meter.

    Args:
        rate: R in mm per hour.
    """
    slope = _compute_slope(rate)
    return 8000 / slope * math.exp(-slope * MIN_DIAMETER)


def compute_speed(diameter: NDArray[np.float64]) -> NDArray[np.float64]:
    """Compute the speed of falling drops in m/s from their diameter in mm."""
    return 9.65 - 10.3 * np.exp(-0.6 * diameter)


def draw_streaks(
    height: int, width: int, rate: float, generator: np.random.Generator
) -> FloatArray:
    """Draw the streaks of an image of rain: a per pixel, float32 (H, W), 0 without a streak."""
    import cv2

    focal_length = FOCAL_LENGTH * width
    margin = 0.5  # image heights above the image: drops that fall into it
    section = (1 + margin) * height * width / focal_length**2  # square meters at 1 m
    volume = section * (MAX_DISTANCE**3 - MIN_DISTANCE**3) / 3
    count = generator.poisson(compute_drop_density(rate) * volume)
    diameter = MIN_DIAMETER + generator.exponential(1 / _compute_slope(rate), count)
    diameter = diameter.clip(None, MAX_DIAMETER)
    cubes = generator.uniform(MIN_DISTANCE**3, MAX_DISTANCE**3, count)
    distance = np.cbrt(cubes)  # as many drops in every cubic meter
    speed = compute_speed(diameter)
    size = focal_length * diameter / 1000 / distance
    length = focal_length * speed * EXPOSURE / distance
    covered = diameter / 1000 / (speed * EXPOSURE) * size.clip(None, 1)
    slant = generator.uniform(-MAX_SLANT, MAX_SLANT)
    angle = slant + SLANT_DEVIATION * generator.standard_normal(count)
    x = generator.uniform(0, width, count)
    y = generator.uniform(-margin * height, height, count)
    mask = np.zeros((height, width), np.uint8)
    for i in np.argsort(covered).tolist():  # the clearest streaks are on top
        start = (round(16 * x[i]), round(16 * y[i]))  # 4 binary digits behind the point
        end_x, end_y = x[i] + length[i] * math.sin(angle[i]), y[i] + length[i] * math.cos(angle[i])
        end = (round(16 * end_x), round(16 * end_y))
        level = min(255, round(covered[i] / ALPHA_LEVELS))
        cv2.line(mask, start, end, level, max(1, round(size[i])), cv2.LINE_AA, 4)
    return mask * np.float32(ALPHA_LEVELS)


def _compute_slope(rate: float) -> float:
    """Compute the slope of the sizes of drops, per mm."""
    return 4.1 * math.pow(rate, -0.21)
