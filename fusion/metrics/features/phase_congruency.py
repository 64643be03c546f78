"""Phase congruency (PC): how the image features of the sources return in the fused image.

Source: Zhao, Laganiere, Liu, "Performance assessment of combinative pixel-level image fusion based
on an absolute feature measurement", Int. J. Innov. Comput. Inf. Control 3(6A), 2007; Liu, Forsyth,
Laganiere, "A feature-based metric ...", Comput. Vis. Image Underst. 109(1), 2008.
"""

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.filters import filter_same, gaussian_window
from fusion.metric_parts.phase_congruency import compute_phase_congruency
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "PC"
VARIANTS = {
    "liu": Variant("as Z. Liu's program", -1, 1),
    "kovesi": Variant("the low-pass filter of odd sizes put right (MFIF)", -1, 1),
}
COLUMN = VARIANTS["liu"].build_column(TITLE)
UNDEFINED_REASON = "the sources have no feature, or the fused image is constant"
WINDOW = gaussian_window(11, 1.5)
FEATURE_THRESHOLD = 0.1  # least phase congruency of a feature
EPSILON = 1e-4

FeatureMap = NDArray[Any]  # float64 or float32


class Options(BaseModel):
    """Which of the variants."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["liu", "kovesi"] = "liu"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Product of three feature correlations: of phase congruency and of its two moments.

        PC = P_p P_M P_m,   P = sum max(C_AF, C_BF, C_SF) / features

    Features are the pixels where the larger congruency of the sources exceeds 0.1; C_XF is the
    local correlation of the maps of X and F in an 11 x 11 Gaussian window where X has a feature,
    else 0. S takes each pixel from the source with the larger congruency.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, same.
        fused: F, same.
        options: The variant.
        compute: How intermediate images are found.

    Returns:
        -1 to 1, nearly 0 where features are lost. A copy of two equal sources stays below 1 (how
        far depends on the image), because the sources' maps are masked and the fused image's is
        not. Never below -1: a covariance is no larger than both deviations together, so that each
        C = (cov + e) / (sX sF + e), e > 0, lies above -1 and not above 1, and so do their means P
        and the product. None if the sources have no feature or the fused image is constant.

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    validation.check_images(infrared, visible, fused)
    if fused.min() == fused.max():
        return None
    settings = options.variant, compute.precision
    first, second, mine = (
        compute(compute_phase_congruency, image, *settings) for image in (infrared, visible, fused)
    )
    sources = compute(_prepare_source_maps, first, second)
    if not sources:
        return None
    of_fused = compute(_prepare_fused_maps, mine)
    return math.prod(_feature_correlation(sources[part], of_fused[part]) for part in range(3))


def _feature_correlation(sources: list[list[FeatureMap]], fused: list[FeatureMap]) -> float:
    """P of one map."""
    image, mean, variance = fused
    best = None
    for masked, mean_x, variance_x, mask in sources:
        covariance = filter_same(masked * image, WINDOW) - mean_x * mean
        ratio = (covariance + EPSILON) / (np.sqrt(np.abs(variance_x * variance)) + EPSILON)
        ratio *= mask
        best = ratio if best is None else np.maximum(best, ratio)
    assert best is not None
    found: float = best.sum(dtype=np.float64) / sources[-1][3].sum(dtype=np.float64)
    return min(float(found), 1.0)  # rounding alone gets above 1


def _prepare_source_maps(
    first: list[FeatureMap], second: list[FeatureMap]
) -> list[list[list[FeatureMap]]]:
    """Per map, of A, B and the larger of both: masked map, local mean, local variance, mask.

    Empty if there is no feature.
    """
    larger = first[0] > second[0]
    top = np.maximum(first[0], second[0])
    if not (top > FEATURE_THRESHOLD).any():
        return []
    masks = [(where > FEATURE_THRESHOLD).astype(top.dtype) for where in (first[0], second[0], top)]
    found = []
    for a, b in zip(first, second, strict=True):
        maps = a, b, np.where(larger, a, b)
        found.append(
            [[*_local_moments(x * mask), mask] for x, mask in zip(maps, masks, strict=True)]
        )
    return found


def _prepare_fused_maps(maps: list[FeatureMap]) -> list[list[FeatureMap]]:
    """Of every map: itself, its local mean and its local variance."""
    return [_local_moments(one) for one in maps]


def _local_moments(image: FeatureMap) -> list[FeatureMap]:
    """The map, its local mean and its local variance."""
    mean = filter_same(image, WINDOW)
    return [image, mean, filter_same(image * image, WINDOW) - mean * mean]
