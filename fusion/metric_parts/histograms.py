"""Histograms of 8-bit images, joint histograms of two images, and their entropies."""

import numpy as np
from numpy.typing import NDArray

Histogram = NDArray[np.int64]


def compute_histogram(image: NDArray[np.uint8]) -> Histogram:
    """Count the pixels of each of the 256 gray levels, (256,)."""
    return np.bincount(image.ravel(), minlength=256)


def compute_joint_histogram(first: NDArray[np.uint8], second: NDArray[np.uint8]) -> Histogram:
    """Count the pixels of each pair of gray levels, (256, 256), ``first`` x ``second``."""
    codes = first.astype(np.intp) << 8
    codes |= second
    return np.bincount(codes.ravel(), minlength=65536).reshape(256, 256)


def entropy(histogram: Histogram) -> float:
    """Compute the Shannon entropy of a histogram of any shape, in bits."""
    share = histogram[histogram > 0] / histogram.sum()
    return float(-(share * np.log2(share)).sum() + 0.0)  # + 0.0: one level gives 0, not -0


def merge_top_levels(histogram: Histogram) -> Histogram:
    """Merge levels 254 and 255 into one bin on every axis.

    MATLAB code that indexes with ``image + 1`` in uint8 arithmetic has this effect: 255 + 1
    saturates at 255.
    """
    for axis in range(histogram.ndim):
        top = np.take(histogram, [254], axis) + np.take(histogram, [255], axis)
        histogram = np.concatenate([np.take(histogram, range(254), axis), top], axis)
    return histogram
