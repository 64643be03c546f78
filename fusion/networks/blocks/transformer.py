"""Transformer blocks of DMNet: self-attention between channels, and the dense block of five.

Sources: Zamir et al., "Restormer: Efficient transformer for high-resolution image restoration",
CVPR 2022 (one block); Pan et al., "DMNet", IEEE IoT Journal 2025, section III-B and eq. 1 (dense
block).
"""

import torch
from torch import Tensor, nn
from torch.nn import functional

from fusion.networks.dmnet_architecture import TransformerWiring

TRANSFORMER_LAYERS = 5
"""Transformer layers of the dense block (section III-B); each output weighs omega = 1/5."""


class ChannelLayerNorm(nn.Module):
    """Layer normalization over the channels of every pixel, with weight and bias."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) in and out: mean 0, variance 1 over C, then weight and bias."""
        last = x.permute(0, 2, 3, 1)
        normal = functional.layer_norm(last, self.weight.shape, self.weight, self.bias, 1e-5)
        return normal.permute(0, 3, 1, 2)


class ChannelAttention(nn.Module):
    """Multi-head attention in which channels, not pixels, attend to each other.

    The score matrix of a head is (C/heads, C/heads) at any image size; nothing grows with the
    square of the number of pixels.
    """

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.heads = heads
        self.temperature = nn.Parameter(torch.ones(heads, 1, 1))
        self.expand = nn.Conv2d(features, 3 * features, 1, bias=False)
        self.mix = nn.Conv2d(
            3 * features, 3 * features, 3, padding=1, groups=3 * features, bias=False
        )
        self.project = nn.Conv2d(features, features, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) in and out: project(softmax(temperature * cos(q, k)) v).

        The cosine is taken over the pixels: q.k is divided by both lengths afterwards, which is
        the same as normalizing q and k first and spares two feature maps.
        """
        parts = self.mix(self.expand(x)).flatten(2).unflatten(1, (3, self.heads, -1))
        query, key, value = parts.unbind(1)  # each (N, heads, C/heads, H*W)
        lengths = _compute_l2_norm(query) * _compute_l2_norm(key).transpose(-2, -1)
        cosine = query @ key.transpose(-2, -1) / lengths.clamp_min(1e-12)
        attended = (cosine * self.temperature).softmax(dim=-1) @ value
        mixed: Tensor = self.project(attended.flatten(1, 2).unflatten(-1, x.shape[-2:]))
        return mixed


class GatedFeedForward(nn.Module):
    """Two depthwise branches of twice the width, one of them the GELU gate of the other."""

    def __init__(self, features: int) -> None:
        super().__init__()
        wide = 4 * features
        self.expand = nn.Conv2d(features, wide, 1, bias=False)
        self.mix = nn.Conv2d(wide, wide, 3, padding=1, groups=wide, bias=False)
        self.project = nn.Conv2d(wide // 2, features, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) in and out: project(gelu(a) * b)."""
        gate, signal = self.mix(self.expand(x)).chunk(2, dim=1)
        projected: Tensor = self.project(functional.gelu(gate) * signal)
        return projected


class TransformerBlock(nn.Module):
    """One Restormer block: channel attention, then the gated feed-forward, each a residual."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.attention_norm = ChannelLayerNorm(features)
        self.attention = ChannelAttention(features, heads)
        self.feed_forward_norm = ChannelLayerNorm(features)
        self.feed_forward = GatedFeedForward(features)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) in and out, any size."""
        x = x + self.attention(self.attention_norm(x))
        refined: Tensor = x + self.feed_forward(self.feed_forward_norm(x))
        return refined


class DenseTransformerBlock(nn.Module):
    """DTB, B(.) of eq. 1: the mean of features of depth one to five.

    ``cascade`` (the paper: "each layer's output cascade is used as the input to the next layer"):
    five blocks one after the other, the five outputs averaged. ``parallel`` (an early version of
    the authors' code): branch i is i blocks deep and has its own weights, so fifteen blocks.
    """

    def __init__(self, features: int, heads: int, wiring: TransformerWiring = "cascade") -> None:
        super().__init__()
        depths = (
            (1,) * TRANSFORMER_LAYERS if wiring == "cascade" else range(1, TRANSFORMER_LAYERS + 1)
        )
        self.cascade = wiring == "cascade"
        self.layers = nn.ModuleList(
            nn.Sequential(*(TransformerBlock(features, heads) for _ in range(depth)))
            for depth in depths
        )

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) in and out: 1/5 of the sum of the five outputs."""
        mean = torch.zeros_like(x)
        current = x
        for layer in self.layers:
            current = layer(current if self.cascade else x)
            mean = torch.add(mean, current, alpha=1 / TRANSFORMER_LAYERS)
        return mean


def _compute_l2_norm(rows: Tensor) -> Tensor:
    """Euclidean length over the pixels, (..., C, H*W) to (..., C, 1)."""
    length: Tensor = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return length
