"""Sum of the correlations of differences (SCD): what each source gave to the fused image.

Source: Aslantas, Bendes, "A new image quality metric for image fusion: the sum of the correlations
of differences", AEU Int. J. Electron. Commun. 69(12), 2015.
"""

from bench.images import Gray
from bench.plugins import Nothing as Options
from fusion.metrics._parts import checks
from fusion.metrics._parts.correlation import Plane, centred, correlation
from fusion.metrics._parts.sharing import Compute, directly
from fusion.metrics._parts.variants import Variant

VERSION = 1
TITLE = "SCD"
VARIANTS = {"sum": Variant("sum of two correlations", -2, 2)}
COLUMN = VARIANTS["sum"].column(TITLE)


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Compute = directly,
) -> float | None:
    """Sum of each source's correlation with what is left of the fused image without the other.

        SCD = r(F - B, A) + r(F - A, B)

    The correlation of a constant (say, F - A where the fused image is a copy of A) is undefined
    and counts as 0; `flag` says so.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, same.
        fused: F, same.
        options: Nothing to set.
        compute: How intermediate images are found.

    Returns:
        -2 to 2.

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    return sum(r or 0.0 for r in _terms(infrared, visible, fused, compute))


def flag(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Compute = directly,
) -> str:
    """What is to be said of the value; empty if nothing."""
    undefined = None in _terms(infrared, visible, fused, compute)
    return "an undefined correlation (constant difference) counts as 0" if undefined else ""


def _terms(infrared: Gray, visible: Gray, fused: Gray, compute: Compute) -> list[float | None]:
    checks.triple(infrared, visible, fused)
    a, b, f = (compute(centred, image) for image in (infrared, visible, fused))
    return [compute(_gave, f, b, a), compute(_gave, f, a, b)]


def _gave(fused: Plane, other: Plane, source: Plane) -> float | None:
    """r(F - other, source) of centred images; a difference below rounding is constant."""
    difference = fused - other
    return correlation(difference, source) if abs(difference).max() > 1e-9 else None
