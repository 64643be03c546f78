"""Transformer blocks of DMNet: self-attention between channels, and the dense block of five.

Sources: Zamir et al., "Restormer: Efficient transformer for high-resolution image restoration",
CVPR 2022 (one block); Pan et al., "DMNet", IEEE IoT Journal 2025, section III-B and eq. 1 (dense
block).
"""

from collections.abc import Callable, Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional

from fusion.networks.dmnet_architecture import TransformerWiring

TRANSFORMER_LAYERS = 5
"""Layers of the dense block (section III-B); the weight of each output is omega = 1/5."""


STRIP_PIXELS = 8192  # pixels of a strip; their features fit into the cache of a CPU core


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

    def add_in_strips(self, x: Tensor, norm: nn.Module) -> Tensor:
        """Compute x + self(norm(x)) of one image in strips; see `_iterate_mixed_strips`.

        Attention and projection are one 1x1 convolution of the values.
        """
        features = x.shape[1]
        products = torch.zeros(features, features, device=x.device)
        squares = torch.zeros(2 * features, device=x.device)
        values = []
        for strip in _iterate_mixed_strips(x, lambda rows: self.expand(norm(rows)), self.mix):
            value = strip[:, 2 * features :]
            values.append(value.contiguous(memory_format=torch.channels_last))
            rows = strip[0, : 2 * features].permute(1, 2, 0).reshape(-1, 2 * features).float()
            products += rows[:, :features].T @ rows[:, features:]
            squares += rows.square().sum(0)
        size = features // self.heads
        query_norm, key_norm = squares.sqrt().view(2, self.heads, size)
        norms = query_norm[:, :, None] * key_norm[:, None]
        blocks = products.view(self.heads, size, self.heads, size).diagonal(dim1=0, dim2=2)
        cosine = blocks.permute(2, 0, 1) / norms.clamp_min(1e-12)
        attention = (cosine * self.temperature).softmax(dim=-1)
        head_weights = self.project.weight.view(features, self.heads, size)
        weight = torch.einsum("ohi,hij->ohj", head_weights, attention).reshape(features, -1, 1, 1)
        # The values of a strip are freed as soon as they are added.
        y = torch.empty_like(x)
        first = 0
        while values:
            value = values.pop(0)
            area = (..., slice(first, first := first + value.shape[2]), slice(None))
            torch.add(x[area], functional.conv2d(value, weight), out=y[area])
        return y


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

    def add_in_strips(self, x: Tensor, norm: nn.Module) -> Tensor:
        """Compute x + self(norm(x)) of one image in strips; see `_iterate_mixed_strips`."""
        y = torch.empty_like(x)
        first = 0
        for strip in _iterate_mixed_strips(x, lambda rows: self.expand(norm(rows)), self.mix):
            gate, signal = strip.chunk(2, dim=1)
            area = (..., slice(first, first := first + strip.shape[2]), slice(None))
            torch.add(x[area], self.project(functional.gelu(gate) * signal), out=y[area])
        return y


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
        if _may_use_strips(x):
            x = x.contiguous(memory_format=torch.channels_last)
            x = self.attention.add_in_strips(x, self.attention_norm)
            return self.feed_forward.add_in_strips(x, self.feed_forward_norm)
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


def _may_use_strips(x: Tensor) -> bool:
    """Return whether features are those of one image on the CPU (or counted), not of a training."""
    return not torch.is_grad_enabled() and x.device.type in ("cpu", "meta") and len(x) == 1


def _iterate_mixed_strips(
    x: Tensor, expand: Callable[[Tensor], Tensor], mix: nn.Conv2d
) -> Iterator[Tensor]:
    """Compute mix(expand(x)) of one image in strips of rows that stay in the cache.

    Args:
        x: (1, C, H, W), channels last.
        expand: Function of each pixel, (1, C, rows, W) to (1, C', rows, W).
        mix: Depthwise 3x3 convolution with a padding of 1, without bias.

    Yields:
        Strips from top to bottom, (1, C', rows, W).
    """
    height, width = x.shape[2:]
    rows = max(1, STRIP_PIXELS // width)
    outside = x.new_zeros(1, mix.in_channels, 1, width)
    above = outside  # expanded rows that this strip has in common with the one before
    expanded_rows = 0
    for first in range(0, height, rows):
        parts, end = [above], min(first + rows + 1, height)
        if end > expanded_rows:
            parts.append(expand(x[:, :, expanded_rows:end]))
        if first + rows >= height:
            parts.append(outside)
        padded = torch.cat(parts, dim=2)
        above, expanded_rows = padded[:, :, -2:], end
        yield functional.conv2d(padded, mix.weight, padding=(0, 1), groups=mix.groups)
