"""Images of one source with the labels of a split: what a model is trained and tested on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusebench.data import images
from fusebench.data.pairs import Split


@dataclass(frozen=True)
class LabeledImages:
    """Images of one source and the labels of the same pairs.

    Attributes:
        images: Image file per key.
        split: Pairs with their labels, one per image.
        infrared: Infrared image file per key, the fourth channel of every image; None: images have
            three channels.
    """

    images: Mapping[str, Path]
    split: Split
    infrared: Mapping[str, Path] | None = None

    def __post_init__(self) -> None:
        if set(self.images) != set(self.split.keys):
            raise ValueError(f"{len(self.images)} images for {len(self.split.pairs)} pairs")

    @property
    def channels(self) -> int:
        """Number of channels of every image: 3, or 4 with infrared."""
        return 3 if self.infrared is None else 4

    def read(self, key: str) -> NDArray[np.uint8]:
        """Read one image as the model gets it.

        Returns:
            uint8 (H, W, 3), RGB; or (H, W, 4), RGB and infrared.

        Raises:
            UserError: If a file cannot be read.
        """
        color = images.read_color(self.images[key])
        if self.infrared is None:
            return color
        return np.dstack([color, images.read_gray(self.infrared[key])])
