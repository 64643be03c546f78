"""Feature mutual information (FMI): mutual information of 3 x 3 feature windows.

Source: Haghighat, Aghagolzadeh, Seyedarabi, "A non-reference image fusion metric based on mutual
information of image features", Comput. Electr. Eng. 37(5), 2011; Haghighat, Razian, "Fast-FMI",
AICT 2014. Pitfall: what papers print as FMI_pixel is mostly the authors' default, which is edges.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.feature_mutual_information import (
    compute_edge_codes,
    extract_gradient_windows,
    extract_windows,
    mean_code_information,
    normalized_mutual_information,
)
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "FMI"
VARIANTS = {
    "edge": Variant("windows of MATLAB's edge map; default of the authors' program", 0, 1),
    "pixel": Variant("windows of gray levels (feature 'none')", 0, 1),
    "gradient": Variant("windows of the horizontal gradient", 0, 1),
}
UNDEFINED_REASON = "a side is shorter than 3 pixels"
WINDOWS_PER_CHUNK = 1 << 14  # limits memory: 81 joint probabilities per window


class Options(BaseModel):
    """Options in tasks.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["edge", "pixel", "gradient"] = "edge"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Average the normalized mutual information over both sources and all 3 x 3 windows.

        FMI = (mean_w I(A_w; F_w) + mean_w I(B_w; F_w)) / 2

    I is `normalized_mutual_information`, 1 for equal windows.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        0 to 1 (a copy of two equal sources); higher is better. None if a side is shorter than 3
        pixels.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    if min(fused.shape) < 3:
        return None
    total = 0.0
    for source in (infrared, visible):
        if options.variant == "edge":
            total += mean_code_information(
                compute(compute_edge_codes, source), compute(compute_edge_codes, fused)
            )
        else:
            extract = extract_windows if options.variant == "pixel" else extract_gradient_windows
            total += _mean_information(compute(extract, source), compute(extract, fused))
    return total / 2


def _mean_information(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    """Average the normalized mutual information of window pairs, chunk by chunk.

    Args:
        first: Windows, (N, 9).
        second: The same.
    """
    total = sum(
        float(
            normalized_mutual_information(
                first[i : i + WINDOWS_PER_CHUNK], second[i : i + WINDOWS_PER_CHUNK]
            ).sum()
        )
        for i in range(0, len(first), WINDOWS_PER_CHUNK)
    )
    return total / len(first)
