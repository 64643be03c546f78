"""Structural similarity to the best of both sources (MEF-SSIM), on three scales.

Source: Ma, Zeng, Wang, "Perceptual quality assessment for multi-exposure image fusion", IEEE Trans.
Image Process. 24(11), 2015. Part of the fusion literature prints it as "MS-SSIM".
"""

import numpy as np

from fusebench.contracts import NoOptions as Options
from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.mef_ssim import compute_scale_quality
from fusion.metric_parts.ms_ssim import build_pyramid
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "MEF-SSIM"
VARIANTS = {"ma": Variant("three scales, both sources at once", 0, 1)}
COLUMN = VARIANTS["ma"].build_column(TITLE)
SCALE_WEIGHTS = np.array([0.0448, 0.2856, 0.3001]) / 0.6305


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Similarity of the fused image's patches to those that Ma et al. want, over three scales.

        MEF-SSIM = prod_s Q_s^w_s

    A scale whose mean is negative counts as 0 (its power is undefined); `note` says so.

    Args:
        infrared: uint8 luminance, (H, W).
        visible: Same.
        fused: Same.
        options: Nothing to set.
        compute: How intermediate images are found.

    Returns:
        0 to 1. None if the images are smaller than 41 pixels.

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    found = _get_scale_qualities(infrared, visible, fused, compute)
    if found is None:
        return None
    return float(np.prod([max(q, 0.0) ** w for q, w in zip(found, SCALE_WEIGHTS, strict=True)]))


def note(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> str:
    """What is to be said of the value; empty if nothing."""
    found = _get_scale_qualities(infrared, visible, fused, compute)
    if found is None:
        return "smaller than 41 pixels"
    return "a negative scale counts as 0" if min(found) < 0 else ""


def _get_scale_qualities(
    infrared: Gray, visible: Gray, fused: Gray, compute: Evaluator
) -> list[float] | None:
    validation.check_images(infrared, visible, fused)
    if min(fused.shape) < 41:
        return None
    return compute(_compute_scale_qualities, infrared, visible, fused, compute)


def _compute_scale_qualities(
    infrared: Gray, visible: Gray, fused: Gray, compute: Evaluator
) -> list[float]:
    pyramids = (compute(build_pyramid, image, 3) for image in (infrared, visible, fused))
    return [compute_scale_quality(a, b, f, compute) for a, b, f in zip(*pyramids, strict=True)]
