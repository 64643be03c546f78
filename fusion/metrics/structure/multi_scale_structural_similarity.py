"""Multi-scale structural similarity (MS-SSIM) of the fused image with its two sources.

Source: Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality assessment",
Asilomar 2003, as in the authors' msssim.m. Two other metrics go by the same name in the field: the
one of Ma et al. is `multi_exposure_similarity`, the other one the variant ``x255``.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.ms_ssim import build_pyramid, compute_local_moments, compute_ssim_maps
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "MS-SSIM"
VARIANTS = {
    "mean": Variant("mean over the two sources", 0, 1),
    "sum": Variant("sum over the two sources", 0, 2),
    "ir": Variant("with the infrared image alone", 0, 1, is_symmetric=False),
    "vi": Variant("with the visible image alone", 0, 1, is_symmetric=False),
    "zeros": Variant("sum; odd sides are halved as pytorch_msssim does, zeros around", 0, 2),
    "zeros.ir": Variant("``zeros`` with the infrared image alone", 0, 1, is_symmetric=False),
    "zeros.vi": Variant("``zeros`` with the visible image alone", 0, 1, is_symmetric=False),
    "truncate": Variant("sum; a last odd line is left out when halving", 0, 2),
    "x255": Variant(
        "``zeros`` as a widespread Python port computes it",
        0,
        2,
        known_fault="gray levels 0..255 are multiplied by 255 and C1, C2 are not, so flat noise counts",
    ),
}
COLUMN = VARIANTS["mean"].build_column(TITLE)
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
HALVING_METHODS = {
    "zeros": "zeros",
    "x255": "zeros",
    "truncate": "truncate",
}  # of odd sides, see pyramids
MIN_SIDE = 176  # pixels: the fifth scale still has room for the window


class Options(BaseModel):
    """Which of the variants."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal[
        "mean", "sum", "ir", "vi", "zeros", "zeros.ir", "zeros.vi", "truncate", "x255"
    ] = "mean"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Product over five scales of the similarity of structure, and of brightness at the last.

        MS-SSIM(X, F) = prod_{s<5} (mean cs_s)^w_s (mean l_5 cs_5)^w_5

    l and cs: see `pyramids.similarity`. A scale whose mean is negative counts as 0 (its power is
    undefined); `note` says so.

    Args:
        infrared: uint8 luminance, (H, W).
        visible: Same.
        fused: Same.
        options: The variant.
        compute: How intermediate images are found.

    Returns:
        0 to 1 (a copy of two equal sources); 0 to 2 for a sum. None if a side is shorter than
        176 pixels.

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    found = _source_similarities(infrared, visible, fused, options, compute)
    if found is None:
        return None
    return sum(max(one, 0.0) for one in found) / (2 if options.variant == "mean" else 1)


def note(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> str:
    """What is to be said of the value; empty if nothing."""
    found = _source_similarities(infrared, visible, fused, options, compute)
    if found is None:
        return f"a side is shorter than {MIN_SIDE} pixels"
    return "a negative scale counts as 0" if min(found) < 0 else ""


def _source_similarities(
    infrared: Gray, visible: Gray, fused: Gray, options: Options, compute: Evaluator
) -> list[float] | None:
    validation.check_images(infrared, visible, fused)
    if min(fused.shape) < MIN_SIDE:
        return None
    kind, _, alone = options.variant.rpartition(".")
    asked = {"ir": [infrared], "vi": [visible]}.get(alone, [infrared, visible])
    odd = HALVING_METHODS.get(kind or alone, "replicate")
    factor = 1 / 255**2 if options.variant == "x255" else 1.0
    return [compute(_ms_ssim, source, fused, odd, factor, compute) for source in asked]


def _ms_ssim(source: Gray, fused: Gray, odd: str, factor: float, compute: Evaluator) -> float:
    """MS-SSIM with one source; -1 if a scale's mean is negative."""
    product = 1.0
    pairs = zip(
        compute(build_pyramid, source, 5, odd), compute(build_pyramid, fused, 5, odd), strict=True
    )
    for scale, ((x, y), weight) in enumerate(zip(pairs, SCALE_WEIGHTS, strict=True)):
        brightness, structure = compute_ssim_maps(
            x, y, compute(compute_local_moments, x), compute(compute_local_moments, y), factor
        )
        mean = float((brightness * structure if scale == 4 else structure).mean())
        if mean < 0:
            return -1.0
        product *= mean**weight
    return product
