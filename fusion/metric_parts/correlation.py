"""Pearson's correlation of two images."""

import numpy as np
from numpy.typing import NDArray

FloatImage = NDArray[np.float64]


def subtract_mean(image: NDArray[np.generic]) -> FloatImage:
    """The image minus its mean."""
    wide = image.astype(np.float64)
    return np.asarray(wide - wide.mean())


def pearson_correlation(first: FloatImage, second: FloatImage) -> float | None:
    """Pearson's r of two centered images, -1 to 1; None if either is constant."""
    x, y = first.ravel(), second.ravel()
    power = float(x @ x) * float(y @ y)
    return float(x @ y) / float(np.sqrt(power)) if power > 0 else None
