"""The dense invertible block of DMNet: affine couplings that lose nothing of their input.

Sources: Dinh et al., "Density estimation using Real NVP", ICLR 2017 (affine coupling); Kingma and
Dhariwal, "Glow", NeurIPS 2018 (invertible 1x1 convolution); Pan et al., "DMNet", IEEE IoT Journal
2025, section III-B and eq. 2 (dense block).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

COUPLING_LAYERS = 3
"""Coupling layers of the dense block (section III-B); each output weighs psi = 1/3."""


class InvertedBottleneck(nn.Sequential):
    """1x1 to twice the width, depthwise 3x3, 1x1 back; ReLU6 between, which bounds the exponent."""

    def __init__(self, features: int) -> None:
        wide = 2 * features
        super().__init__(
            nn.Conv2d(features, wide, 1, bias=False),
            nn.ReLU6(),
            nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False),
            nn.ReLU6(),
            nn.Conv2d(wide, features, 1, bias=False),
        )


class CouplingNode(nn.Module):
    """A 1x1 convolution that shuffles the channels, then one affine coupling of the two halves.

    z1, z2 = halves of shuffle(x)
    z2' = z2 + phi(z1)
    z1' = z1 * exp(rho(z2')) + eta(z2')
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.shuffle = nn.Conv2d(features, features, 1)
        nn.init.orthogonal_(self.shuffle.weight)  # its own transpose undoes it: well conditioned
        self.phi = InvertedBottleneck(features // 2)
        self.rho = InvertedBottleneck(features // 2)
        self.eta = InvertedBottleneck(features // 2)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) in and out, C even."""
        first, second = self.shuffle(x).chunk(2, dim=1)
        second = second + self.phi(first)
        first = first * self.rho(second).exp() + self.eta(second)
        return torch.cat((first, second), dim=1)

    def inverse(self, y: Tensor) -> Tensor:
        """The x whose `forward` is ``y``; the 1x1 convolution is inverted in float64."""
        first, second = y.chunk(2, dim=1)
        first = (first - self.eta(second)) * (-self.rho(second)).exp()
        second = second - self.phi(first)
        shuffled = torch.cat((first, second), dim=1)
        bias = self.shuffle.bias
        assert bias is not None
        back = self.shuffle.weight[..., 0, 0].double().inverse().to(y.dtype)[..., None, None]
        return functional.conv2d(shuffled - bias[:, None, None], back)


class DenseInvertibleBlock(nn.Module):
    """DIB, D(.) of eq. 2: three coupling nodes in cascade, the three outputs averaged.

    The cascade is invertible, its mean is not: `inverse` undoes the last of `outputs`.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(CouplingNode(features) for _ in range(COUPLING_LAYERS))

    def compute_layer_outputs(self, x: Tensor) -> list[Tensor]:
        """What each of the three nodes gives, first to last, each (N, C, H, W)."""
        found = []
        for layer in self.layers:
            x = layer(x)
            found.append(x)
        return found

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) in and out: 1/3 of the sum of the three outputs."""
        first, second, third = self.compute_layer_outputs(x)
        return (first + second + third) / COUPLING_LAYERS

    def inverse(self, last: Tensor) -> Tensor:
        """The block's input, given the last of its `outputs`; (N, C, H, W)."""
        for layer in reversed(self.layers):
            assert isinstance(layer, CouplingNode)
            last = layer.inverse(last)
        return last
