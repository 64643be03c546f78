"""Spurious lines: thin dark or bright lines, e.g. outlines, that neither source has.

Source: own definition with the top-hat transforms of Serra, "Image analysis and mathematical
morphology", Academic Press, 1982.

`fusion_artifacts` (Nabf) and `spurious_gradient` compare edges: an outline along an edge of a
source has hardly any new gradient. The line is new, and counts here.
"""

from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.source_excess import compute_excess
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "Spurious lines"
VARIANTS = {
    "both": Variant("dark and bright lines", 0, 255, "gray levels", better="lower"),
    "dark": Variant("dark lines only", 0, 255, "gray levels", better="lower"),
    "bright": Variant("bright lines only", 0, 255, "gray levels", better="lower"),
}
WINDOW = np.ones((5, 5), np.uint8)  # lines are up to 4 pixels wide


class Options(BaseModel):
    """Options in tasks.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["both", "dark", "bright"] = "both"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Average the depth of lines that is larger than the sources can explain.

        mean e(B) + e(W),   B(X) = closing of X - X,   W(X) = X - opening of X
        e(T) = max(0, T(F) - 1.5 max over 3 x 3 pixels of max(T(A), T(B)))

    The windows are squares of 5 x 5 pixels, so that B is the depth of dark structures of up to 4
    pixels in width, and W that of bright ones. A copy of a source has no such lines. A pixelwise
    maximum has some, and an average has some of half their depth: if one source is bright up to an
    edge and the other one from a few pixels behind it, the gap between them is a dark line.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        Gray levels, 0 or more; lower is better.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    transforms = {"dark": (_black_top_hat,), "bright": (_white_top_hat,)}
    total = 0.0
    for transform in transforms.get(options.variant, (_black_top_hat, _white_top_hat)):
        a, b, f = (compute(transform, image) for image in (infrared, visible, fused))
        total += float(compute_excess(a, b, f, compute).mean())
    return total


def _black_top_hat(image: Gray) -> NDArray[Any]:
    """Compute the depth of dark lines, uint8, (H, W)."""
    import cv2

    return np.asarray(cv2.morphologyEx(image, cv2.MORPH_BLACKHAT, WINDOW))


def _white_top_hat(image: Gray) -> NDArray[Any]:
    """Compute the height of bright lines, uint8, (H, W)."""
    import cv2

    return np.asarray(cv2.morphologyEx(image, cv2.MORPH_TOPHAT, WINDOW))
