"""Structural similarity (SSIM) of the fused image with its two sources.

Source: Wang, Bovik, Sheikh, Simoncelli, "Image quality assessment: from error visibility to
structural similarity", IEEE Trans. Image Process. 13(4), 2004.
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import ms_ssim, validation
from fusion.metric_parts.filters import FloatImage, filter_valid
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

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
        known_fault="gray levels 0..255 under a data range of 2, a float image's default: C1, C2 are "
        "16256 times too small",
    ),
    "x255.sum": Variant(
        "the authors' window, as a widespread Python port computes it",
        -2,
        2,
        known_fault="gray levels 0..255 are multiplied by 255 and C1, C2 are not",
    ),
}
COLUMN = VARIANTS["mean"].build_column(TITLE)
UNDEFINED_REASON = "a side is shorter than 11 pixels"
MIN_SIDE = 11


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
    compute: Evaluator = direct_evaluator,
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
    validation.check_images(infrared, visible, fused)
    if min(fused.shape) < MIN_SIDE:
        return None
    wide, total = compute(_convert_to_float, fused), 0.0
    for source in (infrared, visible):
        total += _source_ssim(compute(_convert_to_float, source), wide, options.variant, compute)
    return total / 2 if options.variant == "mean" else total


def _convert_to_float(image: Gray) -> FloatImage:
    return ms_ssim.build_pyramid(image, 1)[0]


def _source_ssim(x: FloatImage, y: FloatImage, variant: str, compute: Evaluator) -> float:
    if variant.startswith("uniform7"):
        return _uniform_ssim(x, y, 2 / 255 if "range2" in variant else 1.0, compute)
    factor = 1 / 255**2 if variant == "x255.sum" else 1.0
    local = compute(ms_ssim.compute_local_moments, x), compute(ms_ssim.compute_local_moments, y)
    brightness, structure = ms_ssim.compute_ssim_maps(x, y, *local, factor)
    return float((brightness * structure).mean())


def _uniform_ssim(x: FloatImage, y: FloatImage, scale: float, compute: Evaluator) -> float:
    """scikit-image's SSIM; ``scale`` is the data range over 255."""
    (mx, vx), (my, vy) = compute(_local_moments, x), compute(_local_moments, y)
    sample = 49 / 48
    both = (filter_valid(x * y, UNIFORM_WINDOW) - mx * my) * sample
    c1, c2 = (2.55 * scale) ** 2, (7.65 * scale) ** 2
    brightness = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    return float((brightness * (2 * both + c2) / ((vx + vy) * sample + c2)).mean())


UNIFORM_WINDOW = np.full(7, 1 / 7)


def _local_moments(image: FloatImage) -> list[FloatImage]:
    mean = filter_valid(image, UNIFORM_WINDOW)
    return [mean, filter_valid(image * image, UNIFORM_WINDOW) - mean * mean]
