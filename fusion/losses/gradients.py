"""Gradient operators of the losses.

DMNet compares four (Table VI). All take luminance (N, 1, H, W) in [0, 1] and return a gradient
magnitude of the same shape. Borders are padded with zeros, as in the training code that both
papers build on, unless the operator documents another padding.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

GradientOperator = Callable[[Tensor], Tensor]

SOBEL_KERNEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
ROBERTS_KERNELS = (((1.0, 0.0), (0.0, -1.0)), ((0.0, 1.0), (-1.0, 0.0)))
LAPLACIAN_KERNEL = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
GAUSSIAN_SIGMA = 1.4  # pixels, of LoG and Canny: the usual value, the paper gives none
# Thresholds of Canny's hysteresis, as fractions of the largest gradient magnitude of the image.
CANNY_LOW, CANNY_HIGH = 0.1, 0.2


def sobel_derivatives(image: Tensor) -> tuple[Tensor, Tensor]:
    """Compute the signed horizontal and vertical Sobel derivatives, (N, 1, H, W) each."""
    horizontal = _apply_kernel(image, SOBEL_KERNEL)
    return horizontal, _apply_kernel(image, tuple(zip(*SOBEL_KERNEL, strict=True)))


def sobel(image: Tensor) -> Tensor:
    """Sobel magnitude |g_x| + |g_y| of the unnormalized 3 x 3 filter, 0 to 8."""
    horizontal, vertical = sobel_derivatives(image)
    return horizontal.abs() + vertical.abs()


def roberts(image: Tensor) -> Tensor:
    """Roberts cross: sum of the absolute differences along both diagonals."""
    padded = torch.nn.functional.pad(image, (0, 1, 0, 1))
    first, second = (
        torch.nn.functional.conv2d(padded, _build_kernel_tensor(kernel, image))
        for kernel in ROBERTS_KERNELS
    )
    return first.abs() + second.abs()


def laplacian_of_gaussian(image: Tensor) -> Tensor:
    """Absolute Laplacian of Gaussian (LoG)."""
    return _apply_kernel(blur_gaussian(image), LAPLACIAN_KERNEL).abs()


def canny(image: Tensor) -> Tensor:
    """Sobel magnitude of the smoothed image on Canny edges, 0 elsewhere.

    Edges are found by non-maximum suppression in four directions and one step of hysteresis:
    pixels above the high threshold, and their neighbors above the low one. The magnitude is
    differentiable, the edge mask is not.
    """
    horizontal, vertical = sobel_derivatives(blur_gaussian(image))
    magnitude = horizontal.abs() + vertical.abs()
    return magnitude * _detect_canny_edges(
        magnitude.detach(), horizontal.detach(), vertical.detach()
    )


OPERATORS: dict[str, GradientOperator] = {
    "sobel": sobel,
    "canny": canny,
    "log": laplacian_of_gaussian,
    "roberts": roberts,
}


def blur_gaussian(image: Tensor, sigma: float = GAUSSIAN_SIGMA) -> Tensor:
    """Blur with a Gaussian cut off at 3 sigma; borders are reflected."""
    radius = min(int(3 * sigma + 0.5), min(image.shape[2:]) - 1)
    x = torch.arange(-radius, radius + 1, dtype=image.dtype, device=image.device)
    kernel = torch.exp(-(x**2) / (2 * sigma**2))
    kernel = kernel / kernel.sum()
    padded = torch.nn.functional.pad(image, (radius,) * 4, mode="reflect")
    blurred_rows = torch.nn.functional.conv2d(padded, kernel[None, None, None, :])
    return torch.nn.functional.conv2d(blurred_rows, kernel[None, None, :, None])


def _detect_canny_edges(magnitude: Tensor, horizontal: Tensor, vertical: Tensor) -> Tensor:
    """Compute Canny's edge mask.

    Args:
        magnitude: Gradient magnitude, (N, 1, H, W).
        horizontal: Horizontal derivative, (N, 1, H, W).
        vertical: Vertical derivative, (N, 1, H, W).

    Returns:
        1 on edges, 0 elsewhere, (N, 1, H, W).
    """
    # The 3 x 3 neighborhood of every pixel, row by row: index 4 is the pixel itself.
    neighbors = torch.nn.functional.unfold(magnitude, 3, padding=1)
    n = neighbors.reshape(len(magnitude), 9, *magnitude.shape[2:])
    # Larger of the two neighbors in the direction of the gradient, quantized to 45 degrees.
    is_vertical = vertical.abs() > 2.414 * horizontal.abs()  # tan(67.5 degrees)
    is_horizontal = vertical.abs() < 0.414 * horizontal.abs()  # tan(22.5 degrees)
    is_main_diagonal = horizontal * vertical > 0  # towards the lower right or the upper left
    diagonal = torch.where(
        is_main_diagonal, torch.maximum(n[:, :1], n[:, 8:]), torch.maximum(n[:, 2:3], n[:, 6:7])
    )
    largest_neighbor = torch.where(
        is_vertical,
        torch.maximum(n[:, 1:2], n[:, 7:8]),
        torch.where(is_horizontal, torch.maximum(n[:, 3:4], n[:, 5:6]), diagonal),
    )
    # Non-maximum suppression, then hysteresis with the two thresholds.
    maximum = magnitude.amax((2, 3), keepdim=True)
    is_crest = (magnitude >= largest_neighbor) & (magnitude > 0)
    is_strong = is_crest & (magnitude > CANNY_HIGH * maximum)
    is_near_strong = (
        torch.nn.functional.max_pool2d(is_strong.to(magnitude), 3, stride=1, padding=1) > 0
    )
    is_weak = is_crest & is_near_strong & (magnitude > CANNY_LOW * maximum)
    return (is_strong | is_weak).to(magnitude)


def _apply_kernel(image: Tensor, kernel: Sequence[Sequence[float]]) -> Tensor:
    """Correlate with a 3 x 3 kernel; borders are padded with zeros."""
    return torch.nn.functional.conv2d(image, _build_kernel_tensor(kernel, image), padding=1)


def _build_kernel_tensor(kernel: Sequence[Sequence[float]], reference: Tensor) -> Tensor:
    """Convert a kernel to (1, 1, h, w) in the dtype and on the device of ``reference``."""
    return torch.tensor(kernel, dtype=reference.dtype, device=reference.device)[None, None]
