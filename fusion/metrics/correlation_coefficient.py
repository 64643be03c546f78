"""Correlation coefficient (CC): how linearly the fused image follows its two sources.

Source: Deshmukh, Bhosale, "Image fusion and image quality assessment of fused images", Int. J.
Image Process. 4(5), 2010.
"""

from bench.images import Gray
from bench.plugins import Nothing as Options
from fusion.metrics._parts import checks
from fusion.metrics._parts.correlation import centred, correlation
from fusion.metrics._parts.sharing import Compute, directly
from fusion.metrics._parts.variants import Variant

VERSION = 1
TITLE = "CC"
VARIANTS = {"mean": Variant("mean of Pearson's r with the two sources", -1, 1)}
COLUMN = VARIANTS["mean"].column(TITLE)


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Compute = directly,
) -> float | None:
    """Mean of Pearson's correlation with the two sources.

        CC = (r(A, F) + r(B, F)) / 2

    A correlation with a constant image is undefined and counts as 0; `flag` says so.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, same.
        fused: F, same.
        options: Nothing to set.
        compute: How intermediate images are found.

    Returns:
        -1 (both inverted) to 1.

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    found = _terms(infrared, visible, fused, compute)
    return sum(r or 0.0 for r in found) / 2


def flag(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Compute = directly,
) -> str:
    """What is to be said of the value; empty if nothing."""
    undefined = None in _terms(infrared, visible, fused, compute)
    return "an undefined correlation (constant image) counts as 0" if undefined else ""


def _terms(infrared: Gray, visible: Gray, fused: Gray, compute: Compute) -> list[float | None]:
    checks.triple(infrared, visible, fused)
    mine = compute(centred, fused)
    return [compute(correlation, compute(centred, x), mine) for x in (infrared, visible)]
