"""Frames of one sensor that do not arrive, and what takes their place."""

from typing import Annotated, Literal

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.corruption_parts.pair_images import PairImages, Sensor

Share = Annotated[float, Field(ge=0, le=1)]


class LossOptions(BaseModel):
    """What tasks.yaml may set.

    Attributes:
        share: Of the frames that are lost, by severity.
        fill: ``black``, or ``last_frame``: the frame before, of the same sequence.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    share: tuple[Share, Share, Share] = (0.25, 0.5, 1.0)
    fill: Literal["black", "last_frame"] = "black"

    def describe(self, severity: int) -> str:
        """Describe a severity."""
        return f"{100 * self.share[severity - 1]:g} % of the frames lost"

    @property
    def frames_back(self) -> int:
        """How many frames before the pair the images are that `lose_frame` needs."""
        return 1 if self.fill == "last_frame" else 0


def lose_frame(
    images: PairImages,
    sensor: Sensor,
    severity: int,
    options: LossOptions,
    generator: np.random.Generator,
) -> PairImages:
    """Replace the image of one sensor, if its frame is lost."""
    if generator.random() >= options.share[severity - 1]:
        return images
    if options.fill == "last_frame":
        return take_earlier_image(images, sensor)
    return images.replace_image(sensor, np.zeros_like(images.get(sensor)))


def take_earlier_image(images: PairImages, sensor: Sensor) -> PairImages:
    """Replace the image of one sensor by that of the earlier frame.

    Raises:
        ValueError: If there is no earlier frame, or it has another size.
    """
    current, earlier = images.get(sensor), images.earlier
    if earlier is None or earlier.get(sensor).shape != current.shape:
        shape = None if earlier is None else earlier.get(sensor).shape
        raise ValueError(f"the earlier {sensor} frame is {shape}, the pair {current.shape}")
    return images.replace_image(sensor, earlier.get(sensor))
