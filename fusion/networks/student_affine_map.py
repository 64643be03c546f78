"""Affine map of the student: images, multiplied by upsampled coefficients and added up.

The network that predicts the coefficients is too coarse for edges. What they need is in the images:

- with the absolute difference, (IR + VIS + |IR - VIS|) / 2 is the pixelwise maximum;
- details are an image minus its mean over 5 x 5 pixels: those of the infrared image, those of the
  visible image, and the stronger ones of both;
- bands are levels of the Laplacian pyramids at a quarter and an eighth of the resolution, again of
  both images and the stronger ones; their sum is formed at a quarter of the resolution.

The stronger of two details, pixel by pixel, is their mean weighted by their eighth powers: nearly
the one with the larger absolute value, which the fusion of pyramids takes. That choice would depend
on rounding errors where the details are equal but for the sign.

The map is written twice: with PyTorch for training and ONNX, and with OpenCV for inference on the
CPU, where it is ten times faster.
"""

from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn.functional import avg_pool2d, interpolate, pad

SCALE = 4  # the coefficients have a quarter of the images' resolution
DETAIL_RADIUS = 2  # pixels
DETAIL_SIDE = 2 * DETAIL_RADIUS + 1  # of the window whose mean is subtracted
BANDS = 6  # at two resolutions: infrared, visible, stronger
IMAGES = 6  # infrared, visible, difference; details: infrared, visible, stronger
COEFFICIENTS = BANDS + 1 + IMAGES  # in this order; the one is the offset
SMALLEST_WEIGHT = 1e-24  # of a detail; that of a gray level is 6e-20
MEAN_COEFFICIENTS = (*[0.0] * (BANDS + 1), 0.5, 0.5, *[0.0] * (IMAGES - 2))  # (IR + VIS) / 2

Plane = NDArray[np.integer[Any] | np.floating[Any]]  # float32; the type of OpenCV's functions


def apply_coefficients(coefficients: Tensor, infrared: Tensor, visible: Tensor) -> Tensor:
    """Upsample the coefficients and compute the sum, in float32.

    Args:
        coefficients: (N, `COEFFICIENTS`, H / 4, W / 4).
        infrared: (N, 1, H, W).
        visible: (N, 1, H, W).

    Returns:
        (N, 1, H, W).
    """
    weights, offset, *factors = torch.split(
        coefficients.float(), [BANDS, *[1] * (1 + IMAGES)], dim=1
    )
    bands = torch.cat(_compute_bands(infrared, visible), dim=1)
    fused = _upsample(offset + (weights * bands).sum(1, keepdim=True))
    for factor, image in zip(factors, _compute_images(infrared, visible), strict=True):
        fused = fused + _upsample(factor) * image  # one call for each: this is faster in ONNX
    return fused


def apply_coefficients_fast(coefficients: Tensor, infrared: Tensor, visible: Tensor) -> Tensor:
    """Compute `apply_coefficients` for one pair without gradients; with OpenCV on the CPU.

    Args:
        coefficients: (1, `COEFFICIENTS`, H / 4, W / 4).
        infrared: (1, 1, H, W).
        visible: (1, 1, H, W).

    Returns:
        (1, 1, H, W).
    """
    if coefficients.device.type != "cpu":
        return apply_coefficients(coefficients, infrared, visible)
    planes, infrared_planes, visible_planes = (
        tensor.detach()[0].float().contiguous().numpy()
        for tensor in (coefficients, infrared, visible)
    )
    return torch.from_numpy(_fuse_planes(planes, infrared_planes[0], visible_planes[0]))[None, None]


def _compute_images(infrared: Tensor, visible: Tensor) -> list[Tensor]:
    """Compute images and details, (N, 1, H, W) each."""
    border = (DETAIL_RADIUS,) * 4
    details = [
        image - avg_pool2d(pad(image, border, mode="reflect"), DETAIL_SIDE, stride=1)
        for image in (infrared, visible)
    ]
    difference = (infrared - visible).abs()
    return [infrared, visible, difference, *details, _select_stronger(*details)]


def _compute_bands(infrared: Tensor, visible: Tensor) -> list[Tensor]:
    """Compute the bands, those of the finer resolution first, (N, 1, H / 4, W / 4) each."""
    pyramids = []
    for image in (infrared, visible):
        quarter = avg_pool2d(image, SCALE)
        eighth = avg_pool2d(quarter, 2)
        sixteenth = avg_pool2d(eighth, 2)
        pyramids.append((quarter - _upsample(eighth, 2), eighth - _upsample(sixteenth, 2)))
    fine, coarse = zip(*pyramids, strict=True)
    upsampled = [_upsample(band, 2) for band in (*coarse, _select_stronger(*coarse))]
    return [*fine, _select_stronger(*fine), *upsampled]


