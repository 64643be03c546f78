"""Edge-dependent fusion quality (Qe): local similarity to the livelier source, in image and edges.

Source: Piella, Heijmans, "A new quality metric for image fusion", ICIP 2003, eq. 6, alpha = 1.
Which variant made the numbers that papers print as Qe is often not known.
"""

from collections.abc import Callable
from typing import Literal

from pydantic import BaseModel, ConfigDict

from bench.images import Gray
from fusion.metrics._parts import checks
from fusion.metrics._parts.filters import Plane, plane
from fusion.metrics._parts.piella import plain_and_weighted, prewitt
from fusion.metrics._parts.sharing import Compute, directly
from fusion.metrics._parts.variants import Variant

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
COLUMN = VARIANTS["uiqi8"].column(TITLE)
UNDEFINED = "a side is shorter than 11 pixels"


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
    compute: Compute = directly,
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
    checks.triple(infrared, visible, fused)
    if min(fused.shape) < 11:
        return None
    what, _, kind = options.variant.rpartition(".")
    position = 0 if what.startswith("plain") else 1

    def part(view: Callable[[Gray], Plane]) -> float:
        a, b, f = (compute(view, image) for image in (infrared, visible, fused))
        return compute(plain_and_weighted, a, b, f, kind, compute)[position]

    product = 1.0
    if what != "edges":
        product *= part(plane)
    if what in ("", "edges", "plain.edges"):
        product *= part(prewitt)
    return product
