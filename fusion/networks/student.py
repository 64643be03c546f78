"""Student: local affine fusion with coefficients that a small network predicts.

    F = A * IR + B * VIS + D * |IR - VIS| + C

A network at a quarter of the resolution predicts the coefficients A, B, D and C of every pixel;
they are upsampled bilinearly and applied at full resolution. The absolute difference gives access
to the pixelwise maximum, (IR + VIS + |IR - VIS|) / 2, and to the minimum. The idea of a smooth
field of affine maps at low resolution is that of Gharbi et al., "Deep bilateral learning for
real-time image enhancement", ACM Transactions on Graphics 36(4), 2017.
"""

from collections.abc import Mapping, Sequence
from itertools import product

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate, relu

from fusion.networks.student_architecture import STUDENT_TERMS, StudentTerm

SCALE = 4  # the network computes at a quarter of the resolution
INITIAL_COEFFICIENTS = {"infrared": 0.5, "visible": 0.5}  # the mean of both images; others are 0


class Student(nn.Module):
    """The student for training and inference.

    All images are luminance in [0, 1], (N, 1, H, W); H and W are multiples of 16.

    Attributes:
        width: Channels of every layer.
        terms: Terms of the affine map, in the order of the coefficients.
    """

    def __init__(self, width: int = 16, terms: Sequence[StudentTerm] = STUDENT_TERMS) -> None:
        super().__init__()
        self.width, self.terms = width, tuple(terms)
        self.stem = nn.Conv2d(2, width, SCALE, stride=SCALE)
        self.quarter_in = _build_convolution(width)
        self.to_eighth = _build_convolution(width, stride=2)
        self.eighth_in = _build_convolution(width)
        self.to_sixteenth = _build_convolution(width, stride=2)
        self.sixteenth_first = _build_convolution(width)
        self.sixteenth_second = _build_convolution(width)
        self.eighth_out = _build_convolution(width)
        self.quarter_out = _build_convolution(width)
        self.coefficients = nn.Conv2d(width, len(self.terms), 1)
        self._initialize_coefficients()

    def _initialize_coefficients(self) -> None:
        """Make the initial fused image the mean of both images."""
        initial = [INITIAL_COEFFICIENTS.get(term, 0.0) for term in self.terms]
        with torch.no_grad():
            self.coefficients.weight.zero_()
            self.coefficients.bias.copy_(torch.tensor(initial))  # type: ignore[union-attr]

    def predict_coefficients(self, infrared: Tensor, visible: Tensor) -> Tensor:
        """Predict the coefficients of the affine map at a quarter of the resolution.

        Args:
            infrared: (N, 1, H, W).
            visible: (N, 1, H, W).

        Returns:
            (N, terms, H / 4, W / 4).
        """
        stem = relu(self.stem(torch.cat((infrared, visible), dim=1)))
        quarter = stem + relu(self.quarter_in(stem))
        eighth = relu(self.to_eighth(quarter))
        eighth = eighth + relu(self.eighth_in(eighth))
        sixteenth = relu(self.to_sixteenth(eighth))
        sixteenth = sixteenth + relu(self.sixteenth_first(sixteenth))
        sixteenth = sixteenth + relu(self.sixteenth_second(sixteenth))
        eighth = eighth + interpolate(sixteenth, scale_factor=2, mode="bilinear")
        eighth = eighth + relu(self.eighth_out(eighth))
        quarter = quarter + interpolate(eighth, scale_factor=2, mode="bilinear")
        quarter = quarter + relu(self.quarter_out(quarter))
        predicted: Tensor = self.coefficients(quarter)
        return predicted

    def forward(self, infrared: Tensor, visible: Tensor) -> Tensor:
        """Fuse a batch of pairs; the fused images are not clipped, (N, 1, H, W)."""
        coefficients = self.predict_coefficients(infrared, visible)
        return apply_coefficients(coefficients, self.terms, infrared, visible)

    def sample_noise(self, infrared: Tensor, visible: Tensor) -> list[Tensor]:
        """Return no noise: the student is deterministic."""
        return []

    def fuse(self, infrared: Tensor, visible: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """See `fusion.networks.tiled_inference.TrainedNetwork`; the same as calling the network."""
        coefficients = self.predict_coefficients(infrared, visible)
        return apply_coefficients_fast(coefficients, self.terms, infrared, visible)


def apply_coefficients(
    coefficients: Tensor, terms: Sequence[StudentTerm], infrared: Tensor, visible: Tensor
) -> Tensor:
    """Upsample the coefficients and apply the affine map, in float32.

    Args:
        coefficients: One map for each term, (N, terms, H / 4, W / 4).
        terms: Names of the terms.
        infrared: (N, 1, H, W).
        visible: (N, 1, H, W).

    Returns:
        (N, 1, H, W).
    """
    # One call for each map: this is faster in ONNX, and so are the contiguous maps.
    maps = [
        interpolate(plane, scale_factor=SCALE, mode="bilinear")
        for plane in coefficients.float().chunk(len(terms), dim=1)
    ]
    return _apply_affine_map(dict(zip(terms, maps, strict=True)), infrared, visible)


def apply_coefficients_fast(
    coefficients: Tensor, terms: Sequence[StudentTerm], infrared: Tensor, visible: Tensor
) -> Tensor:
    """Compute `apply_coefficients` without gradients; on the CPU ten times faster, with OpenCV."""
    if coefficients.device.type != "cpu":
        return apply_coefficients(coefficients, terms, infrared, visible)
    import cv2

    count, _, height, width = coefficients.shape
    maps = torch.empty(len(terms), count, 1, SCALE * height, SCALE * width)
    planes = coefficients.float().contiguous().numpy()
    size = (SCALE * width, SCALE * height)
    for index, number in product(range(len(terms)), range(count)):
        target = maps[index, number, 0].numpy()
        cv2.resize(planes[number, index], size, target, interpolation=cv2.INTER_LINEAR)
    return _apply_affine_map(dict(zip(terms, maps, strict=True)), infrared, visible)


def _apply_affine_map(
    maps: Mapping[StudentTerm, Tensor], infrared: Tensor, visible: Tensor
) -> Tensor:
    """Compute the sum of the terms, each multiplied by its coefficient.

    Args:
        maps: Coefficients of every term, (N, 1, H, W); they may be overwritten.
        infrared: (N, 1, H, W).
        visible: (N, 1, H, W).

    Returns:
        (N, 1, H, W).
    """
    fused = maps["infrared"].mul_(infrared).addcmul_(maps["visible"], visible)
    if "difference" in maps:
        fused = fused.addcmul_(maps["difference"], (infrared - visible).abs_())
    return fused.add_(maps["offset"]) if "offset" in maps else fused


def _build_convolution(width: int, stride: int = 1) -> nn.Conv2d:
    """Build a 3 x 3 convolution that keeps the number of channels."""
    return nn.Conv2d(width, width, 3, stride=stride, padding=1)
