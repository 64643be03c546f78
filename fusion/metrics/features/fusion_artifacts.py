"""Fusion artifacts (Nabf): the share of edges in the fused image that neither source has.

Source: Petrovic, Xydeas, "Objective image fusion performance characterization", ICCV 2005, as
modified by Shreyamsha Kumar, "Multifocus and multispectral image fusion based on pixel significance
using discrete cosine harmonic wavelet transform", SIViP 7(6), 2013.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.filters import FloatImage
from fusion.metric_parts.gradients import mirrored_sobel_derivatives
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "Nabf"
VARIANTS = {
    "kumar": Variant("artifacts, weighted by the edges of each source", 0, 1, better="lower"),
    "petrovic": Variant(
        "as in the ICCV paper: weighted by the edges of both sources together", 0, 2, better="lower"
    ),
    "port": Variant(
        "``kumar`` as the Python ports compute it: pixels without an edge have weight 0, not 0.001",
        0,
        1,
        better="lower",
    ),
    "loss": Variant("Labf: lost edges of the sources", 0, 1, better="lower"),
    "kept": Variant("Qabf with this metric's constants; kept + loss + kumar = 1", 0, 1),
}
UNDEFINED_REASON = "no source has an edge, or the image has one row or column"
MIN_EDGE_STRENGTH = 2.0  # smallest strength of an edge, gray levels per pixel
NON_EDGE_WEIGHT = 0.001  # weight of a pixel without an edge


class Options(BaseModel):
    """Options in tasks.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["kumar", "petrovic", "port", "loss", "kept"] = "kumar"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Compute the weight of the artifacts: edges stronger in the fused image than in both sources.

        Nabf = sum n ((1 - Q_AF) wA + (1 - Q_BF) wB) / sum(wA + wB),   n = gF > gA and gF > gB
        Q = sqrt(0.9999 / (1 + exp(-19 (G - 0.5))) * 0.9995 / (1 + exp(-22 (D - 0.5))))
        G = min(gX, gF) / max(gX, gF),   D = | |aX - aF| - pi/2 | / (pi/2),   w = g^1.5

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        0 (no artifact) to 1 (``petrovic``: 2); lower is better (``kept``: higher). None for
        ``port`` if no source has an edge, and for every variant if the image has one row or column.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    if min(fused.shape) < 2:
        return None
    # Weights: w = g^1.5 of each source.
    non_edge_weight = 0.0 if options.variant == "port" else NON_EDGE_WEIGHT
    g_a, g_b, g_f = (compute(compute_edges, image)[0] for image in (infrared, visible, fused))
    w_a, w_b = (np.where(g >= MIN_EDGE_STRENGTH, g**1.5, non_edge_weight) for g in (g_a, g_b))
    total = float((w_a + w_b).sum())
    if total == 0:
        return None
    # Preservation of each source's edges.
    q_a, q_b = (
        compute(_compute_preservation_map, source, fused, compute) for source in (infrared, visible)
    )
    if options.variant == "kept":
        return float((q_a * w_a).sum() + (q_b * w_b).sum()) / total
    # Artifacts are where the fused image has the strongest edge, losses everywhere else.
    is_artifact = (g_f > g_a) & (g_f > g_b)
    selected = ~is_artifact if options.variant == "loss" else is_artifact
    if options.variant == "petrovic":
        return float(((2 - q_a - q_b) * (w_a + w_b))[selected].sum()) / total
    not_preserved = (1 - q_a) * w_a + (1 - q_b) * w_b
    return float(not_preserved[selected].sum()) / total


def compute_edges(image: NDArray[np.uint8]) -> list[FloatImage]:
    """Compute strength and orientation of the Sobel gradient over 8, with a mirrored border.

    Args:
        image: uint8 luminance, (H, W).

    Returns:
        g, gray levels per pixel, and a = atan(gx / gy), -pi/2 to pi/2, each (H, W).
    """
    gx, gy = mirrored_sobel_derivatives(image)
    is_zero = gy == 0
    angle = np.arctan(gx / np.where(is_zero, 1, gy))
    angle[is_zero] = np.sign(gx[is_zero]) * np.pi / 2
    return [np.sqrt(gx * gx + gy * gy), angle]


def _compute_preservation_map(source: Gray, fused: Gray, compute: Evaluator) -> FloatImage:
    """Compute Q of every pixel of one source, (H, W), 0 to 1."""
    (g_x, a_x), (g_f, a_f) = compute(compute_edges, source), compute(compute_edges, fused)
    larger = np.maximum(g_x, g_f)
    ratio = np.minimum(g_x, g_f) / np.where(larger > 0, larger, 1)  # G
    alignment = np.abs(np.abs(a_x - a_f) - np.pi / 2) / (np.pi / 2)  # D
    q_strength = 0.9999 / (1 + np.exp(-19 * (ratio - 0.5)))
    return np.asarray(np.sqrt(q_strength * 0.9995 / (1 + np.exp(-22 * (alignment - 0.5)))))
