"""Visual information fidelity for fusion (VIFF): at every place, the source that lost more.

Source: Han, Cai, Cao, Xu, "A new image fusion performance metric based on visual information
fidelity", Inf. Fusion 14(2), 2013.
"""

import numpy as np

from fusebench.contracts import NoOptions as Options
from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.vif import estimate_scale_gain
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "VIFF"
VARIANTS = {"han": Variant("weights of the authors' program", is_symmetric=False)}
COLUMN = VARIANTS["han"].build_column(TITLE)
UNDEFINED_REASON = "smaller than 41 pixels"
NOISE_VARIANCE = 0.005 * 255**2
SCALE_WEIGHTS = np.array([1, 0, 0.15, 1]) / 2.15
EPSILON = 1e-7


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Weighted mean over four scales of the share of visual information that arrived.

        F_s = (sum n + 1e-7 N) / (sum d + 1e-7 N),   VIFF = sum_s p_s F_s
        n = log10(1 + g^2 v / (sv + s2)),   d = log10(1 + v / s2),   s2 = 0.005 255^2

    n and d are those of the source with the smaller gain g at that pixel; of the visible image
    where the gains are equal, so that the sources may not be exchanged where both have gain 0.

    Args:
        infrared: uint8 luminance, (H, W).
        visible: Same.
        fused: Same.
        options: Nothing to set.
        compute: How intermediate images are found.

    Returns:
        About 0 (nothing) to 1 (a copy of two equal sources), more with more contrast. None if
        the images are smaller than 41 pixels (no pixel at the fourth scale).

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    validation.check_images(infrared, visible, fused)
    total = 0.0
    for scale in np.flatnonzero(SCALE_WEIGHTS).tolist():
        g_a, sv_a, v_a = compute(estimate_scale_gain, infrared, fused, scale, compute)
        g_b, sv_b, v_b = compute(estimate_scale_gain, visible, fused, scale, compute)
        if not g_a.size:
            return None
        first = g_a < g_b
        g, sv, v = np.where(first, g_a, g_b), np.where(first, sv_a, sv_b), np.where(first, v_a, v_b)
        kept = np.log10(1 + g * g * v / (sv + NOISE_VARIANCE)) + EPSILON
        there = np.log10(1 + v / NOISE_VARIANCE) + EPSILON
        total += float(SCALE_WEIGHTS[scale] * kept.sum() / there.sum())
    return total
