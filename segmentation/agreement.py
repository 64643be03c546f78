"""Signs in a confusion matrix that the predicted ids are not those of the data set: a caution."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.data.label_maps import has_unlabeled_class
from fusebench.data.pairs import CAUTION_PREFIX

MIN_SHARE = 0.5  # of the labeled pixels that agree with a shift, and of those of each class
MIN_CLASSES = 3  # that have this share


def find_cautions(confusion: NDArray[Any], classes: Sequence[str]) -> dict[str, str]:
    """Return what a reader has to know about predictions that contradict the truth everywhere.

    Args:
        confusion: Pixels (C, C) of all images; rows are the truth.
        classes: The C class names.

    Returns:
        Facts for the protocol, whose names start with `CAUTION_PREFIX`; mostly none.
    """
    labeled = confusion.astype(np.int64)
    if has_unlabeled_class(classes):
        labeled[0] = 0
    total = int(labeled.sum())
    if total == 0:
        return {f"{CAUTION_PREFIX}labels": "the test images have no labeled pixel"}
    pixels_by_class = labeled.sum(axis=1)
    labeled_classes = [classes[int(i)] for i in np.flatnonzero(pixels_by_class)]
    cautions = {}
    if len(labeled_classes) == 1 and len(classes) - has_unlabeled_class(classes) > 1:
        cautions[f"{CAUTION_PREFIX}labels"] = f"only {labeled_classes[0]} has labeled pixels"
    return cautions | _find_wrong_ids(labeled)


def _find_wrong_ids(labeled: NDArray[np.int64]) -> dict[str, str]:
    """Return a caution if most ids are shifted by one, or none is right."""
    total = int(labeled.sum())
    right = int(np.trace(labeled)) / total
    pixels_by_class = labeled.sum(axis=1)
    class_count = len(labeled)
    for shift, direction in ((-1, "lower"), (1, "higher")):
        shifted = np.zeros(class_count, np.int64)
        ids = np.arange(max(0, -shift), class_count - max(0, shift))
        shifted[ids] = labeled[ids, ids + shift]
        share = int(shifted.sum()) / total
        agreeing_classes = int((shifted > MIN_SHARE * pixels_by_class).sum())
        if share > max(MIN_SHARE, 2 * right) and agreeing_classes >= MIN_CLASSES:
            return {
                f"{CAUTION_PREFIX}ids": (
                    f"{share:.0%} of the labeled pixels are predicted as the class whose id is one "
                    f"{direction}, {right:.0%} as their own; are the ids shifted by one? For label "
                    "maps from a folder, option ids names the class of each"
                )
            }
    if right == 0:
        return {f"{CAUTION_PREFIX}ids": "no labeled pixel is predicted as its class"}
    return {}
