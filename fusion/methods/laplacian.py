"""Laplacian pyramid fusion: the larger detail coefficient at every scale, the mean of the low-pass.

Source: Burt, Adelson, "The Laplacian pyramid as a compact image code", IEEE Trans. Commun. 31(4),
1983 (the pyramid); Burt, Kolczynski, "Enhanced image capture through fusion", ICCV 1993
(selection by the larger magnitude).
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
BYTES_PER_PIXEL = 45  # of the arrays at the same time


class Options(BaseModel):
    """Options in tasks.yaml.

    Attributes:
        levels: Maximum number of detail levels.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    levels: int = Field(4, ge=1, le=10)


def dependency_hashes(options: Options) -> dict[str, str]:
    """Return no hashes: the output depends on no file."""
    return {}


def load(options: Options, device: str) -> FusionFunction:
    """Return the fusing function.

    Args:
        options: See `Options`.
        device: Not used; this method runs on the CPU.
    """
    rule = partial(fuse_luminance, levels=options.levels)
    return _classical.build_fusion_function(rule, BYTES_PER_PIXEL)


def fuse_luminance(infrared: Gray, visible: Gray, levels: int) -> FloatImage:
    """Fuse two images, uint8 (H, W); returns float64 gray levels, not clipped."""
    pyramids = [build_laplacian_pyramid(image, levels) for image in (infrared, visible)]
    *details, (base_a, base_b) = zip(*pyramids, strict=True)
    selected = [np.where(np.abs(a) > np.abs(b), a, b) for a, b in details]
    return collapse_laplacian_pyramid([*selected, (base_a + base_b) / 2])


def build_laplacian_pyramid(image: Gray, levels: int) -> list[FloatImage]:
    """Build the Laplacian pyramid of an image.

        L_k = G_k - expand(G_{k+1}),   G: see `_classical.build_gaussian_pyramid`

    Args:
        image: uint8, (H, W).
        levels: Maximum number of detail levels.

    Returns:
        Detail levels, finest first, then the low-pass image; float64.
    """
    gaussian = _classical.build_gaussian_pyramid(image.astype(np.float64), levels)
    details = [
        fine - _classical.expand_level(coarse, fine.shape) for fine, coarse in pairwise(gaussian)
    ]
    return [*details, gaussian[-1]]


def collapse_laplacian_pyramid(levels: list[FloatImage]) -> FloatImage:
    """Reconstruct the image of a pyramid: the inverse of `build_laplacian_pyramid`."""
    image = levels[-1]
    for detail in reversed(levels[:-1]):
        image = detail + _classical.expand_level(image, detail.shape)
    return image
