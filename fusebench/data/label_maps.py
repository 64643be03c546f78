"""Reading and checking of label maps; an unknown id would otherwise silently count for no class."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from fusebench.data.images import LabelMap, read_label_image
from fusebench.errors import UserError

# Id of an unlabeled pixel. Files of some releases contain it: `read_label_map` maps it to class 0,
# unlabeled. In the arrays that a loss or a confusion matrix gets, it marks pixels to leave out.
IGNORE_INDEX = 255


def read_label_map(path: Path, classes: Sequence[str]) -> LabelMap:
    """Read the class id of every pixel; `IGNORE_INDEX` is mapped to class 0.

    Args:
        path: Single-channel image of class ids.
        classes: Class names in the order of their ids.

    Returns:
        uint8 (H, W), all below ``len(classes)``.

    Raises:
        UserError: If the file is no label image or has an id without a class.
    """
    labels = read_label_image(path)
    labels[labels == IGNORE_INDEX] = 0
    if labels.size and labels.max() >= len(classes):
        ids, counts = np.unique(labels[labels >= len(classes)], return_counts=True)
        raise UserError(
            f"{path}: id {ids[0]} ({counts[0]} pixels) has no class; expected "
            f"0..{len(classes) - 1} or {IGNORE_INDEX}. Is this a label map of another data set?"
        )
    return labels
