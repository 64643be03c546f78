"""JPEG: the visible image arrives through a link with a low bit rate.

Compressed by libjpeg at a low quality, color at half the resolution (4:2:0), as in the streams of
cameras.

Source: Wallace, "The JPEG still picture compression standard", IEEE Trans. Consum. Electron. 38(1),
1992; Hendrycks, Dietterich, "Benchmarking neural network robustness to common corruptions and
perturbations", ICLR 2019 (qualities).
"""

from typing import Annotated

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.pair_images import PairImages, Sensor
from fusebench.data.images import Color

VERSION = 1
TITLE = "JPEG"

Quality = Annotated[int, Field(ge=1, le=100)]


class Options(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        quality: Of libjpeg, by severity.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    quality: tuple[Quality, Quality, Quality] = (25, 15, 7)


def changed_sensors(options: Options) -> tuple[Sensor, ...]:
    """Return the sensors whose images change."""
    return ("visible",)


def describe(severity: int, options: Options) -> str:
    """Describe a severity."""
    return f"quality {options.quality[severity - 1]}"


def corrupt(
    images: PairImages, severity: int, options: Options, generator: np.random.Generator
) -> PairImages:
    """Return the pair with a compressed visible image."""
    compressed = compress(images.visible, options.quality[severity - 1])
    return images.replace_image("visible", compressed)


def compress(image: Color, quality: int) -> Color:
    """Compress an RGB image as JPEG and decompress it."""
    import cv2

    settings = [
        *(cv2.IMWRITE_JPEG_QUALITY, quality),
        *(cv2.IMWRITE_JPEG_SAMPLING_FACTOR, cv2.IMWRITE_JPEG_SAMPLING_FACTOR_420),
    ]
    _, code = cv2.imencode(".jpg", cv2.cvtColor(image, cv2.COLOR_RGB2BGR), settings)
    decoded = cv2.imdecode(code, cv2.IMREAD_COLOR)
    assert decoded is not None  # it was encoded here
    return np.asarray(cv2.cvtColor(decoded, cv2.COLOR_BGR2RGB), np.uint8)
