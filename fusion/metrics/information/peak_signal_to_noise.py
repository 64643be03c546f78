"""Peak signal-to-noise ratio (PSNR) of the fused image with both sources as the reference.

Source: Jagalingam, Hegde, "A review of quality metrics for fused image", Aquatic Procedia 4, 2015.
"""

import math
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.filters import convert_to_float
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "PSNR"
VARIANTS = {
    "mean_error": Variant("of the mean of both mean squared errors (VIFB)", 0, None, "dB"),
    "mean": Variant("mean of the PSNR with each source", 0, None, "dB"),
    "scaled": Variant(
        "as two evaluators in common use compute it",
        48.13,
        None,
        "dB",
        known_fault="images scaled to 0..1 under a peak of 255: 48.13 dB too high",
    ),
}


class Options(BaseModel):
    """Options in tasks.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["mean_error", "mean", "scaled"] = "mean_error"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Compute the ratio of the largest gray level to the mean squared error in decibels.

        PSNR = 10 log10(255^2 / E),   E = (mean (A - F)^2 + mean (B - F)^2) / 2

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        Decibels, at least 0 (black against white); higher is better. None (infinite) if both
        sources equal the fused image, or for ``mean`` if one does.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    errors = _mean_squared_errors(infrared, visible, fused, compute)
    if options.variant == "mean":
        return sum(map(_convert_to_decibels, errors)) / 2 if min(errors) > 0 else None
    error = sum(errors) / 2
    if error == 0:
        return None
    return _convert_to_decibels(error) + (
        20 * math.log10(255) if options.variant == "scaled" else 0.0
    )


def note(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> str:
    """Explain a special value of `measure`; empty if there is nothing to explain."""
    is_infinite = measure(infrared, visible, fused, options, compute) is None
    return "infinite: the fused image equals a source" if is_infinite else ""


def _mean_squared_errors(
    infrared: Gray, visible: Gray, fused: Gray, compute: Evaluator
) -> list[float]:
    """Compute the mean squared error of the fused image against each source."""
    validation.check_images(infrared, visible, fused)
    target = compute(convert_to_float, fused)
    return [
        float(np.square(compute(convert_to_float, x) - target).mean()) for x in (infrared, visible)
    ]


def _convert_to_decibels(error: float) -> float:
    return 10 * math.log10(255**2 / error)
