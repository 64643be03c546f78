"""Confusion matrices of label maps: counted per image, added over images, then scored.

Scores are computed from any number of matrices at once: arrays (..., C, C) in, (..., C) out.
Undefined scores are NaN.
"""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.data.images import LabelMap
from fusebench.data.label_maps import IGNORE_INDEX
from fusebench.evaluation.counts import FloatArray

ConfusionMatrix = NDArray[np.int64]


def compute_confusion_matrix(
    truth: LabelMap, predicted: LabelMap, class_count: int
) -> ConfusionMatrix:
    """Count pixels by true and predicted class.

    Args:
        truth: Class ids, (H, W); pixels equal to `IGNORE_INDEX` are left out.
        predicted: Class ids, (H, W), all below ``class_count``.
        class_count: Number of classes C.

    Returns:
        int64 (C, C); entry [i, j] counts pixels of class i that are predicted as class j.

    Raises:
        ValueError: If shapes differ, or a counted pixel has an id of C or more.
    """
    check_label_maps(truth, predicted, class_count)
    counted = truth != IGNORE_INDEX
    return cross_tabulate(
        truth[counted].astype(np.int64), predicted[counted].astype(np.int64), class_count
    )


def check_label_maps(truth: LabelMap, predicted: LabelMap, class_count: int) -> None:
    """Check that two label maps can be compared.

    Raises:
        ValueError: If shapes differ, or a counted pixel has an id of C or more.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth is {truth.shape} but prediction is {predicted.shape}")
    counted = truth != IGNORE_INDEX
    largest = max(int(labels[counted].max(initial=0)) for labels in (truth, predicted))
    if largest >= class_count:
        raise ValueError(f"class id {largest} with only {class_count} classes")


def cross_tabulate(
    rows: NDArray[np.int64], columns: NDArray[np.int64], size: int
) -> ConfusionMatrix:
    """Count the pairs of numbers below ``size``, int64 (size, size)."""
    return np.bincount(rows * size + columns, minlength=size**2).reshape(size, size)


def intersection_over_union(counts: FloatArray | ConfusionMatrix) -> FloatArray:
    """IoU per class; NaN for a class that is neither in the truth nor predicted.

    NaN is not 0: an absent class has no score, and a mean over it would be a different number.
    """
    true_positives = _get_diagonal(counts)
    return _divide(true_positives, counts.sum(axis=-1) + counts.sum(axis=-2) - true_positives)


def recall(counts: FloatArray | ConfusionMatrix) -> FloatArray:
    """Share of a class's true pixels that are predicted as it; NaN for a class not in the truth."""
    return _divide(_get_diagonal(counts), counts.sum(axis=-1))


def precision(counts: FloatArray | ConfusionMatrix) -> FloatArray:
    """Share of a class's predicted pixels that are right; NaN for a class never predicted."""
    return _divide(_get_diagonal(counts), counts.sum(axis=-2))


def drop_true_class(counts: FloatArray, class_id: int) -> FloatArray:
    """Return the counts without the pixels of one true class."""
    remaining = counts.copy()
    remaining[..., class_id, :] = 0
    return remaining


def _get_diagonal(counts: FloatArray | ConfusionMatrix) -> NDArray[Any]:
    return np.diagonal(counts, axis1=-2, axis2=-1)


def _divide(part: NDArray[Any], whole: NDArray[Any]) -> FloatArray:
    denominator = np.where(whole > 0, whole, np.nan)
    ratio: FloatArray = part / denominator
    return ratio
