"""Ratio of low-pass pyramid: the ratio of larger contrast at every scale, the mean of the low-pass.

Source: Toet, "Image fusion by a ratio of low-pass pyramid", Pattern Recognition Letters 9(4), 1989.
The mean of the low-pass, and 4 levels, are those of Rockinger's widely used MATLAB program.

Contrast is relative to the background: noise in dark regions has as much contrast as bright objects
in daylight, and a region of gray level 0 in one image is usually black in the fused image.
"""

from functools import partial
from itertools import pairwise

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.contracts import FusionFunction
from fusebench.data.images import Gray
from fusion.methods import _classical
from fusion.methods._classical import COLOR as COLOR
from fusion.methods._classical import FloatImage

VERSION = 1
BYTES_PER_PIXEL = 34  # of the arrays at the same time


class Options(BaseModel):
    """Options in tasks.yaml.

    Attributes:
        levels: Maximum number of ratios.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    levels: int = Field(4, ge=1, le=10)


def load(options: Options, device: str) -> FusionFunction:
    """Return the fusing function.

    Args:
        options: See `Options`.
        device: Not used; this method runs on the CPU.
    """
    rule = partial(fuse_luminance, levels=options.levels)
    return _classical.build_fusion_function(rule, BYTES_PER_PIXEL)


def fuse_luminance(infrared: Gray, visible: Gray, levels: int) -> FloatImage:
    """Fuse two images: at each node of the pyramid, the ratio R with the larger abs(R - 1).

    Toet's contrast of luminance L on background B is (L - B) / B = R - 1.

    Args:
        infrared: uint8, (H, W).
        visible: uint8, (H, W).
        levels: Maximum number of ratios.

    Returns:
        float32 gray levels, (H, W), not clipped.
    """
    pyramids = [build_ratio_pyramid(image, levels) for image in (infrared, visible)]
    *ratios, (base_a, base_b) = zip(*pyramids, strict=True)
    selected = [np.where(np.abs(a - 1) > np.abs(b - 1), a, b) for a, b in ratios]
    return collapse_ratio_pyramid([*selected, (base_a + base_b) / 2])


def build_ratio_pyramid(image: Gray, levels: int) -> list[FloatImage]:
    """Build the ratio of low-pass pyramid of an image.

        R_k = G_k / expand(G_{k+1}),   G: see `_classical.build_gaussian_pyramid`

    A ratio is at most 16: expand(G_{k+1}) contains at least 1/16 of G_k at each pixel. Where both
    are 0, it is 1 (no contrast).

    Args:
        image: uint8, (H, W).
        levels: Maximum number of ratios.

    Returns:
        Ratios, finest first, then the low-pass image; float32.
    """
    gaussian = _classical.build_gaussian_pyramid(image.astype(np.float32), levels)
    ratios = []
    for fine, coarse in pairwise(gaussian):
        background = _classical.expand_level(coarse, fine.shape)
        ratios.append(np.divide(fine, background, out=np.ones_like(fine), where=background > 0))
    return [*ratios, gaussian[-1]]


def collapse_ratio_pyramid(levels: list[FloatImage]) -> FloatImage:
    """Reconstruct the image of a pyramid: the inverse of `build_ratio_pyramid`."""
    image = levels[-1]
    for ratio in reversed(levels[:-1]):
        image = ratio * _classical.expand_level(image, ratio.shape)
    return image
