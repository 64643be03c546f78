"""Hybrid multi-scale decomposition with guided filters (HMSD-GF): textures and edges apart.

Sources: Zhou, Dong, Xie, Gao, "Fusion of infrared and visible images for night-vision context
enhancement", Applied Optics 55(23), 2016; Zhou, Wang, Li, Dong, "Perceptual fusion of infrared and
visible images through a hybrid multi-scale decomposition with Gaussian and bilateral filters",
Information Fusion 30, 2016. Parameters, widths and borders are those of the authors' program
(HMSD_GF in VIFB). It uses guided filters with epsilon 100^2 for the means M: they are two window
means to within 0.01 gray levels.
"""

from collections.abc import Sequence
from functools import partial

import numpy as np
from pydantic import BaseModel, ConfigDict, Field

from fusebench.contracts import FusionFunction
from fusebench.data.images import Gray
from fusion.methods import _classical
from fusion.methods._classical import COLOR as COLOR
from fusion.methods._classical import FloatImage
from fusion.methods._perceptual_saliency import measure_perceptual_saliency

VERSION = 1
BYTES_PER_PIXEL = 90  # of the arrays at the same time
ROUNDING_ERROR = 1e-5  # bound of the float32 error of edges: in a constant image they are 0


class Options(BaseModel):
    """Options in tasks.yaml; the defaults are those of the authors' program.

    Attributes:
        levels: Number of levels.
        radius: Radius in pixels of the windows of the first level; it doubles at each level.
        epsilon: Standard deviation in a window above which the first level's guided filter keeps
            an edge; gray levels are 0 to 1. It halves at each level.
        steepness: lambda: the larger, the more of the infrared image's edges is taken over. Null
            chooses it for each pair, see `choose_steepness`.
        gain: Factor of the fused image; the authors' program has 275 / 255 = 1.078.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    levels: int = Field(4, ge=2, le=8)
    radius: int = Field(2, ge=1, le=100)
    epsilon: float = Field(0.1, ge=1e-3, le=100)
    steepness: float | None = Field(None, gt=0, le=1e6)
    gain: float = Field(1, gt=0, le=10)


def load(options: Options, device: str) -> FusionFunction:
    """Return the fusing function.

    Args:
        options: See `Options`.
        device: Not used; this method runs on the CPU.
    """
    rule = partial(fuse_luminance, options=options)
    return _classical.build_fusion_function(rule, BYTES_PER_PIXEL)


def fuse_luminance(infrared: Gray, visible: Gray, options: Options) -> FloatImage:
    """Fuse two images.

    The mean M_j and the edge-preserving mean L_j of level j give its textures and edges, which add
    up to the image with the last mean:

        M_0 = L_0 = I,   D_j = M_{j-1} - L_j,   E_j = L_j - M_j,   I = M_n + sum_j (D_j + E_j)

    Args:
        infrared: uint8, (H, W).
        visible: uint8, (H, W).
        options: See `Options`.

    Returns:
        float32 gray levels, (H, W), not clipped.
    """
    steepness = options.steepness or choose_steepness(infrared, visible)
    means = [np.float32(1 / 255) * image for image in (infrared, visible)]
    smoothed = means
    fused = np.zeros_like(means[0])
    for level in range(options.levels):
        radius, epsilon = options.radius * 2**level, (options.epsilon / 2**level) ** 2
        finer = means
        means = [compute_mean(image, radius) for image in finer]
        smoothed = [
            _classical.smooth_with_guided_filter(image, image, radius, epsilon)
            for image in smoothed
        ]
        textures = [m - s for m, s in zip(finer, smoothed, strict=True)]
        edges = [s - m for s, m in zip(smoothed, means, strict=True)]
        if level == 0:
            texture_weight = select_infrared(textures)
            edge_weight = smooth_with_gaussian(select_infrared(edges), 1)
        else:
            weight = compute_infrared_weight(edges, steepness)
            texture_weight = edge_weight = smooth_with_gaussian(weight, 1)
        fused += mix(textures, texture_weight) + mix(edges, edge_weight)
    fused += mix(means, smooth_with_gaussian(weight, 4 * 2**options.levels))
    return np.asarray(255 * options.gain * fused)


def choose_steepness(infrared: Gray, visible: Gray) -> float:
    """Choose lambda from r, the perceptual saliency of the infrared relative to the visible image.

    Returns:
        2500 r - 1900, but at least 100 and at most 2000; 2000 if only the infrared image has edges.
    """
    a, b = (measure_perceptual_saliency(image) for image in (infrared, visible))
    return min(max(2500 * a / b - 1900, 100.0), 2000.0) if b > 0 else 2000.0


def compute_mean(image: FloatImage, radius: int) -> FloatImage:
    """Compute the mean of window means: nearly a Gaussian filter."""
    mean = _classical.compute_window_mean(image, radius)
    return _classical.compute_window_mean(mean, radius)


def select_infrared(features: Sequence[FloatImage]) -> FloatImage:
    """Weight 1 where the infrared image's feature is the stronger one, 0 elsewhere."""
    infrared, visible = np.abs(features)
    return np.asarray(visible < infrared, infrared.dtype)


def compute_infrared_weight(edges: Sequence[FloatImage], steepness: float) -> FloatImage:
    """Weight of the infrared image, 0 to 1: how much stronger its edges are.

    R = max(abs(E_ir) - abs(E_vis), 0),   weight = atan(lambda R / max R) / atan(lambda)
    """
    infrared, visible = np.abs(edges)
    excess = (infrared - visible - ROUNDING_ERROR).clip(0)
    relative = excess / max(float(excess.max()), ROUNDING_ERROR)
    return np.asarray(
        np.arctan(np.float32(steepness) * relative) / np.float32(np.arctan(steepness))
    )


def smooth_with_gaussian(image: FloatImage, sigma: float) -> FloatImage:
    """Smooth with a Gaussian, cut off at 3 sigma; the border pixel and all others are mirrored."""
    import cv2

    size = (2 * int(3 * sigma) + 1,) * 2
    return np.asarray(cv2.GaussianBlur(image, size, sigma, borderType=cv2.BORDER_REFLECT))


def mix(images: Sequence[FloatImage], infrared_weight: FloatImage) -> FloatImage:
    """Compute w a + (1 - w) b of the infrared image a and the visible image b."""
    infrared, visible = images
    return visible + infrared_weight * (infrared - visible)
