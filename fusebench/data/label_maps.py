"""Label images: read and checked in one place, because an unknown id would be scored as nothing."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fusebench.data.images import LabelMap, read_label_image
from fusebench.errors import UserError

IGNORE_INDEX = 255  # some releases and loaders write "unlabelled" as 255


def read_label_map(path: Path, classes: Sequence[str]) -> LabelMap:
    """Class id of every pixel, uint8 (H, W), all below ``len(classes)``; 255 is read as id 0.

    Raises:
        UserError: If the file is no label image or has an id that no class has.
    """
    labels = read_label_image(path)
    labels[labels == IGNORE_INDEX] = 0
    if labels.size and labels.max() >= len(classes):
        ids, counts = np.unique(labels[labels >= len(classes)], return_counts=True)
        raise UserError(
            f"{path}: id {ids[0]} ({counts[0]} pixels) has no class; expected "
            f"0..{len(classes) - 1} or {IGNORE_INDEX}. Is this the mask of another data set?"
        )
    return labels
