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
"""Layers of the dense block (section III-B); the weight of each output is omega = 1/5."""


class ChannelLayerNorm(nn.Module):
    """Layer normalization over the channels of each pixel, with weight and bias."""

    def __init__(self, features: int) -> None:
        super().__init__()
        self.weight = nn.Parameter(torch.ones(features))
        self.bias = nn.Parameter(torch.zeros(features))

    def forward(self, x: Tensor) -> Tensor:
        """Normalize to mean 0 and variance 1 over C, (N, C, H, W) to the same shape."""
        channels_last = x.permute(0, 2, 3, 1)
        normalized = functional.layer_norm(
            channels_last, self.weight.shape, self.weight, self.bias, 1e-5
        )
        return normalized.permute(0, 3, 1, 2)


class ChannelAttention(nn.Module):
    """Multi-head attention in which channels, not pixels, attend to each other.

    The score matrix of a head is (C/heads, C/heads) for any image size; memory is linear in the
    number of pixels.
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
        """Compute project(softmax(temperature * cos(q, k)) v), (N, C, H, W) to the same shape.

        The cosine is taken over the pixels. q.k is divided by both norms afterwards, which equals
        normalizing q and k first and saves two feature maps.
        """
        qkv = self.mix(self.expand(x)).flatten(2).unflatten(1, (3, self.heads, -1))
        query, key, value = qkv.unbind(1)  # each (N, heads, C/heads, H*W)
        norms = _compute_l2_norm(query) * _compute_l2_norm(key).transpose(-2, -1)
        cosine = query @ key.transpose(-2, -1) / norms.clamp_min(1e-12)
        attended = (cosine * self.temperature).softmax(dim=-1) @ value
        projected: Tensor = self.project(attended.flatten(1, 2).unflatten(-1, x.shape[-2:]))
        return projected


class GatedFeedForward(nn.Module):
    """Feed-forward network of two depthwise branches of twice the width; one gates the other."""

    def __init__(self, features: int) -> None:
        super().__init__()
        hidden = 4 * features
        self.expand = nn.Conv2d(features, hidden, 1, bias=False)
        self.mix = nn.Conv2d(hidden, hidden, 3, padding=1, groups=hidden, bias=False)
        self.project = nn.Conv2d(hidden // 2, features, 1, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Compute project(gelu(a) * b), (N, C, H, W) to the same shape."""
        gate, signal = self.mix(self.expand(x)).chunk(2, dim=1)
        projected: Tensor = self.project(functional.gelu(gate) * signal)
        return projected


class TransformerBlock(nn.Module):
    """Restormer block: channel attention and gated feed-forward network, each with a residual."""

    def __init__(self, features: int, heads: int) -> None:
        super().__init__()
        self.attention_norm = ChannelLayerNorm(features)
        self.attention = ChannelAttention(features, heads)
        self.feed_forward_norm = ChannelLayerNorm(features)
        self.feed_forward = GatedFeedForward(features)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block, (N, C, H, W) to the same shape, any size."""
        x = x + self.attention(self.attention_norm(x))
        refined: Tensor = x + self.feed_forward(self.feed_forward_norm(x))
        return refined


class DenseTransformerBlock(nn.Module):
    """DTB, B(.) of eq. 1: mean of features of depth one to five.

    ``cascade`` (the paper: "each layer's output cascade is used as the input to the next layer"):
    five blocks in series; their five outputs are averaged. ``parallel`` (an early version of the
    authors' code): branch i has i blocks with their own weights, fifteen blocks in all.
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
        """Compute the mean of the five outputs, (N, C, H, W) to the same shape."""
        mean = torch.zeros_like(x)
        current = x
        for layer in self.layers:
            current = layer(current if self.cascade else x)
            mean = torch.add(mean, current, alpha=1 / TRANSFORMER_LAYERS)
        return mean


def _compute_l2_norm(rows: Tensor) -> Tensor:
    """Compute the Euclidean norm over the pixels, (..., C, H*W) to (..., C, 1)."""
    norm: Tensor = torch.linalg.vector_norm(rows, dim=-1, keepdim=True)
    return norm
