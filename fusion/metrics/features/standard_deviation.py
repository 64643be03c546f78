"""Standard deviation (SD): the spread of the gray levels of the fused image.

Source: Rao, "In-fibre Bragg grating sensors", Meas. Sci. Technol. 8(4), 1997, is what the field
cites; the formula is the textbook's.
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
TITLE = "SD"
VARIANTS = {
    "population": Variant("square root of the mean squared deviation", 0, 127.5, "gray levels"),
    "sample": Variant("divided by N - 1 (MATLAB's std)", 0, None, "gray levels"),
    "columns": Variant(
        "mean over columns of each column's sample deviation (mean(std(image)) in MATLAB)",
        0,
        None,
        "gray levels",
        known_fault="std of a matrix works column by column, so vertical changes alone count",
    ),
}
UNDEFINED_REASON = "one pixel or one row, where the variant divides by N - 1"


class Options(BaseModel):
    """Options in tasks.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["population", "sample", "columns"] = "population"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Compute the standard deviation of the fused image.

        SD = sqrt(1/N sum (F - mean F)^2)

    Args:
        infrared: Not used; every metric takes the same three images.
        visible: Not used.
        fused: uint8 luminance, (H, W).
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        Gray levels, 0 (constant) to 127.5 (half black, half white); higher is better. None for one
        pixel (one row) if the variant divides by N - 1.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    image = compute(convert_to_float, fused)
    if options.variant == "population":
        return float(np.std(image))
    if options.variant == "sample":
        return float(np.std(image, ddof=1)) if image.size > 1 else None
    return float(np.std(image, axis=0, ddof=1).mean()) if len(image) > 1 else None
