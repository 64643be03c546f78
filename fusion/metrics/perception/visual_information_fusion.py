"""Visual information fidelity for fusion (VIFF), of the source that lost more at each pixel.

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
VARIANTS = {"han": Variant("scale weights of the authors' program", is_symmetric=False)}
UNDEFINED_REASON = "smaller than 41 pixels"
NOISE_VARIANCE = 0.005 * 255**2  # of the human visual system, gray levels squared
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
    """Compute the weighted mean over four scales of the share of visual information kept.

        F_s = (sum n + 1e-7 N) / (sum d + 1e-7 N),   VIFF = sum_s p_s F_s
        n = log10(1 + g^2 v / (sv + s2)),   d = log10(1 + v / s2),   s2 = 0.005 255^2

    At each pixel, n and d are those of the source with the smaller gain g, and of the visible image
    where the gains are equal. Therefore the sources cannot be exchanged where both gains are 0.

    Args:
        infrared: uint8 luminance, (H, W).
        visible: The same.
        fused: The same.
        options: Not used; this metric has no options.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        About 0 (no information) to 1 (a copy of two equal sources), more with more contrast;
        higher is better. None if the images are smaller than 41 pixels (no pixel at the fourth
        scale).

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    total = 0.0
    for scale in np.flatnonzero(SCALE_WEIGHTS).tolist():
        g_a, sv_a, v_a = compute(estimate_scale_gain, infrared, fused, scale, compute)
        g_b, sv_b, v_b = compute(estimate_scale_gain, visible, fused, scale, compute)
        if not g_a.size:
            return None
        # Select the source with the smaller gain at every pixel.
        selects_a = g_a < g_b
        g = np.where(selects_a, g_a, g_b)
        sv = np.where(selects_a, sv_a, sv_b)
        v = np.where(selects_a, v_a, v_b)
        preserved = np.log10(1 + g * g * v / (sv + NOISE_VARIANCE)) + EPSILON
        available = np.log10(1 + v / NOISE_VARIANCE) + EPSILON
        total += float(SCALE_WEIGHTS[scale] * preserved.sum() / available.sum())
    return total
