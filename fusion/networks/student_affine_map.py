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

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

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
Image = TypeVar("Image")  # a tensor, or a plane


@dataclass(frozen=True)
class _Operations(Generic[Image]):
    """What both ways of computing the map do with an image.

    Attributes:
        subtract: Difference of two images.
        compute_distance: Absolute difference.
        compute_mean: Mean over a window of `DETAIL_SIDE`, with reflected borders.
        downsample: Means of squares of so many pixels a side.
        upsample: Bilinear, by a factor.
        select_stronger: Mean of two details, weighted by their eighth powers.
    """

    subtract: Callable[[Image, Image], Image]
    compute_distance: Callable[[Image, Image], Image]
    compute_mean: Callable[[Image], Image]
    downsample: Callable[[Image, int], Image]
    upsample: Callable[[Image, int], Image]
    select_stronger: Callable[[Image, Image], Image]


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
    bands = torch.cat(_compute_bands(infrared, visible, TORCH), dim=1)
    fused = _upsample(offset + (weights * bands).sum(1, keepdim=True))
    for factor, image in zip(factors, _compute_images(infrared, visible, TORCH), strict=True):
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


def _compute_images(infrared: Image, visible: Image, operations: _Operations[Image]) -> list[Image]:
    """Compute what `IMAGES` lists, with the shape of the images."""
    infrared_detail, visible_detail = (
        operations.subtract(image, operations.compute_mean(image)) for image in (infrared, visible)
    )
    return [
        infrared,
        visible,
        operations.compute_distance(infrared, visible),
        infrared_detail,
        visible_detail,
        operations.select_stronger(infrared_detail, visible_detail),
    ]


def _compute_bands(infrared: Image, visible: Image, operations: _Operations[Image]) -> list[Image]:
    """Compute the bands at a quarter of the resolution, those of the finer level first."""
    fine: list[Image] = []
    coarse: list[Image] = []
    for image in (infrared, visible):
        quarter = operations.downsample(image, SCALE)
        eighth = operations.downsample(quarter, 2)
        sixteenth = operations.downsample(eighth, 2)
        fine.append(operations.subtract(quarter, operations.upsample(eighth, 2)))
        coarse.append(operations.subtract(eighth, operations.upsample(sixteenth, 2)))
    fine.append(operations.select_stronger(*fine))
    coarse.append(operations.select_stronger(*coarse))
    return [*fine, *(operations.upsample(band, 2) for band in coarse)]


def _compute_mean(image: Tensor) -> Tensor:
    padded = pad(image, (DETAIL_RADIUS,) * 4, mode="reflect")
    return avg_pool2d(padded, DETAIL_SIDE, stride=1)


def _select_stronger(infrared: Tensor, visible: Tensor) -> Tensor:
    """Compute the mean of two details, weighted by their eighth powers, pixel by pixel."""
    infrared_weight, visible_weight = (
        x.square().square().square() + SMALLEST_WEIGHT for x in (infrared, visible)
    )
    total = infrared_weight + visible_weight
    return (infrared * infrared_weight + visible * visible_weight) / total


def _upsample(image: Tensor, factor: int = SCALE) -> Tensor:
    return interpolate(image, scale_factor=factor, mode="bilinear")


TORCH: _Operations[Tensor] = _Operations(
    subtract=torch.sub,
    compute_distance=lambda infrared, visible: (infrared - visible).abs(),
    compute_mean=_compute_mean,
    downsample=avg_pool2d,
    upsample=_upsample,
    select_stronger=_select_stronger,
)

# The same with OpenCV, for one pair. Coefficients: (`COEFFICIENTS`, H / 4, W / 4); images: (H, W).


def _fuse_planes(coefficients: Plane, infrared: Plane, visible: Plane) -> Plane:
    """Compute `apply_coefficients` for one pair, (H, W)."""
    import cv2

    weights, offset = coefficients[:BANDS], coefficients[BANDS].copy()
    for weight, band in zip(weights, _compute_bands(infrared, visible, OPENCV), strict=True):
        cv2.accumulateProduct(weight, band, offset)
    fused = _upsample_plane(offset)
    factors = coefficients[BANDS + 1 :]
    upsampled = np.empty_like(fused)
    for factor, image in zip(factors, _compute_images(infrared, visible, OPENCV), strict=True):
        cv2.accumulateProduct(_upsample_plane(factor, SCALE, upsampled), image, fused)
    return fused


def _compute_mean_of_plane(image: Plane) -> Plane:
    import cv2

    side = (DETAIL_SIDE, DETAIL_SIDE)
    return cv2.blur(image, side, borderType=cv2.BORDER_REFLECT_101)


def _compute_distance_of_planes(infrared: Plane, visible: Plane) -> Plane:
    import cv2

    return cv2.absdiff(infrared, visible)


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


OPENCV: _Operations[Plane] = _Operations(
    subtract=np.subtract,
    compute_distance=_compute_distance_of_planes,
    compute_mean=_compute_mean_of_plane,
    downsample=_downsample_plane,
    upsample=_upsample_plane,
    select_stronger=_select_stronger_planes,
)
