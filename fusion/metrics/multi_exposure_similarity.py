"""Structural similarity to the best of both sources (MEF-SSIM), on three scales.

Source: Ma, Zeng, Wang, "Perceptual quality assessment for multi-exposure image fusion", IEEE Trans.
Image Process. 24(11), 2015. Part of the fusion literature prints it as "MS-SSIM".
"""

import numpy as np

from bench.images import Gray
from bench.plugins import Nothing as Options
from fusion.metrics._parts import checks
from fusion.metrics._parts.exposure import quality
from fusion.metrics._parts.pyramids import octaves
from fusion.metrics._parts.sharing import Compute, directly
from fusion.metrics._parts.variants import Variant

VERSION = 1
TITLE = "MEF-SSIM"
VARIANTS = {"ma": Variant("three scales, both sources at once", 0, 1)}
COLUMN = VARIANTS["ma"].column(TITLE)
WEIGHTS = np.array([0.0448, 0.2856, 0.3001]) / 0.6305


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Compute = directly,
) -> float | None:
    """Similarity of the fused image's patches to those that Ma et al. want, over three scales.

        MEF-SSIM = prod_s Q_s^w_s

    A scale whose mean is negative counts as 0 (its power is undefined); `flag` says so.

    Args:
        infrared: uint8 luminance, (H, W).
        visible: Same.
        fused: Same.
        options: Nothing to set.
        compute: How intermediate images are found.

    Returns:
        0 to 1. None if the images are smaller than 41 pixels.

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    found = _scales(infrared, visible, fused, compute)
    if found is None:
        return None
    return float(np.prod([max(q, 0.0) ** w for q, w in zip(found, WEIGHTS, strict=True)]))


def flag(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Compute = directly,
) -> str:
    """What is to be said of the value; empty if nothing."""
    found = _scales(infrared, visible, fused, compute)
    if found is None:
        return "smaller than 41 pixels"
    return "a negative scale counts as 0" if min(found) < 0 else ""


def _scales(infrared: Gray, visible: Gray, fused: Gray, compute: Compute) -> list[float] | None:
    checks.triple(infrared, visible, fused)
    if min(fused.shape) < 41:
        return None
    return compute(_qualities, infrared, visible, fused, compute)


def _qualities(infrared: Gray, visible: Gray, fused: Gray, compute: Compute) -> list[float]:
    pyramids = (compute(octaves, image, 3) for image in (infrared, visible, fused))
    return [quality(a, b, f, compute) for a, b, f in zip(*pyramids, strict=True)]
