"""Visual information fidelity (VIF): how much of the sources' information an eye gets back.

Source: Sheikh, Bovik, "Image information and visual quality", IEEE Trans. Image Process. 15(2),
2006: the pixel-domain version VIFp, once per source.
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.vif import SCALES, estimate_scale_gain
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "VIF"
VARIANTS = {
    "sum": Variant("VIFp of the infrared plus that of the visible image"),
    "mean": Variant("half of the sum"),
    "ir": Variant("VIFp of the infrared image alone", is_symmetric=False),
    "vi": Variant("VIFp of the visible image alone", is_symmetric=False),
}
COLUMN = VARIANTS["sum"].build_column(TITLE)
UNDEFINED_REASON = "a source is constant or smaller than 17 pixels"
NOISE_VARIANCE = 2.0  # variance of the eye's own noise, gray levels squared


class Options(BaseModel):
    """Which of the variants."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["sum", "mean", "ir", "vi"] = "sum"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Visual information fidelity of the fused image, each source the reference in turn.

        VIFp(X, F) = sum log10(1 + g^2 v / (sv + 2)) / sum log10(1 + v / 2)

    over the pixels of four scales; g, sv, v: see `information.gain`.

    Args:
        infrared: uint8 luminance, (H, W).
        visible: Same.
        fused: Same.
        options: The variant.
        compute: How intermediate images are found.

    Returns:
        0 (nothing of either source); 1 per source for a copy of it, more for a copy with more
        contrast. None if a source that is asked for is constant, or smaller than 17 pixels.

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    validation.check_images(infrared, visible, fused)
    asked = {"ir": [infrared], "vi": [visible]}.get(options.variant, [infrared, visible])
    found = [compute(_source_fidelity, source, fused, compute) for source in asked]
    defined = [one for one in found if one is not None]
    if len(defined) < len(asked):
        return None
    return sum(defined) / (2 if options.variant == "mean" else 1)


def _source_fidelity(source: Gray, fused: Gray, compute: Evaluator) -> float | None:
    if min(source.shape) < 17:
        return None
    kept, there = 0.0, 0.0
    for scale in range(SCALES):
        g, sv, v = compute(estimate_scale_gain, source, fused, scale, compute)
        kept += float(np.log10(1 + g * g * v / (sv + NOISE_VARIANCE)).sum())
        there += float(np.log10(1 + v / NOISE_VARIANCE).sum())
    return kept / there if there > 0 else None
