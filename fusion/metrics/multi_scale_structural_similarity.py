"""Multi-scale structural similarity (MS-SSIM) of the fused image with its two sources.

Source: Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality assessment",
Asilomar 2003, as in the authors' msssim.m. Two other metrics go by the same name in the field: the
one of Ma et al. is `multi_exposure_similarity`, the other one the variant ``x255``.
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from bench.images import Gray
from fusion.metrics._parts import checks, pyramids
from fusion.metrics._parts.filters import Plane
from fusion.metrics._parts.pyramids import octaves
from fusion.metrics._parts.sharing import Compute, directly
from fusion.metrics._parts.variants import Variant

VERSION = 1
TITLE = "MS-SSIM"
X255 = "grey levels 0..255 are multiplied by 255, the constants are not: they are 65025 times small"
VARIANTS = {
    "mean": Variant("mean over the two sources", 0, 1),
    "sum": Variant("sum over the two sources", 0, 2),
    "ir": Variant("with the infrared image alone", 0, 1, symmetric=False),
    "vi": Variant("with the visible image alone", 0, 1, symmetric=False),
    "x255": Variant("sum, as a widespread Python port computes it", 0, 2, fault=X255),
}
COLUMN = VARIANTS["mean"].column(TITLE)
WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
CONSTANTS = ((0.01 * 255) ** 2, (0.03 * 255) ** 2)


class Options(BaseModel):
    """Which of the variants."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["mean", "sum", "ir", "vi", "x255"] = "mean"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Compute = directly,
) -> float | None:
    """Product over five scales of the similarity of structure, and of brightness at the last.

        MS-SSIM(X, F) = prod_{s<5} (mean cs_s)^w_s (mean l_5 cs_5)^w_5
        cs = (2 cov + C2) / (vX + vF + C2),   l = (2 mX mF + C1) / (mX^2 + mF^2 + C1)

    A scale whose mean is negative counts as 0 (its power is undefined); `flag` says so.

    Args:
        infrared: uint8 luminance, (H, W).
        visible: Same.
        fused: Same.
        options: The variant.
        compute: How intermediate images are found.

    Returns:
        0 to 1 (a copy of two equal sources); 0 to 2 for a sum. None if the images are smaller
        than 161 pixels: the fifth scale has no room for the window.

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    found = _per_source(infrared, visible, fused, options, compute)
    if found is None:
        return None
    return sum(max(one, 0.0) for one in found) / (2 if options.variant == "mean" else 1)


def flag(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Compute = directly,
) -> str:
    """What is to be said of the value; empty if nothing."""
    found = _per_source(infrared, visible, fused, options, compute)
    if found is None:
        return "smaller than 161 pixels"
    return "a negative scale counts as 0" if min(found) < 0 else ""


def _per_source(
    infrared: Gray, visible: Gray, fused: Gray, options: Options, compute: Compute
) -> list[float] | None:
    checks.triple(infrared, visible, fused)
    asked = {"ir": [infrared], "vi": [visible]}.get(options.variant, [infrared, visible])
    if min(fused.shape) < 161:
        return None
    factor = 1 / 255**2 if options.variant == "x255" else 1.0
    return [compute(_similarity, source, fused, factor, compute) for source in asked]


def _similarity(source: Gray, fused: Gray, factor: float, compute: Compute) -> float:
    """MS-SSIM with one source; -1 if a scale's mean is negative."""
    product = 1.0
    pairs = zip(compute(octaves, source, 5), compute(octaves, fused, 5), WEIGHTS, strict=True)
    for scale, (x, y, weight) in enumerate(pairs):
        brightness, structure = compute(_terms, x, y, factor, compute)
        mean = float((brightness * structure if scale == 4 else structure).mean())
        if mean < 0:
            return -1.0
        product *= mean**weight
    return product


def _terms(x: Plane, y: Plane, factor: float, compute: Compute) -> list[Plane]:
    """L and cs of one scale, with the constants times ``factor``."""
    c1, c2 = (constant * factor for constant in CONSTANTS)
    (mx, vx), (my, vy) = compute(pyramids.moments, x), compute(pyramids.moments, y)
    both = compute(pyramids.covariance, x, y, [mx, my])
    brightness = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    return [brightness, np.asarray((2 * both + c2) / (vx + vy + c2))]
