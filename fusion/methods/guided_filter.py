"""Fusion with guided filtering (GFF): two scales, weights of the more salient pixel, smoothed.

Source: Li, Kang, Hu, "Image fusion with guided filtering", IEEE Trans. Image Process. 22(7), 2013.
Borders, and the clipping of weights to 0..1, are those of the authors' program.
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

VERSION = 1
BYTES_PER_PIXEL = 115  # of the arrays at the same time
MAX_RADIUS = 1000  # pixels


class Options(BaseModel):
    """Options in tasks.yaml; the defaults are the paper's.

    Attributes:
        average_radius: Radius in pixels of the mean that is the base; 15 is a window of 31 x 31.
        saliency_radius: r_g, radius in pixels of the Gaussian window of the saliency.
        saliency_sigma: sigma_g, standard deviation in pixels of this Gaussian.
        base_radius: r_1, radius in pixels of the guided filter of the base's weights.
        base_epsilon: epsilon_1, its regularization; gray levels are 0 to 1.
        detail_radius: r_2, radius in pixels of the guided filter of the detail's weights.
        detail_epsilon: epsilon_2, its regularization.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    average_radius: int = Field(15, ge=1, le=MAX_RADIUS)
    saliency_radius: int = Field(5, ge=1, le=MAX_RADIUS)
    saliency_sigma: float = Field(5, gt=0, le=MAX_RADIUS)
    base_radius: int = Field(45, ge=1, le=MAX_RADIUS)
    base_epsilon: float = Field(0.3, ge=1e-9, le=1e9)
    detail_radius: int = Field(7, ge=1, le=MAX_RADIUS)
    detail_epsilon: float = Field(1e-6, ge=1e-9, le=1e9)


def load(options: Options, device: str) -> FusionFunction:
    """Return the fusing function.

    Args:
        options: See `Options`.
        device: Not used; this method runs on the CPU.
    """
    rule = partial(fuse_luminance, options=options)
    return _classical.build_fusion_function(rule, BYTES_PER_PIXEL)


def fuse_luminance(infrared: Gray, visible: Gray, options: Options) -> FloatImage:
    """Fuse two images: F = sum_n W_n^B B_n + sum_n W_n^D (I_n - B_n), B_n the mean of I_n.

    Args:
        infrared: uint8, (H, W).
        visible: uint8, (H, W).
        options: See `Options`.

    Returns:
        float64 gray levels, (H, W), not clipped.
    """
    import cv2

    images = [image / 255.0 for image in (infrared, visible)]
    is_salient = select_salient_pixels(infrared, visible, options)
    base_weight = compute_infrared_weight(
        images, is_salient, options.base_radius, options.base_epsilon
    )
    detail_weight = compute_infrared_weight(
        images, is_salient, options.detail_radius, options.detail_epsilon
    )
    size = (2 * options.average_radius + 1,) * 2
    a, b = (cv2.blur(image, size, borderType=cv2.BORDER_REPLICATE) for image in images)
    detail_a, detail_b = images[0] - a, images[1] - b
    base = b + base_weight * (a - b)
    return np.asarray(255 * (base + detail_b + detail_weight * (detail_a - detail_b)))


def select_salient_pixels(
    infrared: Gray, visible: Gray, options: Options
) -> tuple[FloatImage, FloatImage]:
    """Find where each image is the more salient one; where they are equal, both are.

        S_n = abs(I_n * L) * g,   L: 3 x 3 Laplacian, g: Gaussian

    Returns:
        P_n of both images: float64 1 or 0, (H, W).
    """
    import cv2

    size = (2 * options.saliency_radius + 1,) * 2
    a, b = (
        cv2.GaussianBlur(
            np.abs(cv2.Laplacian(image, cv2.CV_32F, borderType=cv2.BORDER_REPLICATE)),
            size,
            options.saliency_sigma,
            borderType=cv2.BORDER_REPLICATE,
        )
        for image in (infrared, visible)
    )
    return (a >= b).astype(np.float64), (b >= a).astype(np.float64)


def compute_infrared_weight(
    images: Sequence[FloatImage],
    is_salient: tuple[FloatImage, FloatImage],
    radius: int,
    epsilon: float,
) -> FloatImage:
    """Smooth the weights of both images, guided by the images; normalize their sum to 1.

    Returns:
        Weight of the first image, (H, W), 0 to 1; one half where both weights are 0.
    """
    a, b = (
        _classical.smooth_with_guided_filter(weight, image, radius, epsilon).clip(0, 1)
        for weight, image in zip(is_salient, images, strict=True)
    )
    total = a + b
    return np.asarray(np.divide(a, total, out=np.full_like(total, 0.5), where=total > 0))
