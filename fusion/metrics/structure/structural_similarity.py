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
        "the same, as an evaluator in common use computes it",
        -2,
        2,
        known_fault="gray levels 0..255 under a data range of 2, a float image's default: C1, C2 "
        "are 16256 times too small",
    ),
    "x255.sum": Variant(
        "the authors' window, as a widespread Python port computes it",
        -2,
        2,
        known_fault="gray levels 0..255 are multiplied by 255 and C1, C2 are not",
    ),
}
UNDEFINED_REASON = "a side is shorter than 11 pixels"
MIN_SIDE = 11  # pixels
UNIFORM_WINDOW = np.full(7, 1 / 7)


class Options(BaseModel):
    """Options in tasks.yaml."""

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
    """Average the similarity of luminance, contrast and structure over all windows.

        SSIM(X, F) = mean l cs,   SSIM = (SSIM(A, F) + SSIM(B, F)) / 2

    l and cs: see `ms_ssim.compute_ssim_maps`. Windows lie wholly inside the image.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        -1 to 1 (a copy of two equal sources), twice that for a sum; higher is better. None if a
        side is shorter than 11 pixels.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    if min(fused.shape) < MIN_SIDE:
        return None
    y, total = compute(_convert_to_float, fused), 0.0
    for source in (infrared, visible):
        total += _source_ssim(compute(_convert_to_float, source), y, options.variant, compute)
    return total / 2 if options.variant == "mean" else total


def _convert_to_float(image: Gray) -> FloatImage:
    """Take the finest level of the pyramid, which MS-SSIM computes too."""
    return ms_ssim.build_pyramid(image, 1)[0]


def _source_ssim(x: FloatImage, y: FloatImage, variant: str, compute: Evaluator) -> float:
    if variant.startswith("uniform7"):
        return _uniform_ssim(x, y, 2 / 255 if "range2" in variant else 1.0, compute)
    factor = 1 / 255**2 if variant == "x255.sum" else 1.0
    moments = compute(ms_ssim.compute_local_moments, x), compute(ms_ssim.compute_local_moments, y)
    luminance, structure = ms_ssim.compute_ssim_maps(x, y, *moments, factor)
    return float((luminance * structure).mean())


def _uniform_ssim(x: FloatImage, y: FloatImage, scale: float, compute: Evaluator) -> float:
    """Compute scikit-image's SSIM; ``scale`` is the data range over 255."""
    (mx, vx), (my, vy) = compute(_local_moments, x), compute(_local_moments, y)
    sample_factor = 49 / 48  # N / (N - 1): sample covariance of 7 x 7 pixels
    covariance = (filter_valid(x * y, UNIFORM_WINDOW) - mx * my) * sample_factor
    c1, c2 = (2.55 * scale) ** 2, (7.65 * scale) ** 2
    luminance = (2 * mx * my + c1) / (mx * mx + my * my + c1)
    ssim = luminance * (2 * covariance + c2) / ((vx + vy) * sample_factor + c2)
    return float(ssim.mean())


def _local_moments(image: FloatImage) -> list[FloatImage]:
    mean = filter_valid(image, UNIFORM_WINDOW)
    return [mean, filter_valid(image * image, UNIFORM_WINDOW) - mean * mean]
