"""Residual blocks of the denoising network, conditioned on the noise level."""

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from fusion.networks.blocks.normalization import AccurateGroupNorm

MAX_GROUPS = 32  # groups of a normalization


def disable_autocast(x: Tensor) -> AbstractContextManager[object]:
    """Return a context in which the device of ``x`` computes without autocast, in float32.

    The last layer of a network needs it: the 8 significant bits of bfloat16 do not resolve the
    gray levels of an image. The device ``meta``, on which operations are counted, has no
    autocast.
    """
    device_type = x.device.type
    return nullcontext() if device_type == "meta" else torch.autocast(device_type, enabled=False)


def build_group_norm(width: int, inner: int) -> nn.GroupNorm:
    """Build a group normalization of ``width`` channels with at most 32 groups.

    Every width in the network is a multiple of ``inner``, so a divisor of ``inner`` divides all.
    At a quarter of the full width (inner = 32) there are 32 groups, as in the released code. In
    the first level a group is then a single channel, and the normalization removes everything
    that a bias or the noise level adds to it. Narrower networks have two channels per group, so
    that the noise level reaches all levels.
    """
    groups = math.gcd(inner, MAX_GROUPS) if inner >= MAX_GROUPS else inner // 2
    return AccurateGroupNorm(groups, width)


def encode_noise_level(level: Tensor, width: int) -> Tensor:
    """Encode the noise level by sines and cosines of ``width / 2`` frequencies from 1 to 1e-4.

        [sin(level f_i), cos(level f_i)],   f_i = 10^(-4 i / (width / 2))

    Args:
        level: sqrt(abar), (N,).
        width: Even.

    Returns:
        (N, width).
    """
    half = width // 2
    exponents = torch.arange(half, dtype=level.dtype, device=level.device) / half
    angles = level[:, None] * torch.exp(-math.log(1e4) * exponents)
    return torch.cat((angles.sin(), angles.cos()), dim=1)


class ResidualBlock(nn.Module):
    """Residual block of two normalized convolutions; the noise level is added between them."""

    def __init__(
        self, before: int, after: int, inner: int, *, dropout: float, attention: bool
    ) -> None:
        super().__init__()
        self.norm1 = build_group_norm(before, inner)
        self.conv1 = nn.Conv2d(before, after, 3, padding=1)
        self.level = nn.Linear(inner, after)
        self.norm2 = build_group_norm(after, inner)
        self.dropout = nn.Dropout(dropout)
        self.conv2 = nn.Conv2d(after, after, 3, padding=1)
        self.shortcut = nn.Conv2d(before, after, 1) if before != after else nn.Identity()
        self.attention = SelfAttention(after, inner) if attention else nn.Identity()

    def forward(self, x: Tensor, level_embedding: Tensor) -> Tensor:
        """Apply the block.

        Args:
            x: (N, before, H, W).
            level_embedding: Embedding of the noise level, (N, inner).

        Returns:
            (N, after, H, W).
        """
        y = self.conv1(nn.functional.silu(self.norm1(x), inplace=True))
        y += self.level(level_embedding)[:, :, None, None]
        y = self.conv2(self.dropout(nn.functional.silu(self.norm2(y), inplace=True)))
        y += self.shortcut(x)
        z: Tensor = self.attention(y)
        return z


class SelfAttention(nn.Module):
    """Residual self-attention over all pixels with one head: x + out(softmax(q k / sqrt(C)) v)."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.norm = build_group_norm(width, inner)
        self.qkv = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """Apply self-attention, (N, C, H, W) to the same shape."""
        pixels = self.qkv(self.norm(x)).flatten(2).transpose(1, 2)[:, None]
        query, key, value = pixels.chunk(3, dim=3)  # (N, 1 head, H W, C)
        attended = nn.functional.scaled_dot_product_attention(query, key, value)
        y: Tensor = x + self.out(attended[:, 0].transpose(1, 2).reshape(x.shape))
        return y
