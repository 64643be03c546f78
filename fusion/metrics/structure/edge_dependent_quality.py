"""Edge-dependent fusion quality (Qe): local similarity to the more salient source.

Source: Piella, Heijmans, "A new quality metric for image fusion", ICIP 2003, eq. 6, alpha = 1.
Papers often do not say which variant they print as Qe.
"""

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.filters import FloatImage, convert_to_float
from fusion.metric_parts.piella import compute_quality_indices, prewitt_magnitude
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "Qe"
VARIANTS = {
    "uiqi8": Variant("Qw of the images times Qw of their edges, UIQI in 8 x 8 windows", -1, 1),
    "ssim11": Variant("the same with SSIM's 11 x 11 Gaussian and constants", -1, 1),
    "edges.uiqi8": Variant("Qw of the edges only", -1, 1),
    "edges.ssim11": Variant("Qw of the edges only, SSIM (MEFB)", -1, 1),
    "weighted.uiqi8": Variant("Qw of the images only", -1, 1),
    "weighted.ssim11": Variant("Qw of the images only, SSIM", -1, 1),
    "plain.uiqi8": Variant("Qs, the unweighted mean, of the images only", -1, 1),
    "plain.ssim11": Variant("Qs of the images only, SSIM", -1, 1),
    "plain.edges.uiqi8": Variant("Qs of the images times Qs of their edges", -1, 1),
}
UNDEFINED_REASON = "a side is shorter than 11 pixels"


class Options(BaseModel):
    """Options in tasks.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal[
        "uiqi8",
        "ssim11",
        "edges.uiqi8",
        "edges.ssim11",
        "weighted.uiqi8",
        "weighted.ssim11",
        "plain.uiqi8",
        "plain.ssim11",
        "plain.edges.uiqi8",
    ] = "uiqi8"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Multiply the fusion quality of the images by that of their edges.

        Qe = Qw(A, B, F) Qw(A', B', F')

    A', B', F' are Prewitt gradient magnitudes. Qs and Qw: see `piella.compute_quality_indices`.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        -1 to 1 (a copy of two equal sources); higher is better. None if a side is shorter than 11
        pixels.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    if min(fused.shape) < 11:
        return None
    parts, _, kind = options.variant.rpartition(".")
    index = 0 if parts.startswith("plain") else 1  # Qs or Qw

    def compute_quality(transform: Callable[[Gray], FloatImage]) -> float:
        a, b, f = (compute(transform, image) for image in (infrared, visible, fused))
        return compute(compute_quality_indices, a, b, f, kind, compute)[index]

    product = 1.0
    if parts != "edges":
        product *= compute_quality(convert_to_float)
    if parts in ("", "edges", "plain.edges"):
        product *= compute_quality(prewitt_magnitude)
    return product
