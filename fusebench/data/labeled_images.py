"""Images of one source with the labels of a split: what a model is trained and tested on."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fusebench.data.pairs import Split


@dataclass(frozen=True)
class LabeledImages:
    """Images of one source and the labels of the same pairs.

    Attributes:
        images: Image file per key.
        split: Pairs with their labels, one per image.
    """

    images: Mapping[str, Path]
    split: Split

    def __post_init__(self) -> None:
        if set(self.images) != set(self.split.keys):
            raise ValueError(f"{len(self.images)} images for {len(self.split.pairs)} pairs")
