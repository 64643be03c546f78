"""Means over classes; classes without a score are left out."""

import math

import numpy as np

from fusebench.evaluation.counts import FloatArray


def average_defined(scores: FloatArray) -> FloatArray:
    """Average the defined scores over the last axis; NaN if none is defined.

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
    """Convert NaN to None, which marks an undefined score in files and tables."""
    return None if math.isnan(score) else score
