"""Edge preservation (Qabf): preservation of the sources' edge strength and orientation.

Source: Xydeas, Petrovic, "Objective image fusion performance measure", Electron. Lett. 36(4), 2000.
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.filters import FloatImage
from fusion.metric_parts.gradients import edge_orientation, edge_strength, signed_edge_orientation
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "Qabf"
VARIANTS = {
    "standard": Variant("constants of the source; as in every toolbox", 0, 1),
    "eq1": Variant("the same, but equal strengths are fully preserved (G = 1)", 0, 1),
    "liu": Variant(
        "other constants, wrapped angle, mean of the ratio of each pixel (Z. Liu's)", 0, 1
    ),
}
UNDEFINED_REASON = "no source has an edge"


class Options(BaseModel):
    """Options in tasks.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["standard", "eq1", "liu"] = "standard"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Compute the edge preservation, weighted by the edge strength in the sources.

        Qabf = sum(Q_AF gA + Q_BF gB) / sum(gA + gB)
        Q = 0.9994 / (1 + exp(-15 (G - 0.5))) * 0.9879 / (1 + exp(-22 (A - 0.8)))
        G = min(gX, gF) / max(gX, gF),   A = 1 - |aX - aF| / (pi / 2)

    g is the Sobel edge strength, a its orientation. Pitfall: where gX = gF, every toolbox takes
    G = gF instead of 1, and so does the standard variant.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        0 (no edge preserved) to 0.975 (all preserved); higher is better. None if no source has an
        edge (both are black).

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    if options.variant == "liu":
        return _mean_preservation(infrared, visible, fused, compute)
    preserved, total = 0.0, 0.0
    equal_is_one = options.variant == "eq1"
    for source in (infrared, visible):
        g = compute(edge_strength, source)
        q = compute(compute_preservation_map, source, fused, equal_is_one, compute)
        preserved += float((q * g).sum())
        total += float(g.sum())
    return preserved / total if total else None


def compute_preservation_map(
    source: Gray, fused: Gray, equal_is_one: bool, compute: Evaluator
) -> FloatImage:
    """Compute Q of every pixel of one source.

    Args:
        source: uint8 luminance, (H, W).
        fused: The same.
        equal_is_one: Whether G is 1 where both strengths are equal; otherwise it is gF.
        compute: See `measure`.

    Returns:
        (H, W), 0 to 0.975.
    """
    # Strength: ratio of the smaller to the larger one.
    g_x, g_f = compute(edge_strength, source), compute(edge_strength, fused)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 / 0 is replaced in the next line
        ratio = np.minimum(g_x, g_f) / np.maximum(g_x, g_f)
    ratio = np.where(g_x == g_f, 1.0 if equal_is_one else g_f, ratio)
    # Orientation: 1 - A, the angle between both edges over pi / 2.
    angle = np.abs(compute(edge_orientation, source) - compute(edge_orientation, fused))
    # Sigmoid of both.
    q_strength = 0.9994 / (1 + np.exp(-15 * (ratio - 0.5)))
    q_orientation = 0.9879 / (1 + np.exp(-22 * (0.2 - angle / (np.pi / 2))))
    return np.asarray(q_strength * q_orientation)


def _mean_preservation(infrared: Gray, visible: Gray, fused: Gray, compute: Evaluator) -> float:
    """Compute Z. Liu's variant: the mean over all pixels of each pixel's preserved share.

    Pixels where no source has an edge weigh as much as the others.
    """
    preserved, total = np.zeros(fused.shape), np.zeros(fused.shape)
    g_f, a_f = compute(edge_strength, fused), compute(signed_edge_orientation, fused)
    epsilon = np.finfo(np.float64).eps
    for source in (infrared, visible):
        g_x, a_x = compute(edge_strength, source), compute(signed_edge_orientation, source)
        larger = np.maximum(g_x, g_f)
        is_edge = larger > 0
        ratio = np.where(is_edge, np.minimum(g_x, g_f) / np.where(is_edge, larger, 1), 1.0)
        alignment = np.abs(np.abs(a_x - a_f) - np.pi / 2) / (np.pi / 2)
        quality = 1 / (1 + np.exp(-10 * (ratio - 0.5))) / (1 + np.exp(-20 * (alignment - 0.75)))
        preserved += quality * (g_x + epsilon)
        total += g_x + epsilon
    return float((preserved / total).mean())
