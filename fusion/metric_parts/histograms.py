"""Histograms of 8-bit images, joint ones of two, and their entropies."""

import numpy as np
from numpy.typing import NDArray

Histogram = NDArray[np.int64]


def compute_histogram(image: NDArray[np.uint8]) -> Histogram:
    """How many pixels have each of the 256 gray levels, (256,)."""
    return np.bincount(image.ravel(), minlength=256)


def compute_joint_histogram(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Histogram:
    """How many pixels have each pair of gray levels, (256, 256), first x second."""
    both = first.astype(np.intp) << 8
    both |= second
    return np.bincount(both.ravel(), minlength=65536).reshape(256, 256)


def entropy(found: Histogram) -> float:
    """Shannon entropy of a histogram of any shape, in bits."""
    share = found[found > 0] / found.sum()
    return float(-(share * np.log2(share)).sum() + 0.0)  # + 0.0: one level gives 0, not -0


def merge_top_levels(found: Histogram) -> Histogram:
    """The histogram with levels 254 and 255 in one bin on every axis.

    This is what uint8 arithmetic makes of ``image + 1`` used as a MATLAB index.
    """
    for axis in range(found.ndim):
        top = np.take(found, [254], axis) + np.take(found, [255], axis)
        found = np.concatenate([np.take(found, range(254), axis), top], axis)
    return found
