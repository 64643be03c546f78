"""Edge preservation (Qabf): how well the fused image keeps strength and direction of edges.

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
    "standard": Variant("the letter's constants; as every toolbox", 0, 1),
    "eq1": Variant("the same, but equal strengths are kept wholly (G = 1)", 0, 1),
    "liu": Variant("other constants, wrapped angle, mean of each pixel's ratio (Z. Liu's)", 0, 1),
}
COLUMN = VARIANTS["standard"].build_column(TITLE)
UNDEFINED_REASON = "no source has an edge"


class Options(BaseModel):
    """Which of the variants."""

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
    """Preserved edges, weighted by the strength that they have in the sources.

        Qabf = sum(Q_AF gA + Q_BF gB) / sum(gA + gB)
        Q = 0.9994 / (1 + exp(-15 (G - 0.5))) * 0.9879 / (1 + exp(-22 (A - 0.8)))
        G = min(gX, gF) / max(gX, gF),   A = 1 - |aX - aF| / (pi / 2)

    Where gX = gF, every toolbox takes G = gF instead of 1, and so does the standard variant.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, same.
        fused: F, same.
        options: The variant.
        compute: How intermediate images are found.

    Returns:
        0 (no edge kept) to 0.975 (all kept). None if no source has an edge (both are black).

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    validation.check_images(infrared, visible, fused)
    if options.variant == "liu":
        return _mean_preservation(infrared, visible, fused, compute)
    kept, there = 0.0, 0.0
    equal = options.variant == "eq1"
    for source in (infrared, visible):
        g = compute(edge_strength, source)
        kept += float((compute(compute_preservation_map, source, fused, equal, compute) * g).sum())
        there += float(g.sum())
    return kept / there if there else None


def compute_preservation_map(
    source: Gray, fused: Gray, equal_is_kept: bool, compute: Evaluator
) -> FloatImage:
    """Q of every pixel of one source, (H, W)."""
    mine, theirs = compute(edge_strength, source), compute(edge_strength, fused)
    with np.errstate(divide="ignore", invalid="ignore"):  # 0 / 0 is replaced in the next line
        ratio = np.minimum(mine, theirs) / np.maximum(mine, theirs)
    ratio = np.where(mine == theirs, 1.0 if equal_is_kept else theirs, ratio)
    turned = np.abs(compute(edge_orientation, source) - compute(edge_orientation, fused))
    kept_strength = 0.9994 / (1 + np.exp(-15 * (ratio - 0.5)))
    kept_direction = 0.9879 / (1 + np.exp(-22 * (0.2 - turned / (np.pi / 2))))
    return np.asarray(kept_strength * kept_direction)


def _mean_preservation(infrared: Gray, visible: Gray, fused: Gray, compute: Evaluator) -> float:
    """Mean over all pixels of the preserved share; sources without an edge weigh the same."""
    kept, there = np.zeros(fused.shape), np.zeros(fused.shape)
    target, angle = compute(edge_strength, fused), compute(signed_edge_orientation, fused)
    tiny = np.finfo(np.float64).eps
    for source in (infrared, visible):
        g = compute(edge_strength, source)
        most = np.maximum(g, target)
        ratio = np.where(most > 0, np.minimum(g, target) / np.where(most > 0, most, 1), 1.0)
        turned = np.abs(np.abs(compute(signed_edge_orientation, source) - angle) - np.pi / 2) / (
            np.pi / 2
        )
        quality = 1 / (1 + np.exp(-10 * (ratio - 0.5))) / (1 + np.exp(-20 * (turned - 0.75)))
        kept += quality * (g + tiny)
        there += g + tiny
    return float((kept / there).mean())
