"""Mutual information (MI): what the gray levels of the fused image tell about those of its sources.

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
        "nats, after stretching each image to 0..255 (VIFB); the stretch only renames levels",
        0,
        11.1,
        "nat",
    ),
    "bits.sat254": Variant(
        "bits, as a widespread MATLAB implementation counts",
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
COLUMN = VARIANTS["bits"].build_column(TITLE)


class Options(BaseModel):
    """Which of the variants."""

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
    """Mutual information of the fused image with both sources.

        MI = I(A; F) + I(B; F),   I(X; F) = H(X) + H(F) - H(X, F)

    from histograms of the 256 gray levels.

    Args:
        infrared: A, uint8 luminance, (H, W).
        visible: B, same.
        fused: F, same.
        options: The variant.
        compute: How intermediate images are found.

    Returns:
        Bits, 0 (independent) to 16; nats or none for other variants (`VARIANTS`).

    Raises:
        TypeError, ValueError: See `checks.triple`.
    """
    validation.check_images(infrared, visible, fused)
    total = 0.0
    for source in (infrared, visible):
        single = compute(_image_entropy, source), compute(_image_entropy, fused)
        both = compute(_joint_entropy, source, fused, options.variant == "bits.sat254")
        total += _source_information(options.variant, single[0] + single[1], both)
    return total


def _source_information(variant: str, single: float, both: float) -> float:
    shared = max(single - both, 0.0) if variant != "bits.sat254" else single - both
    if variant in ("nats", "nats.norm"):
        return shared * math.log(2)
    if variant == "normalized":
        return 2 * shared / single if single else 0.0
    if variant == "mean.entropies":
        return single / both if both else 1.0
    return shared


def _image_entropy(image: Gray) -> float:
    return entropy(compute_histogram(image))


def _joint_entropy(source: Gray, fused: Gray, clipped: bool) -> float:
    found = compute_joint_histogram(source, fused)
    return entropy(np.asarray(merge_top_levels(found)) if clipped else found)
