"""Lost contrast: share of the better source's local contrast that the fused image has lost.

Source: own definition, with the local covariance of Wang, Bovik, Sheikh, Simoncelli, "Image quality
assessment: from error visibility to structural similarity", IEEE Trans. Image Process. 13(4), 2004.

The variant ``loss`` of `fusion_artifacts` counts lost edges of both sources, although two different
structures at one place cannot both be kept. Here only the source with the higher contrast counts,
and weak texture counts by its contrast, as an edge does.
"""

from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.filters import FloatImage, convert_to_float, filter_valid
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "Lost contrast"
VARIANTS = {
    "better": Variant("of the better source at each pixel", 0, 1, better="lower"),
    "ir": Variant(
        "only where the infrared image is the better source",
        0,
        1,
        better="lower",
        is_symmetric=False,
    ),
    "vi": Variant(
        "only where the visible image is the better source",
        0,
        1,
        better="lower",
        is_symmetric=False,
    ),
}
UNDEFINED_REASON = "a side is shorter than 9 pixels, or there is no contrast to lose"
SIDE = 9  # of the window, pixels


class Options(BaseModel):
    """Options in tasks.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["better", "ir", "vi"] = "better"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Sum the lost contrast over all windows and divide it by the contrast of the better source.

        sum (sX - rX) / sum sX,   X = A where sA > sB, else B
        rX = cov(F, X) / sX, limited to 0..sX

    s: standard deviation in a window of 9 x 9 pixels that lies wholly inside the image. r is what
    the fused image has of this contrast: all of it for a copy, also with a gain; none if it is
    flat, unrelated, or inverted. If both sources have the same contrast, X is the better retained
    one.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        0 (nothing lost) to 1; lower is better. None if a side is shorter than 9 pixels, or if there
        is no contrast to lose.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    if min(fused.shape) < SIDE:
        return None
    s_a, s_b = (compute(_local_contrast, source, compute) for source in (infrared, visible))
    r_a, r_b = (_retained_contrast(source, fused, compute) for source in (infrared, visible))
    retained = np.where(s_a > s_b, r_a, np.where(s_b > s_a, r_b, np.maximum(r_a, r_b)))
    contrast = np.maximum(s_a, s_b)
    if options.variant != "better":
        is_better = s_a >= s_b if options.variant == "ir" else s_b >= s_a
        contrast, retained = contrast[is_better], retained[is_better]
    total = float(contrast.sum())
    return float((contrast - retained).sum()) / total if total else None


def _retained_contrast(source: Gray, fused: Gray, compute: Evaluator) -> FloatImage:
    """Compute r of every window, (H - 8, W - 8), 0 to s."""
    contrast = compute(_local_contrast, source, compute)
    retained = _local_covariance(source, fused, compute) / np.where(contrast > 0, contrast, 1)
    return np.asarray(np.clip(retained, 0, contrast))


def _local_contrast(image: Gray, compute: Evaluator) -> FloatImage:
    """Compute the standard deviation of every window, (H - 8, W - 8)."""
    return np.asarray(np.sqrt(_local_covariance(image, image, compute)))


def _local_covariance(first: Gray, second: Gray, compute: Evaluator) -> FloatImage:
    """Compute the covariance of every window, (H - 8, W - 8).

    All sums are integers and therefore exact: a flat window has a covariance of exactly 0.
    """
    x, y = compute(convert_to_float, first), compute(convert_to_float, second)
    sums = compute(_sum_windows, x) * compute(_sum_windows, y)
    count = SIDE * SIDE
    return (count * _sum_windows(x * y) - sums) / count**2


def _sum_windows(image: FloatImage) -> FloatImage:
    """Sum every window that lies wholly inside the image."""
    return filter_valid(image, np.ones(SIDE))
