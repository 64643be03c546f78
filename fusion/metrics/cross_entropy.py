"""Cross entropy (CE): how far the grey levels' distribution is from those of the sources.

Source: Bulanon, Burks, Alchanatis, "Image fusion of visible and thermal images for fruit
detection", Biosyst. Eng. 103(1), 2009.
"""

import numpy as np

from bench.images import Gray
from bench.plugins import Nothing as Options
from fusion.metrics._parts import checks
from fusion.metrics._parts.histograms import Counts, counts
from fusion.metrics._parts.sharing import Compute, directly
from fusion.metrics._parts.variants import Variant

VERSION = 1
TITLE = "CE"
VARIANTS = {
    "mean": Variant("mean over the two sources (VIFB)", None, None, "bit", better="lower"),
}
COLUMN = VARIANTS["mean"].column(TITLE)


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Compute = directly,
) -> float | None:
    """Mean divergence of the fused image's grey levels from those of the two sources.

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
    checks.triple(infrared, visible, fused)
    mine = compute(counts, fused)
    return sum(_divergence(compute(counts, source), mine) for source in (infrared, visible)) / 2


def _divergence(source: Counts, fused: Counts) -> float:
    both = (source > 0) & (fused > 0)
    share = source[both] / source.sum()
    return float((share * np.log2(source[both] / fused[both])).sum() + 0.0)
