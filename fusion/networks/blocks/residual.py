"""What the denoising network is built of: residual blocks that are told the noise level."""

import math
from contextlib import AbstractContextManager, nullcontext

import torch
from torch import Tensor, nn

from fusion.networks.blocks.normalization import AccurateGroupNorm

MAX_GROUPS = 32  # of the normalizations, where the width allows it


def disable_autocast(x: Tensor) -> AbstractContextManager[object]:
    """A block that computes in float32 where the rest may be in bfloat16.

    bfloat16 has 8 bits, fewer than the gray levels of an image, so the last layer of a network
    is computed in one. The device ``meta``, on which networks are counted, has no autocast.
    """
    kind = x.device.type
    return nullcontext() if kind == "meta" else torch.autocast(kind, enabled=False)


def build_group_norm(width: int, inner: int) -> nn.GroupNorm:
    """Group normalization of ``width`` channels, in at most 32 groups.

    Every width in the network is a multiple of the inner one, so a divisor of that fits all. At
    a quarter of the full width (32) that is 32 groups as released: one channel each in the first
    level, which takes out again whatever a bias, the noise level's too, adds to a channel.
    Narrower networks have two channels in a group, so that all their levels are told.
    """
    groups = math.gcd(inner, MAX_GROUPS) if inner >= MAX_GROUPS else inner // 2
    return AccurateGroupNorm(groups, width)


def encode_noise_level(level: Tensor, width: int) -> Tensor:
    """The noise level as sines and cosines of ``width / 2`` frequencies from 1 to 1e-4.

        [sin(level f_i), cos(level f_i)],   f_i = 10^(-4 i / (width / 2))

    Args:
        level: sqrt(abar), (N,).
        width: Even.

    Returns:
        (N, width).
    """
    half = width // 2
    steps = torch.arange(half, dtype=level.dtype, device=level.device) / half
    angles = level[:, None] * torch.exp(-math.log(1e4) * steps)
    return torch.cat((angles.sin(), angles.cos()), dim=1)


class ResidualBlock(nn.Module):
    """Two normalized convolutions beside a shortcut; the noise level is added between them."""

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

    def forward(self, x: Tensor, told: Tensor) -> Tensor:
        """(N, before, H, W) and the embedded level (N, inner) to (N, after, H, W)."""
        y = self.conv1(nn.functional.silu(self.norm1(x), inplace=True))
        y += self.level(told)[:, :, None, None]
        y = self.conv2(self.dropout(nn.functional.silu(self.norm2(y), inplace=True)))
        y += self.shortcut(x)
        z: Tensor = self.attention(y)
        return z


class SelfAttention(nn.Module):
    """Every position looks at all others: softmax(q k / sqrt(C)) v, one head, beside a shortcut."""

    def __init__(self, width: int, inner: int) -> None:
        super().__init__()
        self.norm = build_group_norm(width, inner)
        self.qkv = nn.Conv2d(width, 3 * width, 1, bias=False)
        self.out = nn.Conv2d(width, width, 1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        rows = self.qkv(self.norm(x)).flatten(2).transpose(1, 2)[:, None]
        query, key, value = rows.chunk(3, dim=3)  # (N, 1 head, H W, C)
        seen = nn.functional.scaled_dot_product_attention(query, key, value)
        y: Tensor = x + self.out(seen[:, 0].transpose(1, 2).reshape(x.shape))
        return y
