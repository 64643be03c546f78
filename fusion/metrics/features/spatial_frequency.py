"""Spatial frequency (SF): the root mean square difference of neighboring pixels.

Source: Eskicioglu, Fisher, "Image quality measures and their performance", IEEE Trans. Commun.
43(12), 1995.
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.filters import convert_to_float
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "SF"
VARIANTS = {
    "differences": Variant(
        "each sum divided by its own number of differences", 0, 361, "gray levels"
    ),
    "mn": Variant("both sums divided by the number of pixels (VIFB, MEFB)", 0, 361, "gray levels"),
}


class Options(BaseModel):
    """Options in tasks.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["differences", "mn"] = "differences"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Compute the root mean square of the differences to the left and upper neighbor.

        SF = sqrt(mean (F(i,j) - F(i,j-1))^2 + mean (F(i,j) - F(i-1,j))^2)

    Args:
        infrared: Not used; every metric takes the same three images.
        visible: Not used.
        fused: uint8 luminance, (H, W).
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        Gray levels, 0 (constant) to 255 sqrt 2 (a black and white chessboard); higher is better.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    image = compute(convert_to_float, fused)
    power = 0.0
    for axis in (0, 1):
        differences = np.diff(image, axis=axis).ravel()
        count = differences.size if options.variant == "differences" else image.size
        power += float(differences @ differences) / count if differences.size else 0.0
    return float(np.sqrt(power))
