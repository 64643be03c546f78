"""Channel and spatial attention (CSAB) of DMNet: which maps, and where in them.

Sources: Woo et al., "CBAM: Convolutional block attention module", ECCV 2018; Pan et al., "DMNet",
IEEE IoT Journal 2025, section III-D and eq. 10. "Global mixed pooling" is read as half the mean
plus half the maximum.
"""

import torch
from torch import Tensor, nn

CHANNEL_REDUCTION = 4
MIN_HIDDEN_UNITS = 8
"""Hidden units of the channel attention at least; with fewer all may be dead from the start."""


class ChannelSpatialAttention(nn.Module):
    """A(.) of eq. 10: scale the channels by their pooled description, then the pixels by theirs."""

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
        """(N, C, H, W) in and out.

        channels: x * sigmoid(MLP(max) + MLP(mixed)), pooled over the pixels, one shared MLP
        pixels:   x * sigmoid(conv7x7(max, mixed)), pooled over the channels
        """
        x = x * sum(self.channel(pooled) for pooled in _pool_max_and_mixed(x, (2, 3))).sigmoid()
        scaled: Tensor = x * self.spatial(torch.cat(_pool_max_and_mixed(x, (1,)), dim=1)).sigmoid()
        return scaled


def _pool_max_and_mixed(x: Tensor, over: tuple[int, ...]) -> tuple[Tensor, Tensor]:
    """Maximum and mixed pooling over the given axes, which stay with length one."""
    largest = x.amax(over, keepdim=True)
    return largest, 0.5 * (x.mean(over, keepdim=True) + largest)
