"""Correlation coefficient (CC): linear correlation of the fused image with both sources.

Source: Deshmukh, Bhosale, "Image fusion and image quality assessment of fused images", Int. J.
Image Process. 4(5), 2010.
"""

from fusebench.contracts import NoOptions as Options
from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.correlation import pearson_correlation, subtract_mean
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "CC"
VARIANTS = {"mean": Variant("mean of Pearson's r with the two sources", -1, 1)}
DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Average Pearson's correlation of the fused image with both sources.

        CC = (r(A, F) + r(B, F)) / 2

    A correlation with a constant image is undefined and counts as 0; `note` reports it.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Not used; this metric has no options.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        -1 (both inverted) to 1; higher is better.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    correlations = _source_correlations(infrared, visible, fused, compute)
    return sum(r or 0.0 for r in correlations) / 2


def note(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> str:
    """Explain a special value of `measure`; empty if there is nothing to explain."""
    is_undefined = None in _source_correlations(infrared, visible, fused, compute)
    return "an undefined correlation (constant image) counts as 0" if is_undefined else ""


def _source_correlations(
    infrared: Gray, visible: Gray, fused: Gray, compute: Evaluator
) -> list[float | None]:
    """Compute r(A, F) and r(B, F); None for a constant image."""
    validation.check_images(infrared, visible, fused)
    f = compute(subtract_mean, fused)
    return [compute(pearson_correlation, compute(subtract_mean, x), f) for x in (infrared, visible)]
