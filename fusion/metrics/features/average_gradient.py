"""Average gradient (AG): the mean gradient magnitude of the fused image.

Source: Cui, Feng, Xu, Li, Chen, "Detail preserved fusion of visible and infrared images using
regional saliency extraction and multi-scale image decomposition", Opt. Commun. 341, 2015.
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.filters import FloatImage, convert_to_float
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "AG"
VARIANTS = {
    "central": Variant("central differences, mean over all pixels", 0, 255, "gray levels"),
    "m1n1": Variant(
        "central differences, sum divided by (H - 1)(W - 1) (VIFB, MEFB and their ports)",
        0,
        None,
        "gray levels",
    ),
    "forward": Variant(
        "forward differences to the right and lower pixel, 0 at the border (MFIF)",
        0,
        255,
        "gray levels",
    ),
}
UNDEFINED_REASON = "the image has one row or column"


class Options(BaseModel):
    """Options in tasks.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["central", "m1n1", "forward"] = "central"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Compute the mean gradient magnitude divided by sqrt 2.

        AG = mean sqrt((Fx^2 + Fy^2) / 2)

    Fx, Fy are central differences, one-sided at the border.

    Args:
        infrared: Not used; every metric takes the same three images.
        visible: Not used.
        fused: uint8 luminance, (H, W).
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        Gray levels per pixel, 0 (constant) to 255; higher is better. None if the image has one row
        or column.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    height, width = fused.shape
    if min(height, width) < 2:
        return None
    image = compute(convert_to_float, fused)
    if options.variant == "forward":
        fx = np.diff(image, axis=1, append=image[:, -1:])
        fy = np.diff(image, axis=0, append=image[-1:])
        return float(_scaled_magnitude(fx, fy).mean())
    magnitude = _scaled_magnitude(np.gradient(image, axis=1), np.gradient(image, axis=0))
    divisor = height * width if options.variant == "central" else (height - 1) * (width - 1)
    return float(magnitude.sum() / divisor)


def _scaled_magnitude(fx: FloatImage, fy: FloatImage) -> FloatImage:
    return np.asarray(np.sqrt((fx * fx + fy * fy) / 2))
