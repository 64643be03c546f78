"""Correlation coefficient (CC): how linearly the fused image follows its two sources.

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
COLUMN = VARIANTS["mean"].build_column(TITLE)


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Mean of Pearson's correlation with the two sources.

        CC = (r(A, F) + r(B, F)) / 2

    A correlation with a constant image is undefined and counts as 0; `note` says so.

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
    found = _source_correlations(infrared, visible, fused, compute)
    return sum(r or 0.0 for r in found) / 2


def note(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> str:
    """What is to be said of the value; empty if nothing."""
    undefined = None in _source_correlations(infrared, visible, fused, compute)
    return "an undefined correlation (constant image) counts as 0" if undefined else ""


def _source_correlations(
    infrared: Gray, visible: Gray, fused: Gray, compute: Evaluator
) -> list[float | None]:
    validation.check_images(infrared, visible, fused)
    mine = compute(subtract_mean, fused)
    return [
        compute(pearson_correlation, compute(subtract_mean, x), mine) for x in (infrared, visible)
    ]
