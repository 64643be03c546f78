"""Feature mutual information (FMI): what 3 x 3 neighborhoods of features tell about the sources'.

Source: Haghighat, Aghagolzadeh, Seyedarabi, "A non-reference image fusion metric based on mutual
information of image features", Comput. Electr. Eng. 37(5), 2011; Haghighat, Razian, "Fast-FMI",
AICT 2014. What papers print as FMI_pixel is mostly the program's default, which is edges.
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
    "edge": Variant("of MATLAB's edge map; the program's default", 0, 1),
    "pixel": Variant("of the gray levels themselves (feature 'none')", 0, 1),
    "gradient": Variant("of the horizontal gradient", 0, 1),
}
COLUMN = VARIANTS["edge"].build_column(TITLE)
UNDEFINED_REASON = "a side is shorter than 3 pixels"
WINDOWS_PER_CHUNK = 1 << 14  # windows at once: 81 joint cells each


class Options(BaseModel):
    """Which of the variants."""

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
    """Mean over the sources and all 3 x 3 windows of `feature_windows.information`.

    Args:
        infrared: uint8 luminance, (H, W).
        visible: Same.
        fused: Same.
        options: The variant.
        compute: How intermediate images are found.

    Returns:
        0 to 1 (a copy of two equal sources). None if a side is shorter than 3 pixels.

    Raises:
        TypeError, ValueError: See `checks.triple`.
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
            view = extract_windows if options.variant == "pixel" else extract_gradient_windows
            total += _mean_information(compute(view, source), compute(view, fused))
    return total / 2


def _mean_information(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    pieces = range(0, len(first), WINDOWS_PER_CHUNK)
    total = sum(
        float(
            normalized_mutual_information(
                first[i : i + WINDOWS_PER_CHUNK], second[i : i + WINDOWS_PER_CHUNK]
            ).sum()
        )
        for i in pieces
    )
    return total / len(first)
