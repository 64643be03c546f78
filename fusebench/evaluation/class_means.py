"""Means over classes, of those that have a score."""

import math

import numpy as np

from fusebench.evaluation.counts import FloatArray


def average_defined(scores: FloatArray) -> FloatArray:
    """Mean over the last axis of the scores that are defined; NaN if none is.

    Args:
        scores: (..., C), NaN where undefined.

    Returns:
        (...).
    """
    defined = np.isfinite(scores)
    number = defined.sum(axis=-1)
    mean = np.where(defined, scores, 0.0).sum(axis=-1) / np.maximum(number, 1)
    return np.where(number > 0, mean, np.nan)


def to_optional(score: float) -> float | None:
    """None for NaN: in files and tables an undefined score is null."""
    return None if math.isnan(score) else score
