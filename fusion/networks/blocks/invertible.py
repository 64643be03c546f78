"""Dense invertible block (DIB) of DMNet, built from affine couplings.

Sources: Dinh et al., "Density estimation using Real NVP", ICLR 2017 (affine coupling); Kingma and
Dhariwal, "Glow", NeurIPS 2018 (invertible 1x1 convolution); Pan et al., "DMNet", IEEE IoT Journal
2025, section III-B and eq. 2 (dense block).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

COUPLING_LAYERS = 3
"""Coupling layers of the dense block (section III-B); the weight of each output is psi = 1/3."""


class InvertedBottleneck(nn.Sequential):
    """1x1 to twice the width, depthwise 3x3, 1x1 back, with ReLU6 in between.

    ReLU6 bounds the exponent of the affine coupling.
    """

    def __init__(self, features: int) -> None:
        hidden = 2 * features
        super().__init__(
            nn.Conv2d(features, hidden, 1, bias=False),
            nn.ReLU6(),
            nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden, bias=False),
            nn.ReLU6(),
            nn.Conv2d(hidden, features, 1, bias=False),
        )


class CouplingNode(nn.Module):
    """A 1x1 convolution that mixes the channels, then an affine coupling of the two halves.

    z1, z2 = halves of shuffle(x)
    z2' = z2 + phi(z1)
    z1' = z1 * exp(rho(z2')) + eta(z2')
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.shuffle = nn.Conv2d(features, features, 1)
        nn.init.orthogonal_(self.shuffle.weight)  # well conditioned: its inverse is its transpose
        self.phi = InvertedBottleneck(features // 2)
        self.rho = InvertedBottleneck(features // 2)
        self.eta = InvertedBottleneck(features // 2)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the convolution and the coupling, (N, C, H, W) to the same shape, C even."""
        first, second = self.shuffle(x).chunk(2, dim=1)
        second = second + self.phi(first)
        first = first * self.rho(second).exp() + self.eta(second)
        return torch.cat((first, second), dim=1)

    def inverse(self, y: Tensor) -> Tensor:
        """Compute the input of `forward` from its output ``y``.

        The 1x1 convolution is inverted in float64.
        """
        first, second = y.chunk(2, dim=1)
        first = (first - self.eta(second)) * (-self.rho(second)).exp()
        second = second - self.phi(first)
        shuffled = torch.cat((first, second), dim=1)
        bias = self.shuffle.bias
        assert bias is not None
        matrix = self.shuffle.weight[..., 0, 0].double()
        inverse_weight = matrix.inverse().to(y.dtype)[..., None, None]
        return functional.conv2d(shuffled - bias[:, None, None], inverse_weight)


class DenseInvertibleBlock(nn.Module):
    """DIB, D(.) of eq. 2: mean of the outputs of three coupling nodes in cascade.

    The cascade is invertible, the mean is not: `inverse` takes the last of the layer outputs.
    """

    def __init__(self, features: int) -> None:
        super().__init__()
        self.layers = nn.ModuleList(CouplingNode(features) for _ in range(COUPLING_LAYERS))

    def compute_layer_outputs(self, x: Tensor) -> list[Tensor]:
        """Compute the outputs of the three nodes in order, each (N, C, H, W)."""
        outputs = []
        for layer in self.layers:
            x = layer(x)
            outputs.append(x)
        return outputs

    def forward(self, x: Tensor) -> Tensor:
        """Compute the mean of the three outputs, (N, C, H, W) to the same shape."""
        first, second, third = self.compute_layer_outputs(x)
        return (first + second + third) / COUPLING_LAYERS

    def inverse(self, last: Tensor) -> Tensor:
        """Compute the input of the block from the last of its layer outputs, (N, C, H, W)."""
        for layer in reversed(self.layers):
            assert isinstance(layer, CouplingNode)
            last = layer.inverse(last)
        return last
