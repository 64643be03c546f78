"""U-Net-style CNN encoder of the ablation "w/o Dif" (DMFuse Table 6).

The paper gives no further details. Chosen here: the widths and the five levels of the denoising
network that it replaces, one double convolution per level and path, and features from the
expanding path. It is trained together with the fusion network; its input is the clean image.
"""

from itertools import pairwise

import torch
from torch import Tensor, nn

from fusion.networks.blocks.residual import build_group_norm
from fusion.networks.denoising import WIDTH_MULTIPLIERS, Upsample


class ConvolutionalEncoder(nn.Module):
    """Extract features at five levels, of the shapes of the denoising network at one time step."""

    def __init__(self, *, channels: int, inner: int) -> None:
        super().__init__()
        widths = [inner * m for m in WIDTH_MULTIPLIERS]
        input_widths = [channels, *widths[:-1]]
        self.down = nn.ModuleList(
            _build_double_convolution(before, after, inner)
            for before, after in zip(input_widths, widths, strict=True)
        )
        self.smaller = nn.ModuleList(nn.Conv2d(w, w, 3, stride=2, padding=1) for w in widths[:-1])
        self.larger = nn.ModuleList(Upsample(w) for w in widths[1:])
        self.up = nn.ModuleList(
            _build_double_convolution(width + deeper, width, inner)
            for width, deeper in pairwise(widths)
        )

    def forward(self, image: Tensor) -> list[Tensor]:
        """Extract features.

        Args:
            image: (N, channels, H, W), H and W multiples of 16.

        Returns:
            Levels 1 (finest) to 5, each (N, C_l, H / 2^(l-1), W / 2^(l-1)).
        """
        # Contracting path.
        levels, x = [], image
        for depth, block in enumerate(self.down):
            x = block(x if depth == 0 else self.smaller[depth - 1](x))
            levels.append(x)
        # Expanding path: each level is merged with the next deeper one.
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
