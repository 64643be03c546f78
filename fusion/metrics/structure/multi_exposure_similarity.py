"""MEF-SSIM: structural similarity to the desired patches of both sources, on three scales.

Source: Ma, Zeng, Wang, "Perceptual quality assessment for multi-exposure image fusion", IEEE Trans.
Image Process. 24(11), 2015. Pitfall: part of the fusion literature prints it as "MS-SSIM".
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
VARIANTS = {"ma": Variant("three scales, both sources combined", 0, 1)}
SCALE_WEIGHTS = np.array([0.0448, 0.2856, 0.3001]) / 0.6305
DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Compute the similarity of the fused image to the desired patches over three scales.

        MEF-SSIM = prod_s Q_s^w_s

    Q_s: see `mef_ssim.compute_scale_quality`. A scale with a negative mean counts as 0 (its power
    is undefined); `note` reports it.

    Args:
        infrared: uint8 luminance, (H, W).
        visible: The same.
        fused: The same.
        options: Not used; this metric has no options.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        0 to 1; higher is better. None if the images are smaller than 41 pixels.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    qualities = _get_scale_qualities(infrared, visible, fused, compute)
    if qualities is None:
        return None
    terms = [max(q, 0.0) ** w for q, w in zip(qualities, SCALE_WEIGHTS, strict=True)]
    return float(np.prod(terms))


def note(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> str:
    """Explain a special value of `measure`; empty if there is nothing to explain."""
    qualities = _get_scale_qualities(infrared, visible, fused, compute)
    if qualities is None:
        return "smaller than 41 pixels"
    return "a negative scale counts as 0" if min(qualities) < 0 else ""


def _get_scale_qualities(
    infrared: Gray, visible: Gray, fused: Gray, compute: Evaluator
) -> list[float] | None:
    """Compute Q_s of each scale; None if the images are smaller than 41 pixels."""
    validation.check_images(infrared, visible, fused)
    if min(fused.shape) < 41:
        return None
    return compute(_compute_scale_qualities, infrared, visible, fused, compute)


def _compute_scale_qualities(
    infrared: Gray, visible: Gray, fused: Gray, compute: Evaluator
) -> list[float]:
    pyramids = (compute(build_pyramid, image, 3) for image in (infrared, visible, fused))
    return [compute_scale_quality(a, b, f, compute) for a, b, f in zip(*pyramids, strict=True)]
