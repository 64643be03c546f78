"""Confusion matrices: counted per image, added up, and only then turned into scores."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusebench.data.images import LabelMap
from fusebench.data.label_maps import IGNORE_INDEX
from fusebench.storage import npz

Counts = NDArray[np.int64]
ClassScores = list[float | None]


def compute_confusion_matrix(truth: LabelMap, predicted: LabelMap, classes: int) -> Counts:
    """Count pixels by (true class, predicted class).

    Args:
        truth: Class ids, shape (H, W); pixels equal to `IGNORE_INDEX` are left out.
        predicted: Class ids, shape (H, W), all below ``classes``.
        classes: Number of classes C.

    Returns:
        Shape (C, C); entry [i, j] counts pixels of class i that were called j.

    Raises:
        ValueError: If shapes differ, or a counted pixel has an id of C or more.
    """
    check_label_maps(truth, predicted, classes)
    seen = truth != IGNORE_INDEX
    return cross_tabulate(truth[seen].astype(np.int64), predicted[seen].astype(np.int64), classes)


def check_label_maps(truth: LabelMap, predicted: LabelMap, classes: int) -> None:
    """Refuse two label maps that cannot be counted.

    Raises:
        ValueError: If shapes differ, or a counted pixel has an id of C or more.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth is {truth.shape} but prediction is {predicted.shape}")
    seen = truth != IGNORE_INDEX
    largest = max(int(labels[seen].max(initial=0)) for labels in (truth, predicted))
    if largest >= classes:
        raise ValueError(f"class id {largest} with only {classes} classes")


def cross_tabulate(rows: NDArray[np.int64], columns: NDArray[np.int64], size: int) -> Counts:
    """How often each pair of numbers below ``size`` comes, int64 (size, size)."""
    return np.bincount(rows * size + columns, minlength=size**2).reshape(size, size)


def intersection_over_union(counts: Counts) -> ClassScores:
    """IoU per class; None for a class that is neither in the truth nor predicted.

    None is not 0: an absent class has no score, and a mean over it would be a different number.
    """
    hit = np.diag(counts)
    return _compute_ratios(hit, counts.sum(axis=0) + counts.sum(axis=1) - hit)


def recall(counts: Counts) -> ClassScores:
    """The share of a class's pixels that were called so; None for a class not in the truth."""
    return _compute_ratios(np.diag(counts), counts.sum(axis=1))


def precision(counts: Counts) -> ClassScores:
    """The share of a class's predicted pixels that are right; None for one never predicted."""
    return _compute_ratios(np.diag(counts), counts.sum(axis=0))


def drop_true_class(counts: Counts, index: int) -> Counts:
    """The same counts as if pixels whose truth is class ``index`` had never been looked at."""
    left = counts.copy()
    left[index] = 0
    return left


def write_counts(path: Path, counts: Mapping[str, Counts]) -> None:
    """Save one matrix per image: ``keys`` (N,) and ``counts`` (N, C, C), readable unpickled."""
    keys = sorted(counts)
    np.savez_compressed(
        path, keys=np.array(keys, dtype=np.str_), counts=np.stack([counts[key] for key in keys])
    )


def read_counts(path: Path) -> dict[str, Counts]:
    """The matrices that `write_counts` saved, by key.

    Raises:
        UserError: If the file is damaged.
    """
    keys, counts = npz.read_arrays(path, "keys", "counts")
    return dict(zip(map(str, keys), counts, strict=True))


def _compute_ratios(part: Counts, whole: Counts) -> ClassScores:
    return [float(p / w) if w else None for p, w in zip(part, whole, strict=True)]
