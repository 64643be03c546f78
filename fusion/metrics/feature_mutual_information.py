"""Feature mutual information (FMI): what 3 x 3 neighbourhoods of features tell about the sources'.

Source: Haghighat, Aghagolzadeh, Seyedarabi, "A non-reference image fusion metric based on mutual
information of image features", Comput. Electr. Eng. 37(5), 2011; Haghighat, Razian, "Fast-FMI",
AICT 2014. What papers print as FMI_pixel is mostly the program's default, which is edges.
"""

from typing import Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from bench.images import Gray
from fusion.metrics._parts import checks
from fusion.metrics._parts.feature_windows import (
    edge_codes,
    information,
    mean_of_codes,
    slope_windows,
    windows,
)
from fusion.metrics._parts.sharing import Compute, directly
from fusion.metrics._parts.variants import Variant

VERSION = 1
TITLE = "FMI"
VARIANTS = {
    "edge": Variant("of MATLAB's edge map; the program's default", 0, 1),
    "pixel": Variant("of the grey levels themselves (feature 'none')", 0, 1),
    "gradient": Variant("of the horizontal gradient", 0, 1),
}
COLUMN = VARIANTS["edge"].column(TITLE)
UNDEFINED = "a side is shorter than 3 pixels"
PIECE = 1 << 14  # windows at once: 81 joint cells each


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
    compute: Compute = directly,
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
    checks.triple(infrared, visible, fused)
    if min(fused.shape) < 3:
        return None
    total = 0.0
    for source in (infrared, visible):
        if options.variant == "edge":
            total += mean_of_codes(compute(edge_codes, source), compute(edge_codes, fused))
        else:
            view = windows if options.variant == "pixel" else slope_windows
            total += _mean(compute(view, source), compute(view, fused))
    return total / 2


def _mean(first: NDArray[np.float64], second: NDArray[np.float64]) -> float:
    pieces = range(0, len(first), PIECE)
    total = sum(
        float(information(first[i : i + PIECE], second[i : i + PIECE]).sum()) for i in pieces
    )
    return total / len(first)
