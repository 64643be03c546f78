"""Entropy (EN): how many bits of gray-level information the fused image carries.

Source: Roberts, van Aardt, Ahmed, "Assessment of image fusion procedures using entropy, image
quality, and multispectral classification", J. Appl. Remote Sens. 2(1), 2008.
"""

from typing import Literal

from pydantic import BaseModel, ConfigDict

from fusebench.data.images import Gray
from fusion.metric_parts import histograms, validation
from fusion.metric_parts.histograms import compute_histogram
from fusion.scoring.cache import Evaluator, direct_evaluator
from fusion.scoring.variant import Variant

VERSION = 1
TITLE = "EN"
VARIANTS = {
    "levels": Variant("of the 256 gray levels", 0, 8, "bit"),
    "sat254": Variant(
        "as a widespread MATLAB implementation computes it",
        0,
        8,
        "bit",
        known_fault="uint8 arithmetic puts levels 254 and 255 in one bin",
    ),
}


class Options(BaseModel):
    """Options in tasks.yaml."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    variant: Literal["levels", "sat254"] = "levels"


DEFAULT = Options()


def measure(
    infrared: Gray,
    visible: Gray,
    fused: Gray,
    options: Options = DEFAULT,
    compute: Evaluator = direct_evaluator,
) -> float | None:
    """Compute the Shannon entropy of the 256-bin histogram of ``fused``.

        EN = - sum_l p(l) log2 p(l),   p(l) = share of pixels with gray level l

    Args:
        infrared: Not used; every metric takes the same three images.
        visible: Not used.
        fused: uint8 luminance, (H, W).
        options: Which variant to compute.
        compute: Evaluates intermediate results; see `fusion.scoring.cache`.

    Returns:
        Bits per pixel, 0 (one gray level) to 8 (all levels equally often); higher is better.

    Raises:
        TypeError, ValueError: See `validation.check_images`.
    """
    validation.check_images(infrared, visible, fused)
    histogram = compute(compute_histogram, fused)
    if options.variant == "sat254":
        histogram = histograms.merge_top_levels(histogram)
    return histograms.entropy(histogram)
