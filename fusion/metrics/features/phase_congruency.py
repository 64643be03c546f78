"""Phase congruency (PC): how well the fused image preserves the features of the sources.

Source: Zhao, Laganiere, Liu, "Performance assessment of combinative pixel-level image fusion based
on an absolute feature measurement", Int. J. Innov. Comput. Inf. Control 3(6A), 2007; Liu, Forsyth,
Laganiere, "A feature-based metric ...", Comput. Vis. Image Underst. 109(1), 2008.
"""

import math
from functools import reduce
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
    "liu": Variant("as in Z. Liu's program", -1, 1),
    "kovesi": Variant("with the low-pass filter corrected for odd sizes (MFIF)", -1, 1),
}
UNDEFINED_REASON = "the sources have no feature, or the fused image is constant"
WINDOW = gaussian_window(11, 1.5)
FEATURE_THRESHOLD = 0.1  # a pixel is a feature above this phase congruency
EPSILON = 1e-4

FeatureMap = NDArray[Any]  # float64 or float32


class Options(BaseModel):
    """Options in tasks.yaml."""

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
    """Multiply three feature correlations: of phase congruency and of its two moments.

        PC = P_p P_M P_m,   P = sum max(C_AF, C_BF, C_SF) / features

    Features are the pixels where the maximum congruency of the sources exceeds 0.1. C_XF is the
    local correlation of the maps of X and F in an 11 x 11 Gaussian window where X has a feature,
    and 0 elsewhere. S takes each pixel from the source with the larger congruency.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        -1 to 1, about 0 if features are lost; higher is better. A copy of two equal sources stays
        below 1 (how far depends on the image), because the sources' maps are masked and the fused
        image's map is not. The lower bound: |cov| <= sX sF, so C = (cov + e) / (sX sF + e), e > 0,
        is above -1 and at most 1, and so are the means P and their product. None if the sources
        have no feature or the fused image is constant.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    if fused.min() == fused.max():
        return None
    settings = options.variant, compute.precision
    first_maps, second_maps, fused_maps = (
        compute(compute_phase_congruency, image, *settings) for image in (infrared, visible, fused)
    )
    sources = compute(_prepare_source_maps, first_maps, second_maps)
    if not sources:
        return None
    moments = compute(_prepare_fused_maps, fused_maps)
    return math.prod(_feature_correlation(sources[part], moments[part]) for part in range(3))


def _feature_correlation(sources: list[list[FeatureMap]], fused: list[FeatureMap]) -> float:
    """Compute P of one map: the mean over the features of the maximum local correlation."""
    fused_map, mean, variance = fused
    correlations = []
    for masked_map, source_mean, source_variance, mask in sources:
        covariance = filter_same(masked_map * fused_map, WINDOW) - source_mean * mean
        deviation = np.sqrt(np.abs(source_variance * variance))
        correlations.append((covariance + EPSILON) / (deviation + EPSILON) * mask)
    maximum = reduce(np.maximum, correlations)
    feature_mask = sources[-1][3]
    mean_correlation = maximum.sum(dtype=np.float64) / feature_mask.sum(dtype=np.float64)
    return min(float(mean_correlation), 1.0)  # only a rounding error exceeds 1


def _prepare_source_maps(
    first: list[FeatureMap], second: list[FeatureMap]
) -> list[list[list[FeatureMap]]]:
    """Mask the sources' maps and compute their local moments.

    Args:
        first: Maps of A: phase congruency, maximum moment, minimum moment.
        second: The same of B.

    Returns:
        Per map, for A, B and S: masked map, local mean, local variance, feature mask. Empty if
        there is no feature.
    """
    is_first_larger = first[0] > second[0]
    maximum = np.maximum(first[0], second[0])
    if not (maximum > FEATURE_THRESHOLD).any():
        return []
    masks = [
        (congruency > FEATURE_THRESHOLD).astype(maximum.dtype)
        for congruency in (first[0], second[0], maximum)
    ]
    prepared = []
    for a, b in zip(first, second, strict=True):
        maps = a, b, np.where(is_first_larger, a, b)
        prepared.append(
            [[*_local_moments(x * mask), mask] for x, mask in zip(maps, masks, strict=True)]
        )
    return prepared


def _prepare_fused_maps(maps: list[FeatureMap]) -> list[list[FeatureMap]]:
    """Compute for every map: the map, its local mean and its local variance."""
    return [_local_moments(feature_map) for feature_map in maps]


def _local_moments(image: FeatureMap) -> list[FeatureMap]:
    """Compute the local mean and variance of a map; the map itself comes first."""
    mean = filter_same(image, WINDOW)
    return [image, mean, filter_same(image * image, WINDOW) - mean * mean]
