"""The U-Net-style CNN encoder of the ablation "w/o Dif" (DMFuse Table 6).

The paper says no more of it than this. Chosen here: the widths and the five levels of the
denoising network that it replaces, one double convolution per level and direction, features from
the expanding path. It is trained together with the fusion network and sees the clean image.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from fusion.networks.blocks.residual import build_group_norm
from fusion.networks.denoising import WIDTH_MULTIPLIERS, Upsample


class ConvolutionalEncoder(nn.Module):
    """An image to features at five levels, as the denoising network gives them at one step."""

    def __init__(self, *, channels: int, inner: int) -> None:
        super().__init__()
        widths = [inner * m for m in WIDTH_MULTIPLIERS]
        before = [channels, *widths[:-1]]
        self.down = nn.ModuleList(
            _build_double_convolution(b, w, inner) for b, w in zip(before, widths, strict=True)
        )
        self.smaller = nn.ModuleList(nn.Conv2d(w, w, 3, stride=2, padding=1) for w in widths[:-1])
        self.larger = nn.ModuleList(Upsample(w) for w in widths[1:])
        self.up = nn.ModuleList(
            _build_double_convolution(w + deeper, w, inner) for w, deeper in pairwise(widths)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """(N, channels, H, W), H and W multiples of 16, to levels 1 (finest) to 5."""
        levels, x = [], image
        for depth, block in enumerate(self.down):
            x = block(x if depth == 0 else self.smaller[depth - 1](x))
            levels.append(x)
        for depth in reversed(range(len(self.up))):
            x = self.up[depth](torch.cat((self.larger[depth](x), levels[depth]), dim=1))
            levels[depth] = x
        return levels


def _build_double_convolution(before: int, after: int, inner: int) -> nn.Sequential:
    return nn.Sequential(
        nn.Conv2d(before, after, 3, padding=1),
        build_group_norm(after, inner),
        nn.SiLU(),
        nn.Conv2d(after, after, 3, padding=1),
        build_group_norm(after, inner),
        nn.SiLU(),
    )
