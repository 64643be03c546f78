"""Gradient operators of the losses: how much an image changes at every pixel.

DMNet compares four (Table VI). All take luminance (N, 1, H, W) in [0, 1] and return a magnitude
of the same shape; borders are padded with zeros, as in the trainers both papers come from, unless
an operator says otherwise.
"""

from collections.abc import Callable, Sequence

import torch
from torch import Tensor

GradientOperator = Callable[[Tensor], Tensor]

SOBEL_KERNEL = ((-1.0, 0.0, 1.0), (-2.0, 0.0, 2.0), (-1.0, 0.0, 1.0))
ROBERTS_KERNELS = (((1.0, 0.0), (0.0, -1.0)), ((0.0, 1.0), (-1.0, 0.0)))
LAPLACIAN_KERNEL = ((0.0, 1.0, 0.0), (1.0, -4.0, 1.0), (0.0, 1.0, 0.0))
GAUSSIAN_SIGMA = (
    1.4  # pixels, of the Gaussian of LoG and Canny: the usual choice, the paper gives none
)
CANNY_LOW, CANNY_HIGH = (
    0.1,
    0.2,
)  # Canny's two thresholds, in units of the largest magnitude of the image


def sobel_derivatives(image: Tensor) -> tuple[Tensor, Tensor]:
    """Horizontal and vertical Sobel derivatives, signed."""
    across = _apply_kernel(image, SOBEL_KERNEL)
    return across, _apply_kernel(image, tuple(zip(*SOBEL_KERNEL, strict=True)))


def sobel(image: Tensor) -> Tensor:
    """|g_x| + |g_y|, in units of the 3 x 3 Sobel filter (up to 8 for luminance in [0, 1])."""
    across, down = sobel_derivatives(image)
    return across.abs() + down.abs()


def roberts(image: Tensor) -> Tensor:
    """Roberts' cross: |difference along one diagonal| + |along the other|."""
    padded = torch.nn.functional.pad(image, (0, 1, 0, 1))
    parts = [
        torch.nn.functional.conv2d(padded, _build_kernel_tensor(k, image)) for k in ROBERTS_KERNELS
    ]
    return parts[0].abs() + parts[1].abs()


def laplacian_of_gaussian(image: Tensor) -> Tensor:
    """|Laplacian| of the smoothed image."""
    return _apply_kernel(blur_gaussian(image), LAPLACIAN_KERNEL).abs()


def canny(image: Tensor) -> Tensor:
    """Sobel magnitude of the smoothed image where Canny's detector sees an edge, 0 elsewhere.

    Non-maximum suppression in four directions, then pixels above the high threshold and those
    above the low one that touch them. The magnitude stays differentiable; which pixels count is
    not.
    """
    across, down = sobel_derivatives(blur_gaussian(image))
    magnitude = across.abs() + down.abs()
    return magnitude * _detect_canny_edges(magnitude.detach(), across.detach(), down.detach())


OPERATORS: dict[str, GradientOperator] = {
    "sobel": sobel,
    "canny": canny,
    "log": laplacian_of_gaussian,
    "roberts": roberts,
}


def blur_gaussian(image: Tensor, sigma: float = GAUSSIAN_SIGMA) -> Tensor:
    """A Gaussian blur, borders reflected, cut off at 3 sigma."""
    radius = min(int(3 * sigma + 0.5), min(image.shape[2:]) - 1)
    x = torch.arange(-radius, radius + 1, dtype=image.dtype, device=image.device)
    line = torch.exp(-(x**2) / (2 * sigma**2))
    line = line / line.sum()
    padded = torch.nn.functional.pad(image, (radius,) * 4, mode="reflect")
    across = torch.nn.functional.conv2d(padded, line[None, None, None, :])
    return torch.nn.functional.conv2d(across, line[None, None, :, None])


def _detect_canny_edges(magnitude: Tensor, across: Tensor, down: Tensor) -> Tensor:
    neighbors = torch.nn.functional.unfold(magnitude, 3, padding=1)
    n = neighbors.reshape(len(magnitude), 9, *magnitude.shape[2:])
    steep, flat = down.abs() > 2.414 * across.abs(), down.abs() < 0.414 * across.abs()
    falling = across * down > 0  # the gradient points to the lower right or the upper left
    diagonal = torch.where(
        falling, torch.maximum(n[:, :1], n[:, 8:]), torch.maximum(n[:, 2:3], n[:, 6:7])
    )
    beside = torch.where(
        steep,
        torch.maximum(n[:, 1:2], n[:, 7:8]),
        torch.where(flat, torch.maximum(n[:, 3:4], n[:, 5:6]), diagonal),
    )
    top = magnitude.amax((2, 3), keepdim=True)
    crest = (magnitude >= beside) & (magnitude > 0)
    strong = crest & (magnitude > CANNY_HIGH * top)
    near = torch.nn.functional.max_pool2d(strong.to(magnitude), 3, stride=1, padding=1) > 0
    return (strong | (crest & near & (magnitude > CANNY_LOW * top))).to(magnitude)


def _apply_kernel(image: Tensor, kernel: Sequence[Sequence[float]]) -> Tensor:
    return torch.nn.functional.conv2d(image, _build_kernel_tensor(kernel, image), padding=1)


def _build_kernel_tensor(kernel: Sequence[Sequence[float]], like: Tensor) -> Tensor:
    return torch.tensor(kernel, dtype=like.dtype, device=like.device)[None, None]
