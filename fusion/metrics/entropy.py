"""Entropy (EN): how many bits of grey-level information the fused image carries.

Source: Roberts, van Aardt, Ahmed, "Assessment of image fusion procedures using entropy, image
quality, and multispectral classification", J. Appl. Remote Sens. 2(1), 2008.
"""

import numpy as np
from pydantic import BaseModel, ConfigDict

from bench.images import Gray
from bench.records import Column

VERSION = 1
COLUMN = Column(title="EN", mean="EN", unit="bit")


class Options(BaseModel):
    """Nothing to set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def measure(infrared: Gray, visible: Gray, fused: Gray) -> float:
    """Shannon entropy of the 256-bin histogram of ``fused``.

        EN = - sum_l p(l) log2 p(l),   p(l) = share of pixels with grey level l

    Args:
        infrared: Not used; every metric has the same three arguments.
        visible: Not used.
        fused: uint8 luminance, shape (H, W).

    Returns:
        Bits per pixel, 0 (one grey level) to 8 (all levels equally often).

    Raises:
        ValueError: If ``fused`` is empty.
    """
    if fused.size == 0:
        raise ValueError("entropy of an empty image is undefined")
    counts = np.bincount(fused.ravel(), minlength=256)
    share = counts[counts > 0] / fused.size
    return float(-(share * np.log2(share)).sum() + 0.0)  # + 0.0: a flat image gives 0, not -0
