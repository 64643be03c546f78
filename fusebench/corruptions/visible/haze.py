"""Haze: light scattered by small drops, more of it at larger distances (Koschmieder's law).

    I = J t + A (1 - t),   t = exp(-beta d),   beta = ln(20) / V

J is the clear light, A the light of the haze, d the distance, and V the visibility: the distance at
which 5 % of the contrast is left (meteorological optical range of the WMO). Distances are not
known: ``uniform`` takes one for the whole image, that of objects of average size; ``ground`` takes
that of a flat road with its horizon in the middle of the image, and ``distance`` above the horizon.
The horizon is then visible as an edge where the road is not flat or objects are near. A
is gray, as bright as the brightest tenth of the image: at night haze is dark where no lamps are.

Source: Koschmieder, "Theorie der horizontalen Sichtweite", Beitr. Phys. freien Atmos. 12, 1924; for
images: Narasimhan, Nayar, "Vision and the atmosphere", Int. J. Comput. Vis. 48(3), 2002.
"""

import math
from typing import Annotated, Literal

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
TITLE = "haze"
CONTRAST_THRESHOLD = 0.05
CAMERA_HEIGHT = 1.5  # meters above the road
FOCAL_LENGTH = 1.0  # image widths: a field of view of 53 degrees
AIRLIGHT_QUANTILE = 0.9

Meters = Annotated[float, Field(gt=0, le=100_000)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        visibility: V in meters, by severity.
        depth: ``uniform`` or ``ground``.
        distance: Of everything (``uniform``) or of what is farthest (``ground``), in meters.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    visibility: tuple[Meters, Meters, Meters] = (300, 120, 50)
    depth: Literal["uniform", "ground"] = "uniform"
    distance: Meters = 30


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change: long waves pass haze of small drops."""
    return ("visible",)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    return f"visibility {options.visibility[severity - 1]:g} m"


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with a hazy visible image."""
    light = decode_light(images.visible)
    height, width = light.shape[:2]
    distances = np.full(height, options.distance)
    if options.depth == "ground":
        distances = compute_road_distances(height, width, options.distance)
    transmission = compute_transmission(distances, options.visibility[severity - 1])
    airlight = float(np.quantile(compute_luminance(light), AIRLIGHT_QUANTILE))
    return images.replace_image("visible", encode_light(add_haze(light, transmission, airlight)))


def compute_transmission(distances: NDArray[np.float64], visibility: float) -> NDArray[np.float64]:
    """Compute t for distances, both in meters: 0.05 at the visibility."""
    return np.exp(math.log(CONTRAST_THRESHOLD) * distances / visibility)


def compute_road_distances(height: int, width: int, farthest: float) -> NDArray[np.float64]:
    """Compute the distance of a flat road in every row, float64 (H,), in meters.

    A row that is r pixels below the horizon shows the road at d = h f / r, with the height h of
    the camera and its focal length f in pixels.
    """
    below_horizon = np.arange(height) - (height - 1) / 2
    with np.errstate(divide="ignore"):
        distances = CAMERA_HEIGHT * FOCAL_LENGTH * width / below_horizon.clip(0)
    return distances.clip(0, farthest)


def add_haze(light: FloatArray, transmission: NDArray[np.float64], airlight: float) -> FloatArray:
    """Compute J t + A (1 - t) for light (H, W, 3) and a transmission per row (H,)."""
    t = transmission.astype(np.float32)[:, None, None]
    hazy: FloatArray = light * t + np.float32(airlight) * (1 - t)
    return hazy
