"""Which ids the label maps of a split hold: a split without any label is refused, not scored."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusebench.data.images import LabelMap
from fusebench.data.label_images.reading import is_one_bit
from fusebench.data.label_maps import IGNORE_INDEX, has_unlabeled_class
from fusebench.errors import UserError


@dataclass
class LabelStatistics:
    """Counts over label maps, before 255 is replaced.

    Attributes:
        pixels: Number of pixels of each stored id, int64 (256,).
        one_bit_files: Label maps of one bit per pixel with a white pixel.
        other_files: Number of the others with an id above 0.
    """

    pixels: NDArray[np.int64] = field(default_factory=lambda: np.zeros(256, np.int64))
    one_bit_files: list[str] = field(default_factory=list)
    other_files: int = 0

    def add(self, path: Path, stored_ids: LabelMap) -> None:
        """Count a label map.

        Args:
            path: Its file.
            stored_ids: uint8 (H, W), as they are stored.
        """
        self.pixels += np.bincount(stored_ids.ravel(), minlength=256)
        highest = stored_ids.max(initial=0)
        if highest == 1 and is_one_bit(path):
            self.one_bit_files.append(path.name)
        elif highest > 0:
            self.other_files += 1

    def check_bit_depths(self, where: str) -> None:
        """Raise if only some files have one bit per pixel.

        Args:
            where: Start of the message.

        Raises:
            UserError: Naming one of them.
        """
        if self.one_bit_files and self.other_files:
            raise UserError(
                f"{where}, {len(self.one_bit_files)} label maps have one bit per pixel (first: "
                f"{sorted(self.one_bit_files)[0]}) and {self.other_files} have more. White is id 1 "
                "in a mask of one bit, but was 255, unlabeled, if a program reduced the depth. "
                "Save all of them as 8-bit gray PNG"
            )

    def check_any_class(self, classes: Sequence[str], where: str) -> None:
        """Raise if no pixel has a class.

        Args:
            classes: Class names; class 0 may be that of unlabeled pixels.
            where: Start of the message.

        Raises:
            UserError: Naming the ids that were found, and what they mean.
        """
        unlabeled = [0, IGNORE_INDEX] if has_unlabeled_class(classes) else [IGNORE_INDEX]
        present = np.flatnonzero(self.pixels)
        if not present.size or not set(present.tolist()) <= set(unlabeled):
            return
        counts = " and ".join(f"{i} ({self.pixels[i]} pixels)" for i in present)
        meaning = f"{IGNORE_INDEX} means unlabeled"
        if has_unlabeled_class(classes):
            meaning += f", and 0 is the class {classes[0]}"
        hint = (
            "; if these are masks of 0 and 255, replace 255 by the id of the class"
            if IGNORE_INDEX in present
            else "; was a conversion to 8 bits made, which sets small ids to 0?"
        )
        raise UserError(
            f"{where}, no pixel has a label: the only ids are {counts}. {meaning}{hint}"
        )

    def write(self, path: Path) -> None:
        """Write the counts as JSON."""
        content = {
            "pixels": {str(i): int(self.pixels[i]) for i in np.flatnonzero(self.pixels)},
            "one-bit files": sorted(self.one_bit_files),
            "other files": self.other_files,
        }
        path.write_text(json.dumps(content), encoding="utf-8")


def read_label_statistics(path: Path) -> LabelStatistics:
    """Read what `LabelStatistics.write` wrote."""
    content = json.loads(path.read_text(encoding="utf-8"))
    statistics = LabelStatistics(
        one_bit_files=content["one-bit files"], other_files=content["other files"]
    )
    for class_id, pixels in content["pixels"].items():
        statistics.pixels[int(class_id)] = pixels
    return statistics
