"""Sum of the correlations of differences (SCD): what each source gave to the fused image.

Source: Aslantas, Bendes, "A new image quality metric for image fusion: the sum of the correlations
of differences", AEU Int. J. Electron. Commun. 69(12), 2015.
"""

from fusebench.contracts import NoOptions as Options
from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.correlation import FloatImage, pearson_correlation, subtract_mean
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "SCD"
VARIANTS = {"sum": Variant("sum of two correlations", -2, 2)}
COLUMN = VARIANTS["sum"].build_column(TITLE)


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Sum of each source's correlation with what is left of the fused image without the other.

        SCD = r(F - B, A) + r(F - A, B)

    The correlation of a constant (say, F - A where the fused image is a copy of A) is undefined
    and counts as 0; `note` says so.

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
    return sum(r or 0.0 for r in _source_correlations(infrared, visible, fused, compute))


def note(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> str:
    """What is to be said of the value; empty if nothing."""
    undefined = None in _source_correlations(infrared, visible, fused, compute)
    return "an undefined correlation (constant difference) counts as 0" if undefined else ""


def _source_correlations(
    infrared: Gray, visible: Gray, fused: Gray, compute: Evaluator
) -> list[float | None]:
    validation.check_images(infrared, visible, fused)
    a, b, f = (compute(subtract_mean, image) for image in (infrared, visible, fused))
    return [compute(_difference_correlation, f, b, a), compute(_difference_correlation, f, a, b)]


def _difference_correlation(
    fused: FloatImage, other: FloatImage, source: FloatImage
) -> float | None:
    """r(F - other, source) of centered images; a difference below rounding is constant."""
    difference = fused - other
    return pearson_correlation(difference, source) if abs(difference).max() > 1e-9 else None
