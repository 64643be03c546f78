"""Pearson correlation of two images."""

import numpy as np
from numpy.typing import NDArray

from fusion.metric_parts.filters import FloatImage


def subtract_mean(image: NDArray[np.generic]) -> FloatImage:
    """Center an image: float64 gray levels minus their mean, (H, W)."""
    levels = image.astype(np.float64)
    return np.asarray(levels - levels.mean())


def pearson_correlation(first: FloatImage, second: FloatImage) -> float | None:
    """Compute Pearson's r of two centered images.

        r = sum x y / sqrt(sum x^2 sum y^2)

    Args:
        first: x, centered by `subtract_mean`, (H, W).
        second: y, the same.

    Returns:
        -1 to 1; None if either image is constant.
    """
    x, y = first.ravel(), second.ravel()
    power = float(x @ x) * float(y @ y)
    return float(x @ y) / float(np.sqrt(power)) if power > 0 else None
