"""Multi-scale structural similarity (MS-SSIM) of the fused image with its two sources.

Source: Wang, Simoncelli, Bovik, "Multi-scale structural similarity for image quality assessment",
Asilomar 2003, as in the authors' msssim.m. Pitfall: two other metrics are printed under the same
name: that of Ma et al. is `multi_exposure_similarity`, the other one is the variant ``x255``.
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
    "ir": Variant("with the infrared image only", 0, 1, is_symmetric=False),
    "vi": Variant("with the visible image only", 0, 1, is_symmetric=False),
    "zeros": Variant("sum; odd sides are zero-padded when halved, as in pytorch_msssim", 0, 2),
    "zeros.ir": Variant("``zeros`` with the infrared image only", 0, 1, is_symmetric=False),
    "zeros.vi": Variant("``zeros`` with the visible image only", 0, 1, is_symmetric=False),
    "truncate": Variant("sum; a last odd row or column is dropped when halving", 0, 2),
    "x255": Variant(
        "``zeros`` as a widespread Python port computes it",
        0,
        2,
        known_fault="gray levels 0..255 are multiplied by 255 and C1, C2 are not, so flat noise "
        "counts",
    ),
}
SCALE_WEIGHTS = (0.0448, 0.2856, 0.3001, 0.2363, 0.1333)
# How odd sides are halved, if not "replicate"; see `ms_ssim.HALVING_FUNCTIONS`.
HALVING_METHODS = {"zeros": "zeros", "x255": "zeros", "truncate": "truncate"}
MIN_SIDE = 176  # pixels, so that the window fits into the fifth scale


class Options(BaseModel):
    """Options in tasks.yaml."""

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
    """Multiply contrast and structure over five scales, and luminance at the coarsest scale.

        MS-SSIM(X, F) = prod_{s<5} (mean cs_s)^w_s (mean l_5 cs_5)^w_5

    l and cs: see `ms_ssim.compute_ssim_maps`. A source with a negative scale mean counts as 0 (the
    power is undefined); `note` reports it.

    Args:
        infrared: uint8 luminance, (H, W).
        visible: The same.
        fused: The same.
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        0 to 1 (a copy of two equal sources), 0 to 2 for a sum; higher is better. None if a side is
        shorter than 176 pixels.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    similarities = _source_similarities(infrared, visible, fused, options, compute)
    if similarities is None:
        return None
    total = sum(max(similarity, 0.0) for similarity in similarities)
    return total / (2 if options.variant == "mean" else 1)


def note(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> str:
    """Explain a special value of `measure`; empty if there is nothing to explain."""
    similarities = _source_similarities(infrared, visible, fused, options, compute)
    if similarities is None:
        return f"a side is shorter than {MIN_SIDE} pixels"
    return "a negative scale counts as 0" if min(similarities) < 0 else ""


def _source_similarities(
    infrared: Gray, visible: Gray, fused: Gray, options: Options, compute: Evaluator
) -> list[float] | None:
    """Compute the MS-SSIM with each source of the variant; None if the images are too small."""
    validation.check_images(infrared, visible, fused)
    if min(fused.shape) < MIN_SIDE:
        return None
    halving, _, suffix = options.variant.rpartition(".")  # e.g. "zeros.ir", or "ir" alone
    sources = {"ir": [infrared], "vi": [visible]}.get(suffix, [infrared, visible])
    odd = HALVING_METHODS.get(halving or suffix, "replicate")
    factor = 1 / 255**2 if options.variant == "x255" else 1.0
    return [compute(_ms_ssim, source, fused, odd, factor, compute) for source in sources]


def _ms_ssim(source: Gray, fused: Gray, odd: str, factor: float, compute: Evaluator) -> float:
    """Compute the MS-SSIM with one source; -1 if the mean of a scale is negative."""
    product = 1.0
    pairs = zip(
        compute(build_pyramid, source, 5, odd), compute(build_pyramid, fused, 5, odd), strict=True
    )
    for scale, ((x, y), weight) in enumerate(zip(pairs, SCALE_WEIGHTS, strict=True)):
        moments = compute(compute_local_moments, x), compute(compute_local_moments, y)
        luminance, structure = compute_ssim_maps(x, y, *moments, factor)
        mean = float((luminance * structure if scale == 4 else structure).mean())
        if mean < 0:
            return -1.0
        product *= mean**weight
    return product
