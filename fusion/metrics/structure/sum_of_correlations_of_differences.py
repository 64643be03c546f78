"""Sum of the correlations of differences (SCD): how much each source contributes.

Source: Aslantas, Bendes, "A new image quality metric for image fusion: the sum of the correlations
of differences", AEU Int. J. Electron. Commun. 69(12), 2015.
"""

from fusebench.contracts import NoOptions as Options
from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.correlation import pearson_correlation, subtract_mean
from fusion.metric_parts.filters import FloatImage
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "SCD"
VARIANTS = {"sum": Variant("sum of two correlations", -2, 2)}
DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Correlate each source with the fused image minus the other source, and sum.

        SCD = r(F - B, A) + r(F - A, B)

    The correlation of a constant (e.g. F - A where the fused image is a copy of A) is undefined and
    counts as 0; `note` reports it.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Not used; this metric has no options.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        -2 to 2; higher is better.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    return sum(r or 0.0 for r in _source_correlations(infrared, visible, fused, compute))


def note(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> str:
    """Explain a special value of `measure`; empty if there is nothing to explain."""
    is_undefined = None in _source_correlations(infrared, visible, fused, compute)
    return "an undefined correlation (constant difference) counts as 0" if is_undefined else ""


def _source_correlations(
    infrared: Gray, visible: Gray, fused: Gray, compute: Evaluator
) -> list[float | None]:
    """Compute r(F - B, A) and r(F - A, B); None for a constant image or difference."""
    validation.check_images(infrared, visible, fused)
    a, b, f = (compute(subtract_mean, image) for image in (infrared, visible, fused))
    return [compute(_difference_correlation, f, b, a), compute(_difference_correlation, f, a, b)]


def _difference_correlation(
    fused: FloatImage, other: FloatImage, source: FloatImage
) -> float | None:
    """Compute r(F - other, source) of centered images; None for a constant difference."""
    difference = fused - other
    if abs(difference).max() <= 1e-9:  # a rounding error
        return None
    return pearson_correlation(difference, source)
