"""The two images of a pair, which a corruption gets and returns."""

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from fusebench.data.images import Color, Gray

Sensor = Literal["infrared", "visible"]


@dataclass(frozen=True, eq=False)
class PairImages:
    """The images of a pair.

    Attributes:
        infrared: uint8, (H, W).
        visible: uint8 RGB, (H, W, 3).
        earlier: The pair some frames before in the same sequence, for a corruption that asks for
            it, else None.
    """

    infrared: Gray
    visible: Color
    earlier: "PairImages | None" = None

    def get(self, sensor: Sensor) -> NDArray[np.uint8]:
        """Return the image of one sensor."""
        return self.infrared if sensor == "infrared" else self.visible

    def replace_image(self, sensor: Sensor, image: NDArray[np.uint8]) -> "PairImages":
        """Return the pair with another image of one sensor."""
        if sensor == "infrared":
            return replace(self, infrared=image)
        return replace(self, visible=image)


def round_to_uint8(values: NDArray[np.floating]) -> NDArray[np.uint8]:
    """Round gray levels to the nearest integer; values beyond 0 and 255 saturate."""
    return np.asarray(np.rint(values).clip(0, 255), np.uint8)
