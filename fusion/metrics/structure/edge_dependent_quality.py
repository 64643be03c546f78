"""Edge-dependent fusion quality (Qe): local similarity to the livelier source, in image and edges.

Source: Piella, Heijmans, "A new quality metric for image fusion", ICIP 2003, eq. 6, alpha = 1.
Which variant made the numbers that papers print as Qe is often not known.
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
    "edges.uiqi8": Variant("Qw of the edges alone", -1, 1),
    "edges.ssim11": Variant("Qw of the edges alone, SSIM (MEFB)", -1, 1),
    "weighted.uiqi8": Variant("Qw of the images alone", -1, 1),
    "weighted.ssim11": Variant("Qw of the images alone, SSIM", -1, 1),
    "plain.uiqi8": Variant("Qs, the plain mean, of the images alone", -1, 1),
    "plain.ssim11": Variant("Qs of the images alone, SSIM", -1, 1),
    "plain.edges.uiqi8": Variant("Qs of the images times Qs of their edges", -1, 1),
}
COLUMN = VARIANTS["uiqi8"].build_column(TITLE)
UNDEFINED_REASON = "a side is shorter than 11 pixels"


class Options(BaseModel):
    """Which of the variants."""

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
    """Quality of the image times quality of its edges.

        Qe = Qw(A, B, F) Qw(A', B', F')

    A', B', F' are the lengths of the Prewitt gradient; Qs and Qw: `piella.plain_and_weighted`.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, same.
        fused: F, same.
        options: The variant.
        compute: How intermediate images are found.

    Returns:
        -1 to 1 (a copy of two equal sources). None if a side is shorter than 11 pixels.

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    validation.check_images(infrared, visible, fused)
    if min(fused.shape) < 11:
        return None
    what, _, kind = options.variant.rpartition(".")
    position = 0 if what.startswith("plain") else 1

    def part(view: Callable[[Gray], FloatImage]) -> float:
        a, b, f = (compute(view, image) for image in (infrared, visible, fused))
        return compute(compute_quality_indices, a, b, f, kind, compute)[position]

    product = 1.0
    if what != "edges":
        product *= part(convert_to_float)
    if what in ("", "edges", "plain.edges"):
        product *= part(prewitt_magnitude)
    return product
