"""Mutual information (MI) of the fused image's gray levels with those of both sources.

Source: Qu, Zhang, Yan, "Information measure for performance of image fusion", Electron. Lett.
38(7), 2002; normalized: Hossny, Nahavandi, Bhatti, "Comments on ...", Electron. Lett. 44(18), 2008.
"""

import math
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import validation
from fusion.metric_parts.histograms import (
    compute_histogram,
    compute_joint_histogram,
    entropy,
    merge_top_levels,
)
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "MI"
VARIANTS = {
    "bits": Variant("sum over the sources, in bits", 0, 16, "bit"),
    "nats": Variant("the same, natural logarithm (CDDFuse, scikit-learn)", 0, 11.1, "nat"),
    "nats.norm": Variant(
        "nats, after stretching each image to 0..255 (VIFB), which changes no value",
        0,
        11.1,
        "nat",
    ),
    "bits.sat254": Variant(
        "bits, as a widespread MATLAB implementation computes it",
        0,
        None,
        "bit",
        known_fault="levels 254 and 255 share a bin in the joint histogram, not in the single ones",
    ),
    "normalized": Variant("2 sum I(X,F) / (H(X) + H(F)), Hossny's QMI", 0, 2),
    "mean.entropies": Variant(
        "sum of (H(X) + H(F)) / H(X,F), each 1 to 2 (scikit-image's normalized_mutual_information)",
        2,
        4,
    ),
}


class Options(BaseModel):
    """Options in tasks.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["bits", "nats", "nats.norm", "bits.sat254", "normalized", "mean.entropies"] = (
        "bits"
    )


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Compute the mutual information of the fused image with both sources.

        MI = I(A; F) + I(B; F),   I(X; F) = H(X) + H(F) - H(X, F)

    H is computed from histograms of the 256 gray levels.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, the same.
        fused: F, the same.
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        Bits, 0 (independent) to 16; higher is better. Other variants have other units (`VARIANTS`).

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    total = 0.0
    for source in (infrared, visible):
        marginal = compute(_image_entropy, source) + compute(_image_entropy, fused)
        joint = compute(_joint_entropy, source, fused, options.variant == "bits.sat254")
        total += _source_information(options.variant, marginal, joint)
    return total


def _source_information(variant: str, marginal: float, joint: float) -> float:
    """Compute one source's term from H(X) + H(F) and H(X, F), both in bits."""
    information = max(marginal - joint, 0.0) if variant != "bits.sat254" else marginal - joint
    if variant in ("nats", "nats.norm"):
        return information * math.log(2)
    if variant == "normalized":
        return 2 * information / marginal if marginal else 0.0
    if variant == "mean.entropies":
        return marginal / joint if joint else 1.0
    return information


def _image_entropy(image: Gray) -> float:
    return entropy(compute_histogram(image))


def _joint_entropy(source: Gray, fused: Gray, merges_top_levels: bool) -> float:
    histogram = compute_joint_histogram(source, fused)
    return entropy(np.asarray(merge_top_levels(histogram)) if merges_top_levels else histogram)
