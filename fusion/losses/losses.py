"""Training losses of DMFuse and DMNet, term by term.

All images are luminance (N, 1, H, W); infrared and visible images are in [0, 1].
"""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fusion.losses.gradients import OPERATORS, sobel, sobel_derivatives

WINDOW_SIZE, WINDOW_SIGMA = 11, 1.5  # pixels, of SSIM's Gaussian window
C1, C2 = 0.01**2, 0.03**2  # constants of SSIM for values in [0, 1]

LossTerms = dict[str, Tensor]  # name of the term -> scalar


@dataclass(frozen=True)
class DMFuseLossOptions:
    """Targets and weights of the three terms of DMFuse's loss.

    Attributes:
        variant: ``paper``: L1 to the mean of both images, equal weights of both SSIMs (eqs. 10,
            11). ``code``: L1 to the maximum of both images, SSIMs weighted by the mean gradient
            of the respective image.
        ssim: lambda_1.
        intensity: lambda_2.
        gradient: lambda_3.
        signed: Eq. 12 as printed: the gradient of the fused image keeps its sign, those of the
            infrared and visible images do not. That target asks every edge to rise to the right
            and downwards; by default magnitudes are compared, as in the released code.
    """

    variant: Literal["paper", "code"] = "paper"
    ssim: float = 1
    intensity: float = 4
    gradient: float = 20
    signed: bool = False


PAPER_LOSS = DMFuseLossOptions()
RELEASED_CODE_LOSS = DMFuseLossOptions("code", ssim=10, intensity=14, gradient=16)


def compute_dmfuse_terms(
    fused: Tensor, infrared: Tensor, visible: Tensor, options: DMFuseLossOptions
) -> LossTerms:
    """Compute the terms of DMFuse's loss, each multiplied by its weight (eq. 13).

    Args:
        fused: (N, 1, H, W).
        infrared: (N, 1, H, W).
        visible: (N, 1, H, W).
        options: Targets and weights.

    Returns:
        ``ssim``, ``intensity`` and ``gradient``.
    """
    gradients = (sobel(infrared), sobel(visible))
    ssim_weights: tuple[Tensor | float, ...]
    if options.variant == "paper":
        target, ssim_weights = (infrared + visible) / 2, (0.5, 0.5)
    else:
        target, ssim_weights = torch.maximum(infrared, visible), _gradient_weights(*gradients)
    # The order of the terms decides the rounding of their accumulated gradients.
    terms = {
        "ssim": options.ssim * (1 - _weighted_ssim(fused, infrared, visible, ssim_weights)),
        "intensity": options.intensity * (fused - target).abs().mean(),
    }
    if options.signed:
        gradient_error = _signed_gradient_error(fused, infrared, visible)
    else:
        gradient_error = (sobel(fused) - torch.maximum(*gradients)).abs().mean()
    terms["gradient"] = options.gradient * gradient_error
    return terms


def compute_reconstruction_terms(
    reconstruction: Tensor, image: Tensor, ssim_weight: float
) -> LossTerms:
    """Compute DMNet's stage I loss for one modality: squared error and SSIM (eqs. 14-16).

    Args:
        reconstruction: (N, 1, H, W).
        image: (N, 1, H, W).
        ssim_weight: Weight of 1 - SSIM.

    Returns:
        ``intensity`` and ``ssim``.
    """
    return {
        "intensity": (reconstruction - image).square().mean(),
        "ssim": ssim_weight * (1 - ssim(reconstruction, image)),
    }


