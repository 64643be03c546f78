"""Structural similarity (SSIM) of the fused image with its two sources.

Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to
structural similarity", IEEE Trans. Image Process. 13(4), 2004.
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from bench.images import Gray
from fusion.metrics._parts import checks, pyramids
from fusion.metrics._parts.filters import Plane, valid
from fusion.metrics._parts.sharing import Compute, directly
from fusion.metrics._parts.variants import Variant

VERSION = 1
TITLE = "SSIM"
VARIANTS = {
    "mean": Variant("11 x 11 Gaussian, sigma 1.5, as the authors; mean over the sources", -1, 1),
    "sum": Variant("sum over the sources (VIFB)", -2, 2),
    "uniform7.sum": Variant(
        "sum; 7 x 7 uniform window, sample covariance, data range 255 (scikit-image's default)",
        -2,
        2,
    ),
    "uniform7.range2.sum": Variant(
        "the same as an evaluator in common use computes it",
        -2,
        2,
        fault="grey levels 0..255 under a data range of 2, a float image's default: C1, C2 are "
        "16256 times too small",
    ),
    "x255.sum": Variant(
        "the authors' window, as a widespread Python port computes it",
        -2,
        2,
        fault="grey levels 0..255 are multiplied by 255 and C1, C2 are not",
    ),
}
COLUMN = VARIANTS["mean"].column(TITLE)
UNDEFINED = "a side is shorter than 11 pixels"
SMALLEST = 11


class Options(BaseModel):
    """Which of the variants."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["mean", "sum", "uniform7.sum", "uniform7.range2.sum", "x255.sum"] = "mean"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Compute = directly,
) -> float | None:
    """Mean over all windows of the similarity of brightness, contrast and structure.

        SSIM(X, F) = mean l cs,   SSIM = (SSIM(A, F) + SSIM(B, F)) / 2

    l and cs: see `pyramids.similarity`; windows that lie wholly inside the image.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, same.
        fused: F, same.
        options: The variant.
        compute: How intermediate images are found.

    Returns:
        -1 to 1 (a copy of two equal sources); twice that for a sum. None if a side is shorter
        than 11 pixels.

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    checks.triple(infrared, visible, fused)
    if min(fused.shape) < SMALLEST:
        return None
    wide, total = compute(_finest, fused), 0.0
    for source in (infrared, visible):
        total += _similarity(compute(_finest, source), wide, options.variant, compute)
    return total / 2 if options.variant == "mean" else total


def _finest(image: Gray) -> Plane:
    return pyramids.octaves(image, 1)[0]


def _similarity(x: Plane, y: Plane, variant: str, compute: Compute) -> float:
    if variant.startswith("uniform7"):
        return _uniform(x, y, 2 / 255 if "range2" in variant else 1.0, compute)
    factor = 1 / 255**2 if variant == "x255.sum" else 1.0
    local = compute(pyramids.moments, x), compute(pyramids.moments, y)
    brightness, structure = pyramids.similarity(x, y, *local, factor)
    return float((brightness * structure).mean())


def _uniform(x: Plane, y: Plane, scale: float, compute: Compute) -> float:
    """scikit-image's SSIM; ``scale`` is the data range over 255."""
    (mx, vx), (my, vy) = compute(_moments, x), compute(_moments, y)
    sample = 49 / 48
    both = (valid(x * y, SEVEN) - mx * my) * sample
    c1, c2 = (2.55 * scale) ** 2, (7.65 * scale) ** 2
    brightness = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    return float((brightness * (2 * both + c2) / ((vx + vy) * sample + c2)).mean())


SEVEN = np.full(7, 1 / 7)


def _moments(image: Plane) -> list[Plane]:
    mean = valid(image, SEVEN)
    return [mean, valid(image * image, SEVEN) - mean * mean]
