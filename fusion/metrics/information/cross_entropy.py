"""Cross entropy (CE): divergence of the gray level distribution from those of the sources.

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
DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Compute the mean divergence of the gray levels from those of both sources.

        CE = (D(A, F) + D(B, F)) / 2,   D(X, F) = sum_l pX(l) log2(pX(l) / pF(l))

    The sum runs over the levels l that occur in both images. Pitfall: because other levels are
    left out, CE is not a distance. It can be negative, and it is 0 for images that share no level.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Not used; this metric has no options.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        Bits, any number; 0 for three equal histograms, lower is better.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    fused_histogram = compute(compute_histogram, fused)
    histograms = [compute(compute_histogram, source) for source in (infrared, visible)]
    return sum(_divergence(histogram, fused_histogram) for histogram in histograms) / 2


def _divergence(source: Histogram, fused: Histogram) -> float:
    """Compute D(X, F) in bits; both histograms have the same number of pixels."""
    occurs_in_both = (source > 0) & (fused > 0)
    share = source[occurs_in_both] / source.sum()
    ratio = source[occurs_in_both] / fused[occurs_in_both]
    return float((share * np.log2(ratio)).sum() + 0.0)  # + 0.0: no -0