def compute_dmnet_fusion_terms(
    fused: Tensor,
    infrared: Tensor,
    visible: Tensor,
    gradient_weight: float,
    operator: str,
    ssim_weight: float = 0,
) -> LossTerms:
    """Compute DMNet's stage II loss without L_dm (eqs. 18, 19).

    Intensity: L1 to the maximum of both images. Gradient: L1 to the larger gradient magnitude.

    Args:
        fused: (N, 1, H, W).
        infrared: (N, 1, H, W).
        visible: (N, 1, H, W).
        gradient_weight: gamma_2.
        operator: Name in `fusion.losses.gradients.OPERATORS`; ``sobel`` in the paper.
        ssim_weight: Weight of 1 - SSIM to both images, which are weighted as in DMFuse's code.
            The paper has no such term in this stage; 0 omits it.

    Returns:
        ``intensity``, ``gradient`` and, with a weight, ``ssim``.
    """
    compute_gradient = OPERATORS[operator]
    gradients = (compute_gradient(infrared), compute_gradient(visible))
    terms = {
        "intensity": (fused - torch.maximum(infrared, visible)).abs().mean(),
        "gradient": gradient_weight
        * (compute_gradient(fused) - torch.maximum(*gradients)).abs().mean(),
    }
    if ssim_weight:
        similarity = _weighted_ssim(fused, infrared, visible, _gradient_weights(*gradients))
        terms["ssim"] = ssim_weight * (1 - similarity)
    return terms


def _weighted_ssim(
    fused: Tensor, infrared: Tensor, visible: Tensor, weights: tuple[Tensor | float, ...]
) -> Tensor:
    """Compute the weighted sum of the SSIM to the infrared and to the visible image."""
    return weights[0] * ssim(fused, infrared) + weights[1] * ssim(fused, visible)


def _gradient_weights(infrared: Tensor, visible: Tensor) -> tuple[Tensor, ...]:
    """Compute weights proportional to the mean gradient magnitudes, with sum 1.

    Without any gradient both are 0.5: 0 / 0 would make the loss NaN.

    Args:
        infrared: Gradient magnitude of the infrared image.
        visible: Gradient magnitude of the visible image.
    """
    means = torch.stack([infrared.mean(), visible.mean()])
    total = means.sum()
    return tuple(torch.where(total == 0, 0.5, means / total))


def _signed_gradient_error(fused: Tensor, infrared: Tensor, visible: Tensor) -> Tensor:
    """Compute eq. 12 of DMFuse as printed, summed over both Sobel directions."""
    targets = map(
        torch.maximum,
        *([g.abs() for g in sobel_derivatives(image)] for image in (infrared, visible)),
    )
    horizontal, vertical = (
        (g - target).abs() for g, target in zip(sobel_derivatives(fused), targets, strict=True)
    )
    return (horizontal + vertical).mean()


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Compute the mean structural similarity.

    Borders are padded with zeros, as in the released training code.

    Source: Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13(4), 2004, 11 x 11 Gaussian window.

    Args:
        a: (N, 1, H, W) in [0, 1].
        b: (N, 1, H, W) in [0, 1].

    Returns:
        Scalar, at most 1; higher is more similar.
    """
    # Local means of a, b and their products in one pass; from them variances and covariance.
    moments = torch.cat((a, b, a * a, b * b, a * b), dim=1)
    mean_a, mean_b, aa, bb, ab = _gaussian_mean(moments).chunk(5, dim=1)
    variance_a, variance_b = aa - mean_a**2, bb - mean_b**2
    covariance = ab - mean_a * mean_b
    numerator = (2 * mean_a * mean_b + C1) * (2 * covariance + C2)
    denominator = (mean_a**2 + mean_b**2 + C1) * (variance_a + variance_b + C2)
    return (numerator / denominator).mean()


def _gaussian_mean(x: Tensor) -> Tensor:
    """Compute Gaussian-weighted means per channel by two one-dimensional convolutions."""
    offset = torch.arange(WINDOW_SIZE, dtype=x.dtype, device=x.device) - WINDOW_SIZE // 2
    kernel = torch.exp(-(offset**2) / (2 * WINDOW_SIGMA**2))
    kernel = (kernel / kernel.sum()).expand(x.shape[1], 1, 1, WINDOW_SIZE)
    padding = WINDOW_SIZE // 2
    mean_of_rows = torch.nn.functional.conv2d(x, kernel, padding=(0, padding), groups=x.shape[1])
    vertical_kernel = kernel.transpose(2, 3)
    return torch.nn.functional.conv2d(
        mean_of_rows, vertical_kernel, padding=(padding, 0), groups=x.shape[1]
    )
