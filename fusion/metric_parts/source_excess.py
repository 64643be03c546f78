"""Excess of a feature of the fused image over the same feature of both sources."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusion.metric_parts.filters import FloatImage
from fusion.scoring.cache import Evaluator

MAX_GAIN = 1.5  # a stronger feature is new; a weaker one is that of a source with more contrast
NEIGHBORHOOD = np.ones((3, 3), np.uint8)


def compute_excess(
    infrared: NDArray[Any], visible: NDArray[Any], fused: NDArray[Any], compute: Evaluator
) -> FloatImage:
    """Compute by how much a feature is stronger than the sources can explain.

        e = max(0, f - 1.5 max over 3 x 3 pixels of max(a, b))

    The neighborhood allows for a feature that is shifted by a pixel. The factor allows for a higher
    contrast: a gain of up to 1.5 gives 0.

    Args:
        infrared: a, strength of the feature, 0 or more, (H, W).
        visible: b, the same.
        fused: f, the same.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        e, float64, (H, W).
    """
    bound = compute(_compute_bound, infrared, visible)
    return np.asarray(np.maximum(fused - bound, 0.0))


def _compute_bound(infrared: NDArray[Any], visible: NDArray[Any]) -> FloatImage:
    """Compute the strongest feature that the sources explain."""
    import cv2

    return np.asarray(MAX_GAIN * cv2.dilate(np.maximum(infrared, visible), NEIGHBORHOOD))
