"""Darkness: less light reaches the visible camera, whose sensor noise stays.

With light L (1 is saturation), a share s of the light, and a pixel that holds N electrons, the
sensor counts

    electrons ~ Poisson(N s L) + Gaussian(0, r^2),   darker L' = electrons / N,
    variance of L' = s L / N + (r / N)^2

Photon noise grows with the light, read noise r does not: in the dark it dominates. The exposure is
not raised again, as at night when exposure time and gain are at their limit. The three channels
have independent noise, as before demosaicing.

Source: Foi, Trimeche, Katkovnik, Egiazarian, "Practical Poissonian-Gaussian noise modeling and
fitting for single-image raw-data", IEEE Trans. Image Process. 17(10), 2008.
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.light import FloatArray, decode_light, encode_light
from fusebench.corruption_parts.pair_images import PairImages, Sensor

VERSION = 1
TITLE = "darkness"

Share = Annotated[float, Field(gt=0, le=1)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        light: Share of the light that is left, by severity.
        full_well: N, electrons at saturation: that of a small pixel at high gain.
        read_noise: r, standard deviation in electrons.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    light: tuple[Share, Share, Share] = (1 / 4, 1 / 16, 1 / 64)
    full_well: float = Field(2000, ge=100, le=1e6)
    read_noise: float = Field(5, ge=0, le=1000)


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change."""
    return ("visible",)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    return f"{100 * options.light[severity - 1]:.2g} % of the light"


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with a darker and noisier visible image."""
    light = expose(
        decode_light(images.visible) * options.light[severity - 1],
        options.full_well,
        options.read_noise,
        generator,
    )
    return images.replace_image("visible", encode_light(light))


def expose(
    light: FloatArray, full_well: float, read_noise: float, generator: np.random.Generator
) -> FloatArray:
    """Count the electrons of a sensor and return them as light, which can be below 0 or above 1.

    Args:
        light: Float32, expected light, 1 fills a pixel.
        full_well: Electrons at saturation.
        read_noise: Standard deviation in electrons.
        generator: Source of the noise.
    """
    electrons = generator.poisson(light * full_well).astype(np.float32)
    electrons += read_noise * generator.standard_normal(light.shape, np.float32)
    return electrons / np.float32(full_well)
