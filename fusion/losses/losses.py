"""The losses of both papers, term by term. Luminance (N, 1, H, W), sources in [0, 1]."""

from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

from fusion.losses.gradients import OPERATORS, sobel, sobel_derivatives

WINDOW_SIZE, WINDOW_SIGMA = 11, 1.5  # pixels: side and sigma of SSIM's Gaussian window
C1, C2 = 0.01**2, 0.03**2  # of SSIM, for values in [0, 1]

LossTerms = dict[str, Tensor]


@dataclass(frozen=True)
class DMFuseLossOptions:
    """How DMFuse's three terms are weighed and what each is measured against.

    Attributes:
        way: ``paper``: L1 to the mean of both sources, both SSIMs weighed equally (eqs. 10, 11).
            ``code``: L1 to the maximum, SSIMs weighed by how much gradient each source has.
        ssim: lambda_1.
        intensity: lambda_2.
        gradient: lambda_3.
        signed: Eq. 12 to the letter: the fused image's gradient keeps its sign, the sources'
            lose it. That asks every edge to rise to the right and downwards, so by default the
            magnitudes are compared, as the released code does.
    """

    variant: Literal["paper", "code"] = "paper"
    ssim: float = 1
    intensity: float = 4
    gradient: float = 20
    signed: bool = False


PAPER_LOSS = DMFuseLossOptions()
RELEASED_CODE_LOSS = DMFuseLossOptions("code", ssim=10, intensity=14, gradient=16)


def compute_dmfuse_terms(
    fused: Tensor, infrared: Tensor, visible: Tensor, weights: DMFuseLossOptions
) -> LossTerms:
    """DMFuse's terms, each times its weight (eq. 13).

    Returns:
        ``ssim``, ``intensity`` and ``gradient``.
    """
    edges = (sobel(infrared), sobel(visible))
    shares: tuple[Tensor | float, ...]
    if weights.variant == "paper":
        target, shares = (infrared + visible) / 2, (0.5, 0.5)
    else:
        target, shares = torch.maximum(infrared, visible), _gradient_shares(*edges)
    return {
        "ssim": weights.ssim * (1 - _weighted_ssim(fused, infrared, visible, shares)),
        "intensity": weights.intensity * (fused - target).abs().mean(),
        "gradient": weights.gradient
        * (
            _signed_gradient_difference(fused, infrared, visible)
            if weights.signed
            else (sobel(fused) - torch.maximum(*edges)).abs().mean()
        ),
    }


def compute_reconstruction_terms(made: Tensor, image: Tensor, ssim_weight: float) -> LossTerms:
    """DMNet's stage I for one modality: squared error and SSIM (eqs. 14-16)."""
    return {
        "intensity": (made - image).square().mean(),
        "ssim": ssim_weight * (1 - ssim(made, image)),
    }


def compute_dmnet_fusion_terms(
    fused: Tensor,
    infrared: Tensor,
    visible: Tensor,
    gradient_weight: float,
    operator: str,
    ssim_weight: float = 0,
) -> LossTerms:
    """DMNet's stage II without L_dm: L1 to the maximum, gradients to the larger one (eqs. 18, 19).

    Args:
        fused: (N, 1, H, W).
        infrared: The same shape.
        visible: The same shape.
        gradient_weight: gamma_2.
        operator: One of `fusion.losses.gradients.OPERATORS`; ``sobel`` in the paper.
        ssim_weight: Of 1 - SSIM to both sources, weighed as in DMFuse's code; the paper has no
            such term in this stage, and with 0 there is none.
    """
    slope = OPERATORS[operator]
    edges = (slope(infrared), slope(visible))
    terms = {
        "intensity": (fused - torch.maximum(infrared, visible)).abs().mean(),
        "gradient": gradient_weight * (slope(fused) - torch.maximum(*edges)).abs().mean(),
    }
    if ssim_weight:
        likeness = _weighted_ssim(fused, infrared, visible, _gradient_shares(*edges))
        terms["ssim"] = ssim_weight * (1 - likeness)
    return terms


def _weighted_ssim(
    fused: Tensor, infrared: Tensor, visible: Tensor, shares: tuple[Tensor | float, ...]
) -> Tensor:
    """SSIM to both sources, weighed by their shares."""
    return shares[0] * ssim(fused, infrared) + shares[1] * ssim(fused, visible)


def _gradient_shares(infrared: Tensor, visible: Tensor) -> tuple[Tensor, ...]:
    """How much of the gradient each source has: two shares, of sum 1; halves where none has any."""
    amounts = torch.stack([infrared.mean(), visible.mean()])
    total = amounts.sum()
    return tuple(torch.where(total == 0, 0.5, amounts / total))


def _signed_gradient_difference(fused: Tensor, infrared: Tensor, visible: Tensor) -> Tensor:
    """Eq. 12 of DMFuse as printed, over both Sobel directions."""
    targets = map(
        torch.maximum, *([g.abs() for g in sobel_derivatives(x)] for x in (infrared, visible))
    )
    off = [(g - t).abs() for g, t in zip(sobel_derivatives(fused), targets, strict=True)]
    return (off[0] + off[1]).mean()


def ssim(a: Tensor, b: Tensor) -> Tensor:
    """Mean structural similarity, borders padded with zeros as in the released trainers.

    Source: Wang, Bovik, Sheikh, Simoncelli, IEEE TIP 13(4), 2004, 11 x 11 Gaussian window.

    Args:
        a: (N, 1, H, W) in [0, 1].
        b: The same shape.

    Returns:
        A scalar, at most 1.
    """
    moments = torch.cat((a, b, a * a, b * b, a * b), dim=1)
    mean_a, mean_b, aa, bb, ab = _gaussian_mean(moments).chunk(5, dim=1)
    spread_a, spread_b, shared = aa - mean_a**2, bb - mean_b**2, ab - mean_a * mean_b
    top = (2 * mean_a * mean_b + C1) * (2 * shared + C2)
    bottom = (mean_a**2 + mean_b**2 + C1) * (spread_a + spread_b + C2)
    return (top / bottom).mean()


def _gaussian_mean(x: Tensor) -> Tensor:
    """Gaussian means, per channel, by two one-dimensional convolutions."""
    place = torch.arange(WINDOW_SIZE, dtype=x.dtype, device=x.device) - WINDOW_SIZE // 2
    line = torch.exp(-(place**2) / (2 * WINDOW_SIGMA**2))
    line = (line / line.sum()).expand(x.shape[1], 1, 1, WINDOW_SIZE)
    margin = WINDOW_SIZE // 2
    across = torch.nn.functional.conv2d(x, line, padding=(0, margin), groups=x.shape[1])
    down = line.transpose(2, 3)
    return torch.nn.functional.conv2d(across, down, padding=(margin, 0), groups=x.shape[1])
