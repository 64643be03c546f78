"""Laplacian pyramid fusion: the larger detail coefficient at every scale, the mean of the low-pass.

Source: Burt, Adelson, "The Laplacian pyramid as a compact image code", IEEE Trans. Commun. 31(4),
1983 (the pyramid); Burt, Kolczynski, "Enhanced image capture through fusion", ICCV 1993
(selection by the larger magnitude).
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from fusebench.contracts import FusionFunction
from fusebench.data.images import Color, Gray, luminance, replace_luminance
from fusebench.runtime.memory.available import check_fusion_memory

VERSION = 1
COLOR = "luminance fused, Cb Cr of the visible image (BT.601)"
BYTES_PER_PIXEL = 120  # of the arrays at the same time

FloatImage = NDArray[np.float64]


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

    def fuse(infrared: Gray, visible: Color) -> Color:
        check_fusion_memory(infrared.shape, BYTES_PER_PIXEL)
        pyramids = [
            build_laplacian_pyramid(image, options.levels)
            for image in (infrared, luminance(visible))
        ]
        *details, (base_a, base_b) = zip(*pyramids, strict=True)
        selected = [np.where(np.abs(a) > np.abs(b), a, b) for a, b in details]
        fused = collapse_laplacian_pyramid([*selected, (base_a + base_b) / 2])
        return replace_luminance(visible, np.rint(fused).clip(0, 255).astype(np.uint8))

    return fuse


def build_laplacian_pyramid(image: Gray, levels: int) -> list[FloatImage]:
    """Build the Laplacian pyramid of an image.

        L_k = G_k - expand(G_{k+1}),   G_0 = image,   G_{k+1} = reduce(G_k)

    It has fewer levels if a level would be smaller than 2 pixels. Reduce and expand are OpenCV's:
    Burt and Adelson's kernel (1, 4, 6, 4, 1) / 16 with reflected border.

    Args:
        image: uint8, (H, W).
        levels: Maximum number of detail levels.

    Returns:
        Detail levels, finest first, then the low-pass image.
    """
    import cv2

    details: list[FloatImage] = []
    low: FloatImage = image.astype(np.float64)
    for _ in range(levels):
        if min(low.shape) < 4:
            break
        reduced: FloatImage = np.asarray(cv2.pyrDown(low), np.float64)
        details.append(low - _expand_level(reduced, low.shape))
        low = reduced
    return [*details, low]


def collapse_laplacian_pyramid(levels: list[FloatImage]) -> FloatImage:
    """Reconstruct the image of a pyramid: the inverse of `build_laplacian_pyramid`."""
    image = levels[-1]
    for detail in reversed(levels[:-1]):
        image = detail + _expand_level(image, detail.shape)
    return image


def _expand_level(small: FloatImage, shape: tuple[int, ...]) -> FloatImage:
    import cv2

    return np.asarray(cv2.pyrUp(small, dstsize=(shape[1], shape[0])), np.float64)
