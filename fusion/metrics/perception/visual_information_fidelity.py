"""Visual information fidelity (VIF): share of the sources' visual information that is kept.

Source: Sheikh, Bovik, "Image information and visual quality", IEEE Trans. Image Process. 15(2),
2006; the pixel-domain version VIFp, computed once per source.
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
UNDEFINED_REASON = "a source is constant or smaller than 17 pixels"
NOISE_VARIANCE = 2.0  # of the human visual system, gray levels squared


class Options(BaseModel):
    """Options in tasks.yaml."""

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
    """Compute the visual information fidelity with each source as the reference.

        VIFp(X, F) = sum log10(1 + g^2 v / (sv + 2)) / sum log10(1 + v / 2)

    The sums run over the pixels of four scales. g, sv and v: see `vif.estimate_gain`.

    Args:
        infrared: uint8 luminance, (H, W).
        visible: The same.
        fused: The same.
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        At least 0 (no information of either source); higher is better. A copy of a source has 1 for
        it, a copy with more contrast has more. None if a source that the variant uses is constant
        or smaller than 17 pixels.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    sources = {"ir": [infrared], "vi": [visible]}.get(options.variant, [infrared, visible])
    total = 0.0
    for source in sources:
        fidelity = compute(_source_fidelity, source, fused, compute)
        if fidelity is None:
            return None
        total += fidelity
    return total / (2 if options.variant == "mean" else 1)


def _source_fidelity(source: Gray, fused: Gray, compute: Evaluator) -> float | None:
    """Compute VIFp(X, F); None if X is constant or smaller than 17 pixels."""
    if min(source.shape) < 17:
        return None
    preserved, total = 0.0, 0.0
    for scale in range(SCALES):
        g, sv, v = compute(estimate_scale_gain, source, fused, scale, compute)
        preserved += float(np.log10(1 + g * g * v / (sv + NOISE_VARIANCE)).sum())
        total += float(np.log10(1 + v / NOISE_VARIANCE).sum())
    return preserved / total if total > 0 else None
