"""What a model is trained on or shown: the images of one source with the labels of a split."""

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from fusebench.data.pairs import Split


@dataclass(frozen=True)
class LabeledImages:
    """One image per pair: ``images[pair.key]``; the labels are in ``split.pairs``."""

    images: Mapping[str, Path]
    split: Split

    def __post_init__(self) -> None:
        if set(self.images) != set(self.split.keys):
            raise ValueError(f"{len(self.images)} images for {len(self.split.pairs)} pairs")
