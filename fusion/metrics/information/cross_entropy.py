"""Cross entropy (CE): how far the gray levels' distribution is from those of the sources.

Source: Bulanon, Burks, Alchanatis, "Image fusion of visible and thermal images for fruit
detection", Biosyst. Eng. 103(1), 2009.
"""

import numpy as np

from fusebench.contracts import NoOptions as Options
from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.histograms import Histogram, compute_histogram
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "CE"
VARIANTS = {
    "mean": Variant("mean over the two sources (VIFB)", None, None, "bit", better="lower"),
}
COLUMN = VARIANTS["mean"].build_column(TITLE)


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Mean divergence of the fused image's gray levels from those of the two sources.

        CE = (D(A, F) + D(B, F)) / 2,   D(X, F) = sum_l pX(l) log2(pX(l) / pF(l))

    over the levels l that occur in both images. The levels left out make it no distance: it can
    be negative, and it is 0 for images that share no level.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, same.
        fused: F, same.
        options: Nothing to set.
        compute: How intermediate images are found.

    Returns:
        Bits; lower is better, 0 for three equal histograms.

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    validation.check_images(infrared, visible, fused)
    mine = compute(compute_histogram, fused)
    return (
        sum(_divergence(compute(compute_histogram, source), mine) for source in (infrared, visible))
        / 2
    )


def _divergence(source: Histogram, fused: Histogram) -> float:
    both = (source > 0) & (fused > 0)
    share = source[both] / source.sum()
    return float((share * np.log2(source[both] / fused[both])).sum() + 0.0)