def _select_stronger(infrared: Tensor, visible: Tensor) -> Tensor:
    """Compute the mean of two details, weighted by their eighth powers, pixel by pixel."""
    infrared_weight, visible_weight = (
        x.square().square().square() + SMALLEST_WEIGHT for x in (infrared, visible)
    )
    total = infrared_weight + visible_weight
    return (infrared * infrared_weight + visible * visible_weight) / total


def _upsample(image: Tensor, factor: int = SCALE) -> Tensor:
    return interpolate(image, scale_factor=factor, mode="bilinear")


# The same with OpenCV, for one pair. Coefficients: (`COEFFICIENTS`, H / 4, W / 4); images: (H, W).


def _fuse_planes(coefficients: Plane, infrared: Plane, visible: Plane) -> Plane:
    """Compute `apply_coefficients` for one pair, (H, W)."""
    import cv2

    weights, offset = coefficients[:BANDS], coefficients[BANDS].copy()
    for weight, band in zip(weights, _compute_band_planes(infrared, visible), strict=True):
        cv2.accumulateProduct(weight, band, offset)
    fused = _upsample_plane(offset)
    factors = coefficients[BANDS + 1 :]
    upsampled = np.empty_like(fused)
    for factor, image in zip(factors, _compute_image_planes(infrared, visible), strict=True):
        cv2.accumulateProduct(_upsample_plane(factor, SCALE, upsampled), image, fused)
    return fused


def _compute_image_planes(infrared: Plane, visible: Plane) -> list[Plane]:
    """Compute `_compute_images`, (H, W) each."""
    import cv2

    window = (DETAIL_SIDE, DETAIL_SIDE)
    details = [
        cv2.subtract(image, cv2.blur(image, window, borderType=cv2.BORDER_REFLECT_101))
        for image in (infrared, visible)
    ]
    difference = cv2.absdiff(infrared, visible)
    return [infrared, visible, difference, *details, _select_stronger_planes(*details)]


def _compute_band_planes(infrared: Plane, visible: Plane) -> list[Plane]:
    """Compute `_compute_bands`, (H / 4, W / 4) each."""
    pyramids = []
    for image in (infrared, visible):
        quarter = _downsample_plane(image, SCALE)
        eighth = _downsample_plane(quarter, 2)
        sixteenth = _downsample_plane(eighth, 2)
        pyramids.append(
            (quarter - _upsample_plane(eighth, 2), eighth - _upsample_plane(sixteenth, 2))
        )
    fine, coarse = zip(*pyramids, strict=True)
    upsampled = [_upsample_plane(band, 2) for band in (*coarse, _select_stronger_planes(*coarse))]
    return [*fine, _select_stronger_planes(*fine), *upsampled]


def _select_stronger_planes(infrared: Plane, visible: Plane) -> Plane:
    """Compute `_select_stronger`."""
    import cv2

    infrared_weight, visible_weight = map(_compute_weight_plane, (infrared, visible))
    total = cv2.add(infrared_weight, visible_weight)
    weighted = cv2.multiply(infrared, infrared_weight, infrared_weight)
    cv2.accumulateProduct(visible, visible_weight, weighted)
    return cv2.divide(weighted, total, weighted)


def _compute_weight_plane(detail: Plane) -> Plane:
    """Compute the eighth power plus `SMALLEST_WEIGHT`."""
    import cv2

    power = cv2.multiply(detail, detail)
    for _ in range(2):
        cv2.multiply(power, power, power)
    weight: Plane = power + SMALLEST_WEIGHT
    return weight


def _upsample_plane(image: Plane, factor: int = SCALE, target: Plane | None = None) -> Plane:
    """Compute `_upsample`."""
    import cv2

    height, width = image.shape
    size = (factor * width, factor * height)
    return cv2.resize(image, size, target, interpolation=cv2.INTER_LINEAR)


def _downsample_plane(image: Plane, factor: int) -> Plane:
    """Compute means of squares of pixels, like ``avg_pool2d``."""
    import cv2

    height, width = image.shape
    size = (width // factor, height // factor)
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
