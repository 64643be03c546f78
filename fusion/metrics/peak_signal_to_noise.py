"""Peak signal-to-noise ratio (PSNR): how little the fused image differs from its two sources.

Source: Jagalingam, Hegde, "A review of quality metrics for fused image", Aquatic Procedia 4, 2015.
"""

import math
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from bench.images import Gray
from fusion.metrics._parts import checks
from fusion.metrics._parts.filters import plane
from fusion.metrics._parts.sharing import Compute, directly
from fusion.metrics._parts.variants import Variant

VERSION = 1
TITLE = "PSNR"
VARIANTS = {
    "mean_error": Variant("of the mean of both squared errors (VIFB)", 0, None, "dB"),
    "mean": Variant("mean of the two ratios", 0, None, "dB"),
    "scaled": Variant(
        "as two evaluators in common use compute it",
        48.13,
        None,
        "dB",
        fault="images scaled to 0..1 under a peak of 255: 48.13 dB too high",
    ),
}
COLUMN = VARIANTS["mean_error"].column(TITLE)


class Options(BaseModel):
    """Which of the variants."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["mean_error", "mean", "scaled"] = "mean_error"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Compute = directly,
) -> float | None:
    """Ratio of the largest grey level to the mean error, on a logarithmic scale.

        PSNR = 10 log10(255^2 / E),   E = (mean (A - F)^2 + mean (B - F)^2) / 2

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, same.
        fused: F, same.
        options: The variant.
        compute: How intermediate images are found.

    Returns:
        Decibels, 0 (black against white) and more. None (infinite) if both sources equal the
        fused image, or for ``mean`` if one does.

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    errors = _errors(infrared, visible, fused, compute)
    if options.variant == "mean":
        return sum(map(_ratio, errors)) / 2 if min(errors) > 0 else None
    error = sum(errors) / 2
    if error == 0:
        return None
    return _ratio(error) + (20 * math.log10(255) if options.variant == "scaled" else 0.0)


def flag(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Compute = directly,
) -> str:
    """What is to be said of the value; empty if nothing."""
    infinite = measure(infrared, visible, fused, options, compute) is None
    return "infinite: the fused image equals a source" if infinite else ""


def _errors(infrared: Gray, visible: Gray, fused: Gray, compute: Compute) -> list[float]:
    checks.triple(infrared, visible, fused)
    mine = compute(plane, fused)
    return [float(np.square(compute(plane, x) - mine).mean()) for x in (infrared, visible)]


def _ratio(error: float) -> float:
    return 10 * math.log10(255**2 / error)
