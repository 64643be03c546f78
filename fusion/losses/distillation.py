"""Loss of the student: the teacher's image, and the gradients of the sources.

All images are luminance (N, 1, H, W); infrared, visible and the teacher's images are in [0, 1].
"""

import torch
from torch import Tensor

from fusion.losses.gradients import sobel_derivatives
from fusion.losses.losses import LossTerms


def compute_distillation_terms(
    fused: Tensor, sources: tuple[Tensor, Tensor], teacher: Tensor, gradient_weight: float
) -> LossTerms:
    """Compute the terms of the student's loss, each multiplied by its weight.

    Teacher: L1 to the teacher's image. Gradient: L1 between the Sobel gradient vector and that of
    the source whose vector is longer at this pixel.

    Args:
        fused: The student's image.
        sources: The infrared and the visible image.
        teacher: The teacher's image.
        gradient_weight: Weight of the gradient term.

    Returns:
        ``teacher`` and ``gradient``.
    """
    target = select_stronger_gradient(*map(compute_gradient, sources))
    gradient_error = (compute_gradient(fused) - target).abs().sum(dim=1).mean()
    return {
        "teacher": (fused - teacher).abs().mean(),
        "gradient": gradient_weight * gradient_error,
    }


def compute_gradient(image: Tensor) -> Tensor:
    """Compute the Sobel gradient vector of every pixel that is not at the border.

    Args:
        image: (N, 1, H, W).

    Returns:
        Horizontal and vertical derivative, (N, 2, H - 2, W - 2).
    """
    return torch.cat(sobel_derivatives(image), dim=1)[..., 1:-1, 1:-1]


def select_stronger_gradient(first: Tensor, second: Tensor) -> Tensor:
    """Select the longer of two gradient vectors at every pixel, (N, 2, H, W)."""
    first_length, second_length = (g.square().sum(dim=1, keepdim=True) for g in (first, second))
    return torch.where(first_length >= second_length, first, second)
