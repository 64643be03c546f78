"""Fusion artifacts (Nabf): how much of the fused image's edges comes from neither source.

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
from fusion.metric_parts.filters import FloatImage, convert_to_float
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "Nabf"
VARIANTS = {
    "kumar": Variant("artifacts, weighted by each source", 0, 1, better="lower"),
    "petrovic": Variant("the ICCV paper's: both sources' together", 0, 2, better="lower"),
    "port": Variant(
        "``kumar`` as the Python ports compute it: pixels without an edge weigh 0, not 0.001",
        0,
        1,
        better="lower",
    ),
    "loss": Variant("Labf: edges of the sources that are lost", 0, 1, better="lower"),
    "kept": Variant("Qabf with this metric's constants; kept + loss + kumar = 1", 0, 1),
}
COLUMN = VARIANTS["kumar"].build_column(TITLE)
UNDEFINED_REASON = "no source has an edge, or the image has one row or column"
MIN_EDGE_STRENGTH = 2.0  # least strength that counts as an edge, gray levels per pixel
NON_EDGE_WEIGHT = 0.001  # weight of a pixel without an edge


class Options(BaseModel):
    """Which of the variants."""

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
    """Weight of the edges that are not the sources', where the fused image's edge is the strongest.

        Nabf = sum n ((1 - Q_AF) wA + (1 - Q_BF) wB) / sum(wA + wB),   n = gF > gA and gF > gB
        Q = sqrt(0.9999 / (1 + exp(-19 (G - 0.5))) * 0.9995 / (1 + exp(-22 (D - 0.5))))
        G = min(gX, gF) / max(gX, gF),   D = | |aX - aF| - pi/2 | / (pi/2),   w = g^1.5

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, same.
        fused: F, same.
        options: The variant.
        compute: How intermediate images are found.

    Returns:
        0 (no artifact) to 1; lower is better. None for ``port`` if no source has an edge, or if
        the image has one row or column.

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    validation.check_images(infrared, visible, fused)
    if min(fused.shape) < 2:
        return None
    least = 0.0 if options.variant == "port" else NON_EDGE_WEIGHT
    strengths = [compute(compute_edges, image)[0] for image in (infrared, visible, fused)]
    weights = [np.where(g >= MIN_EDGE_STRENGTH, g**1.5, least) for g in strengths[:2]]
    total = float((weights[0] + weights[1]).sum())
    if total == 0:
        return None
    kept = [
        compute(_compute_preservation_map, source, fused, compute) for source in (infrared, visible)
    ]
    if options.variant == "kept":
        return float(sum((q * w).sum() for q, w in zip(kept, weights, strict=True))) / total
    new = (strengths[2] > strengths[0]) & (strengths[2] > strengths[1])
    where = ~new if options.variant == "loss" else new
    if options.variant == "petrovic":
        return float(((2 - kept[0] - kept[1]) * (weights[0] + weights[1]))[where].sum()) / total
    lost = (1 - kept[0]) * weights[0] + (1 - kept[1]) * weights[1]
    return float(lost[where].sum()) / total


def compute_edges(image: NDArray[np.uint8]) -> list[FloatImage]:
    """Strength and direction of the Sobel gradient over 8, the border mirrored."""
    import cv2

    wide = convert_to_float(image)
    along, down = (
        np.asarray(cv2.Sobel(wide, cv2.CV_64F, *axes, ksize=3, scale=1 / 8), np.float64)
        for axes in ((1, 0), (0, 1))
    )
    level = down == 0
    angle = np.arctan(along / np.where(level, 1, down))
    angle[level] = np.sign(along[level]) * np.pi / 2
    return [np.sqrt(along * along + down * down), angle]


def _compute_preservation_map(source: Gray, fused: Gray, compute: Evaluator) -> FloatImage:
    """Q of every pixel, (H, W)."""
    (mine, turned), (theirs, direction) = (
        compute(compute_edges, source),
        compute(compute_edges, fused),
    )
    most = np.maximum(mine, theirs)
    ratio = np.minimum(mine, theirs) / np.where(most > 0, most, 1)
    along = np.abs(np.abs(turned - direction) - np.pi / 2) / (np.pi / 2)
    strength = 0.9999 / (1 + np.exp(-19 * (ratio - 0.5)))
    return np.asarray(np.sqrt(strength * 0.9995 / (1 + np.exp(-22 * (along - 0.5)))))
