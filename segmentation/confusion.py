"""Confusion matrices: counted per image, added up, and only then turned into scores."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from bench import arrays
from bench.images import Labels

IGNORE = 255

Counts = NDArray[np.int64]
Scores = list[float | None]


def count(truth: Labels, predicted: Labels, classes: int) -> Counts:
    """Count pixels by (true class, predicted class).

    Args:
        truth: Class ids, shape (H, W); pixels equal to `IGNORE` are left out.
        predicted: Class ids, shape (H, W), all below ``classes``.
        classes: Number of classes C.

    Returns:
        Shape (C, C); entry [i, j] counts pixels of class i that were called j.

    Raises:
        ValueError: If shapes differ, or a counted pixel has an id of C or more.
    """
    check(truth, predicted, classes)
    seen = truth != IGNORE
    return cross(truth[seen].astype(np.int64), predicted[seen].astype(np.int64), classes)


def check(truth: Labels, predicted: Labels, classes: int) -> None:
    """Refuse two label maps that cannot be counted.

    Raises:
        ValueError: If shapes differ, or a counted pixel has an id of C or more.
    """
    if truth.shape != predicted.shape:
        raise ValueError(f"truth is {truth.shape} but prediction is {predicted.shape}")
    seen = truth != IGNORE
    largest = max(int(labels[seen].max(initial=0)) for labels in (truth, predicted))
    if largest >= classes:
        raise ValueError(f"class id {largest} with only {classes} classes")


def cross(rows: NDArray[np.int64], columns: NDArray[np.int64], size: int) -> Counts:
    """How often each pair of numbers below ``size`` comes, int64 (size, size)."""
    return np.bincount(rows * size + columns, minlength=size**2).reshape(size, size)


def intersection_over_union(counts: Counts) -> Scores:
    """IoU per class; None for a class that is neither in the truth nor predicted.

    None is not 0: an absent class has no score, and a mean over it would be a different number.
    """
    hit = np.diag(counts)
    return _ratio(hit, counts.sum(axis=0) + counts.sum(axis=1) - hit)


def recall(counts: Counts) -> Scores:
    """The share of a class's pixels that were called so; None for a class not in the truth."""
    return _ratio(np.diag(counts), counts.sum(axis=1))


def precision(counts: Counts) -> Scores:
    """The share of a class's predicted pixels that are right; None for one never predicted."""
    return _ratio(np.diag(counts), counts.sum(axis=0))


def without_truth(counts: Counts, index: int) -> Counts:
    """The same counts as if pixels whose truth is class ``index`` had never been looked at."""
    left = counts.copy()
    left[index] = 0
    return left


def write(path: Path, counts: Mapping[str, Counts]) -> None:
    """Save one matrix per image: ``keys`` (N,) and ``counts`` (N, C, C), readable unpickled."""
    keys = sorted(counts)
    np.savez_compressed(
        path, keys=np.array(keys, dtype=np.str_), counts=np.stack([counts[key] for key in keys])
    )


def read(path: Path) -> dict[str, Counts]:
    """The matrices that `write` saved, by key.

    Raises:
        BenchError: If the file is damaged.
    """
    keys, counts = arrays.read(path, "keys", "counts")
    return dict(zip(map(str, keys), counts, strict=True))


def _ratio(part: Counts, whole: Counts) -> Scores:
    return [float(p / w) if w else None for p, w in zip(part, whole, strict=True)]
