"""Losses that keep the structures of both sources: for the student, and for finetuning networks.

The losses of DMFuse and DMNet compare the fused image with the pixelwise maximum of both sources.
Where the infrared image is bright, it then replaces what is dark or textured in the visible image,
and dark outlines remain where the one source gets darker as the other gets brighter. The terms here
compare the brightness only as a mean over a neighborhood. Pixel by pixel they ask for the edges and
the local contrast of the source that has more of it, and for no lines that are in neither source.

All images are luminance (N, 1, H, W); infrared and visible images are in [0, 1]. H and W are larger
than half a window.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import avg_pool2d, max_pool2d, pad

from fusion.losses.gradients import sobel_derivatives
from fusion.losses.losses import C1, C2, LossTerms
from fusion.losses.structure_options import StructureLossOptions

BRIGHTNESS_RADIUS = 8  # pixels; windows have a side of 2 radius + 1
CONTRAST_RADIUS = 4
SIMILARITY_RADIUS = 5
LINE_RADIUS = 2  # lines of up to twice as many pixels
TOLERANCE_RADIUS = 1  # how far a line or gradient of the fused image may be from that of a source
SOBEL_SUM = 8  # of the absolute values of the kernel; makes gradients differences per pixel
GRADIENT_SHARE = 4  # weight of spurious gradients beside that of spurious lines
SMALLEST_VARIANCE = 1e-5  # added before square roots, whose slope at 0 is infinite
SMALLEST_SQUARE = 1e-8


def compute_structure_terms(
    fused: Tensor, infrared: Tensor, visible: Tensor, options: StructureLossOptions
) -> LossTerms:
    """Compute the terms, each multiplied by its weight.

    Args:
        fused: (N, 1, H, W), not clipped.
        infrared: (N, 1, H, W).
        visible: (N, 1, H, W).
        options: Weights and target.

    Returns:
        A scalar for every weight, by its name.
    """
    stronger = StrongerSource.select(infrared, visible)
    brightness = _compute_brightness_error(fused, infrared, visible, options.brighter_share)
    outlines = (
        compute_spurious_lines(fused, infrared, visible).mean()
        + GRADIENT_SHARE * compute_spurious_gradient(fused, infrared, visible).mean()
    )
    return {
        "brightness": options.brightness * brightness,
        "gradient": options.gradient * _compute_gradient_error(fused, infrared, visible),
        "contrast": options.contrast * stronger.compute_lost_contrast(fused).mean(),
        "outlines": options.outlines * outlines,
        "similarity": options.similarity * (1 - stronger.compute_similarity(fused).mean()),
        "range": options.range * ((fused - 1).relu() + (-fused).relu()).mean(),
    }


@dataclass(frozen=True)
class StrongerSource:
    """The source with the larger variance in a window around every pixel.

    Attributes:
        infrared: (N, 1, H, W).
        visible: (N, 1, H, W).
        is_infrared: Whether it is the infrared image, bool (N, 1, H, W).
    """

    infrared: Tensor
    visible: Tensor
    is_infrared: Tensor

    @classmethod
    def select(cls, infrared: Tensor, visible: Tensor) -> "StrongerSource":
        """Compare the variances of both sources."""
        variances = (compute_variance(x, CONTRAST_RADIUS) for x in (infrared, visible))
        return cls(infrared, visible, torch.gt(*variances))

    def compute_lost_contrast(self, fused: Tensor) -> Tensor:
        """Compute the standard deviation that the fused image does not reproduce, (N, 1, H, W).

        Contrast counts as kept as far as the fused image varies together with the source; a
        structure that is inverted is lost.
        """
        variance, covariance = self._compute_moments(fused, CONTRAST_RADIUS)
        deviation = (variance + SMALLEST_VARIANCE).sqrt()
        return (deviation - covariance / deviation).relu()

    def compute_similarity(self, fused: Tensor) -> Tensor:
        """Compute the structural similarity to this source, (N, 1, H, W), at most 1."""
        mean, fused_mean = (
            self._choose(*(compute_mean(x, SIMILARITY_RADIUS) for x in self._sources)),
            compute_mean(fused, SIMILARITY_RADIUS),
        )
        variance, covariance = self._compute_moments(fused, SIMILARITY_RADIUS)
        fused_variance = compute_variance(fused, SIMILARITY_RADIUS)
        numerator = (2 * mean * fused_mean + C1) * (2 * covariance + C2)
        return numerator / ((mean**2 + fused_mean**2 + C1) * (variance + fused_variance + C2))

    @property
    def _sources(self) -> tuple[Tensor, Tensor]:
        return self.infrared, self.visible

    def _choose(self, infrared: Tensor, visible: Tensor) -> Tensor:
        return torch.where(self.is_infrared, infrared, visible)

    def _compute_moments(self, fused: Tensor, radius: int) -> tuple[Tensor, Tensor]:
        """Compute the variance of this source and its covariance with the fused image."""
        fused_mean = compute_mean(fused, radius)
        variance = self._choose(*(compute_variance(x, radius) for x in self._sources))
        covariance = self._choose(
            *(
                compute_mean(fused * x, radius) - fused_mean * compute_mean(x, radius)
                for x in self._sources
            )
        )
        return variance, covariance


def compute_spurious_lines(fused: Tensor, infrared: Tensor, visible: Tensor) -> Tensor:
    """Compute by how much thin lines of the fused image exceed those of both sources.

    Dark lines are the morphological closing minus the image, bright lines the image minus its
    opening (top-hat transforms).

    Returns:
        (N, 1, H, W), at least 0.
    """
    excess = torch.zeros_like(fused)
    for sign in (1, -1):  # dark lines of an image are bright lines of its negative
        fused_lines, *lines = (compute_dark_lines(sign * x) for x in (fused, infrared, visible))
        excess = excess + (fused_lines - _dilate(torch.maximum(*lines), TOLERANCE_RADIUS)).relu()
    return excess


def compute_spurious_gradient(fused: Tensor, infrared: Tensor, visible: Tensor) -> Tensor:
    """Compute by how much gradients of the fused image exceed those of both sources nearby.

    Returns:
        Difference per pixel, (N, 1, H, W), at least 0.
    """
    fused_gradient, *gradients = (
        (_sum_squares(_compute_gradient(x)) + SMALLEST_SQUARE).sqrt()
        for x in (fused, infrared, visible)
    )
    return (fused_gradient - _dilate(torch.maximum(*gradients), TOLERANCE_RADIUS)).relu()


def compute_dark_lines(image: Tensor) -> Tensor:
    """Compute the black top-hat transform: the morphological closing minus the image."""
    closed = -_dilate(-_dilate(image, LINE_RADIUS), LINE_RADIUS)
    return closed - image


def compute_mean(image: Tensor, radius: int) -> Tensor:
    """Compute the mean over a square window, with reflected borders, (N, 1, H, W)."""
    padded = pad(image, (radius,) * 4, mode="reflect")
    side = 2 * radius + 1
    return avg_pool2d(avg_pool2d(padded, (side, 1), 1), (1, side), 1)


def compute_variance(image: Tensor, radius: int) -> Tensor:
    """Compute the variance over a square window, (N, 1, H, W), at least 0."""
    return (compute_mean(image * image, radius) - compute_mean(image, radius) ** 2).relu()


def _compute_brightness_error(
    fused: Tensor, infrared: Tensor, visible: Tensor, brighter_share: float
) -> Tensor:
    """Compute the mean absolute difference of the local mean to that of both sources."""
    means = [compute_mean(x, BRIGHTNESS_RADIUS) for x in (infrared, visible)]
    target = torch.lerp((means[0] + means[1]) / 2, torch.maximum(*means), brighter_share)
    return (compute_mean(fused, BRIGHTNESS_RADIUS) - target).abs().mean()


def _compute_gradient_error(fused: Tensor, infrared: Tensor, visible: Tensor) -> Tensor:
    """Compute the mean absolute difference to the gradient vector of the source with more."""
    gradient, *sources = (_compute_gradient(x) for x in (fused, infrared, visible))
    is_infrared = torch.gt(*map(_sum_squares, sources))
    errors = [
        (derivative - torch.where(is_infrared, infrared_derivative, visible_derivative)).abs()
        for derivative, infrared_derivative, visible_derivative in zip(
            gradient, *sources, strict=True
        )
    ]
    return torch.stack(errors).mean()


def _sum_squares(gradient: Sequence[Tensor]) -> Tensor:
    """Compute the squared magnitude of a gradient from both derivatives."""
    horizontal, vertical = gradient
    return horizontal.square() + vertical.square()


def _compute_gradient(image: Tensor) -> list[Tensor]:
    """Compute both Sobel derivatives as differences per pixel; borders are repeated."""
    padded = pad(image, (1, 1, 1, 1), mode="replicate")
    return [d[..., 1:-1, 1:-1] / SOBEL_SUM for d in sobel_derivatives(padded)]


def _dilate(image: Tensor, radius: int) -> Tensor:
    """Compute the maximum over a square window, (N, 1, H, W)."""
    side = 2 * radius + 1
    rows = max_pool2d(image, (side, 1), 1, (radius, 0))
    return max_pool2d(rows, (1, side), 1, (0, radius))
