"""Student: local affine fusion with coefficients that a small network predicts.

The fused image is a sum: the two images, their absolute difference and bands of their Laplacian
pyramids, multiplied by coefficients of every pixel, and an offset; see
`fusion.networks.student_affine_map`. The network predicts the coefficients at a quarter of the
resolution. The idea of a smooth field of affine maps at low resolution is that of Gharbi et al.,
"Deep bilateral learning for real-time image enhancement", ACM Transactions on Graphics 36(4), 2017.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from fusion.networks.student_affine_map import (
    COEFFICIENTS,
    MEAN_COEFFICIENTS,
    SCALE,
    apply_coefficients,
    apply_coefficients_fast,
)


class Student(nn.Module):
    """The student for training and inference.

    All images are luminance in [0, 1], (N, 1, H, W); H and W are multiples of 16.

    Attributes:
        width: Channels of every layer.
    """

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        self.width = width
        self.stem = nn.Conv2d(2, width, SCALE, stride=SCALE)
        self.to_eighth = _build_convolution(width, stride=2)
        self.eighth_in = _build_residual_blocks(width)
        self.to_sixteenth = _build_convolution(width, stride=2)
        self.sixteenth = _build_residual_blocks(width)
        self.eighth_out = _build_residual_blocks(width)
        self.coefficients = nn.Conv2d(width, COEFFICIENTS, 1)
        self._initialize_coefficients()

    def _initialize_coefficients(self) -> None:
        """Make the initial fused image the mean of both images."""
        with torch.no_grad():
            self.coefficients.weight.zero_()
            self.coefficients.bias.copy_(  # type: ignore[union-attr]
                torch.tensor(MEAN_COEFFICIENTS)
            )

    def predict_coefficients(self, infrared: Tensor, visible: Tensor) -> Tensor:
        """Predict the coefficients of the affine map at a quarter of the resolution.

        Args:
            infrared: (N, 1, H, W).
            visible: (N, 1, H, W).

        Returns:
            (N, `COEFFICIENTS`, H / 4, W / 4).
        """
        quarter = relu(self.stem(torch.cat((infrared, visible), dim=1)))
        eighth = self.eighth_in(relu(self.to_eighth(quarter)))
        sixteenth = self.sixteenth(relu(self.to_sixteenth(eighth)))
        eighth = self.eighth_out(eighth + _double_resolution(sixteenth))
        predicted: Tensor = self.coefficients(quarter + _double_resolution(eighth))
        return predicted

    def forward(self, infrared: Tensor, visible: Tensor) -> Tensor:
        """Fuse a batch of pairs; the fused images are not clipped, (N, 1, H, W)."""
        coefficients = self.predict_coefficients(infrared, visible)
        return apply_coefficients(coefficients, infrared, visible)

    def sample_noise(self, infrared: Tensor, visible: Tensor) -> list[Tensor]:
        """Return no noise: the student is deterministic."""
        return []

    def fuse(self, infrared: Tensor, visible: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """See `fusion.networks.tiled_inference.TrainedNetwork`; the same as calling the network."""
        coefficients = self.predict_coefficients(infrared, visible)
        return apply_coefficients_fast(coefficients, infrared, visible)


def _double_resolution(image: Tensor) -> Tensor:
    return interpolate(image, scale_factor=2, mode="bilinear")


class _ResidualBlock(nn.Module):
    """A convolution whose output is added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.convolution = _build_convolution(width)

    def forward(self, features: Tensor) -> Tensor:
        return features + relu(self.convolution(features))


def _build_residual_blocks(width: int) -> nn.Sequential:
    return nn.Sequential(_ResidualBlock(width), _ResidualBlock(width))


def _build_convolution(width: int, stride: int = 1) -> nn.Conv2d:
    """Build a 3 x 3 convolution that keeps the number of channels."""
    return nn.Conv2d(width, width, 3, stride=stride, padding=1)
