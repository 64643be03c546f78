"""Channel and spatial attention block (CSAB) of DMNet.

Sources: Woo et al., "CBAM: Convolutional block attention module", ECCV 2018; Pan et al., "DMNet",
IEEE IoT Journal 2025, section III-D and eq. 10. "Global mixed pooling" is read as half the mean
plus half the maximum.
"""

import torch
from torch import Tensor, nn

CHANNEL_REDUCTION = 4
MIN_HIDDEN_UNITS = 8
"""Minimum number of hidden units of the channel attention; of fewer all may be dead ReLUs."""


class ChannelSpatialAttention(nn.Module):
    """A(.) of eq. 10: channel attention, then spatial attention."""

    def __init__(self, features: int) -> None:
        super().__init__()
        hidden = max(features // CHANNEL_REDUCTION, MIN_HIDDEN_UNITS)
        self.channel = nn.Sequential(
            nn.Conv2d(features, hidden, 1, bias=False),
            nn.ReLU(),
            nn.Conv2d(hidden, features, 1, bias=False),
        )
        self.spatial = nn.Conv2d(2, 1, 7, padding=3)

    def forward(self, x: Tensor) -> Tensor:
        """Weight the channels, then the pixels.

            channels: x * sigmoid(MLP(max) + MLP(mixed)), pooled over the pixels, one shared MLP
            pixels:   x * sigmoid(conv7x7(max, mixed)), pooled over the channels

        Args:
            x: (N, C, H, W).

        Returns:
            (N, C, H, W).
        """
        x = x * sum(self.channel(pooled) for pooled in _pool_max_and_mixed(x, (2, 3))).sigmoid()
        pooled = torch.cat(_pool_max_and_mixed(x, (1,)), dim=1)
        weighted: Tensor = x * self.spatial(pooled).sigmoid()
        return weighted


def _pool_max_and_mixed(x: Tensor, axes: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Compute maximum and mixed pooling over ``axes``, which are kept with length 1."""
    maximum = x.amax(axes, keepdim=True)
    return maximum, 0.5 * (x.mean(axes, keepdim=True) + maximum)
