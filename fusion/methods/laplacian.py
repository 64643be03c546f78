"""Laplacian pyramid: the stronger detail of both images at every scale, the mean of what is left.

Source: Burt, Adelson, "The Laplacian pyramid as a compact image code", IEEE Trans. Commun. 31(4),
1983 (the pyramid); Burt, Kolczynski, "Enhanced image capture through fusion", ICCV 1993 (fusing by
the larger magnitude).
"""

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict, Field

from fusebench.data.images import Color, Gray, luminance, replace_luminance
from fusion.methods._contract import FusionFunction

VERSION = 1
COLOR = "luminance fused, Cb Cr of the visible image (BT.601)"

Plane = NDArray[np.float64]


class Options(BaseModel):
    """What tasks.yaml may set for this method."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    levels: int = Field(4, ge=1, le=10)


def dependency_hashes(options: Options) -> dict[str, str]:
    """No files decide the result."""
    return {}


def load(options: Options, device: str) -> FusionFunction:
    """Return the fusing function; it runs on the CPU whatever the device."""

    def fuse(infrared: Gray, visible: Color) -> Color:
        pyramids = [
            build_laplacian_pyramid(image, options.levels)
            for image in (infrared, luminance(visible))
        ]
        *details, base = zip(*pyramids, strict=True)
        chosen = [np.where(np.abs(a) > np.abs(b), a, b) for a, b in details]
        mixed = collapse_laplacian_pyramid([*chosen, (base[0] + base[1]) / 2])
        return replace_luminance(visible, np.rint(mixed).clip(0, 255).astype(np.uint8))

    return fuse


def build_laplacian_pyramid(image: Gray, levels: int) -> list[Plane]:
    """Laplacian pyramid of an image, finest detail first, the low-pass rest last.

        L_k = G_k - expand(G_{k+1}),   G_0 = image,   G_{k+1} = reduce(G_k)

    Stops early where a level would be smaller than 2 pixels. Reduce and expand are OpenCV's:
    Burt and Adelson's kernel (1, 4, 6, 4, 1) / 16, the border reflected.

    Args:
        image: uint8, (H, W).
        levels: How many detail levels at most.
    """
    import cv2

    planes: list[Plane] = []
    low: Plane = image.astype(np.float64)
    for _ in range(levels):
        if min(low.shape) < 4:
            break
        smaller: Plane = np.asarray(cv2.pyrDown(low), np.float64)
        planes.append(low - _expand_level(smaller, low.shape))
        low = smaller
    return [*planes, low]


def collapse_laplacian_pyramid(planes: list[Plane]) -> Plane:
    """The image of a pyramid: the inverse of `build_laplacian_pyramid`, exact but for rounding errors."""
    image = planes[-1]
    for detail in reversed(planes[:-1]):
        image = detail + _expand_level(image, detail.shape)
    return image


def _expand_level(small: Plane, shape: tuple[int, ...]) -> Plane:
    import cv2

    return np.asarray(cv2.pyrUp(small, dstsize=(shape[1], shape[0])), np.float64)
