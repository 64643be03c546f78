"""Fusion network of DMFuse: heads on diffusion features, CAIM at five levels, and decoder.

Source: Qi, Zhang, Wang, "DMFuse: Diffusion model guided cross-attention learning for infrared
and visible image fusion", Chinese Journal of Information Fusion 1(3), 2024, section 3. Where the
paper gives no details (excitation in the heads, shared weights), this follows the released code.
"""

from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn

from fusion.networks.blocks.residual import disable_autocast
from fusion.networks.caim import Affinity, CrossAttentionInteraction, ElementwiseSum
from fusion.networks.denoising import WIDTH_MULTIPLIERS

LEVEL_WIDTH = 32  # channels of every level after its head
FEATURE_BLOCKS = (2, 5, 8, 11, 14)  # blocks of the denoising network; outputs are levels 1 to 5


class FusionNetwork(nn.Module):
    """Network from the diffusion features of both modalities to the fused luminance."""

    def __init__(
        self,
        *,
        inner: int,
        steps: int = 3,
        interaction: Literal["caim", "addition"] = "caim",
        affinity: Affinity = "paper",
        scaled: bool = False,
    ) -> None:
        """Build.

        Args:
            inner: Inner width of the denoising network whose features are the input.
            steps: Number of time steps whose features are concatenated.
            interaction: ``addition`` is the ablation without CAIM.
            affinity: See `CrossAttentionInteraction`.
            scaled: See `CrossAttentionInteraction`.
        """
        super().__init__()
        # Levels 4 and 5 have the same width and share a head.
        self.heads = nn.ModuleList(FeatureHead(steps * inner * m) for m in WIDTH_MULTIPLIERS[:4])
        has_caim = interaction == "caim"
        self.interaction = (
            CrossAttentionInteraction(LEVEL_WIDTH, affinity=affinity, scaled=scaled)
            if has_caim
            else ElementwiseSum()
        )
        self.decoder = MultiLevelDecoder(2 * LEVEL_WIDTH if has_caim else LEVEL_WIDTH)

    def forward(self, infrared: Sequence[Tensor], visible: Sequence[Tensor]) -> Tensor:
        """Fuse the features of both modalities.

        Args:
            infrared: Levels 1 (finest) to 5, each (N, steps * C_l, H / 2^(l-1), W / 2^(l-1)).
            visible: Shapes as for infrared.

        Returns:
            Luminance, (N, 1, H, W), in (-1, 1); 0 is black and 1 white.
        """
        heads = [*self.heads, self.heads[-1]]
        fused: Tensor | None = None
        for level in reversed(range(len(heads))):
            level_features = self.interaction(
                heads[level](infrared[level]), heads[level](visible[level])
            )
            fused = level_features if fused is None else self.decoder(fused, level_features)
        assert fused is not None
        return self.decoder.to_luminance(fused)


class FeatureHead(nn.Module):
    """Reduce the features of a level to `LEVEL_WIDTH` channels, then apply scSE.

    scSE is concurrent spatial and channel squeeze and excitation (Roy, Navab, Wachinger, MICCAI
    2018): channels weighted by a function of their means, plus pixels weighted by a 1 x 1
    convolution.
    """

    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, LEVEL_WIDTH, 3)
        self.squeeze = nn.Linear(LEVEL_WIDTH, LEVEL_WIDTH // 2)
        self.excite = nn.Linear(LEVEL_WIDTH // 2, LEVEL_WIDTH)
        self.spatial = nn.Conv2d(LEVEL_WIDTH, 1, 1)

    def forward(self, features: Tensor) -> Tensor:
        """Compute head features, (N, channels, H, W) to (N, `LEVEL_WIDTH`, H, W)."""
        x = torch.relu(self.conv(_pad_reflect(features)))
        channel_weights = torch.sigmoid(self.excite(torch.relu(self.squeeze(x.mean((2, 3))))))
        y: Tensor = x * channel_weights[:, :, None, None] + x * torch.sigmoid(self.spatial(x))
        return y


class MultiLevelDecoder(nn.Module):
    """Multi-level decoder, eq. 1: the same two convolutions from the deepest level upwards."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.enlarged = nn.Conv2d(width, width, 3)
        self.merged = nn.Conv2d(2 * width, width, 3)
        self.last = nn.Conv2d(width, 1, 1)

    def forward(self, deeper: Tensor, level: Tensor) -> Tensor:
        """Merge decoded features with those of the next finer level.

        Args:
            deeper: Decoded features, (N, width, H / 2, W / 2).
            level: Features of the next finer level, (N, width, H, W).

        Returns:
            (N, width, H, W).
        """
        upsampled = nn.functional.interpolate(deeper, scale_factor=2, mode="nearest")
        upsampled = nn.functional.leaky_relu(self.enlarged(_pad_reflect(upsampled)), 0.2)
        concatenated = torch.cat((upsampled, level), dim=1)
        return nn.functional.leaky_relu(self.merged(_pad_reflect(concatenated)), 0.2)

    def to_luminance(self, x: Tensor) -> Tensor:
        """Convert features (N, width, H, W) to luminance (N, 1, H, W) in (-1, 1)."""
        with disable_autocast(x):
            return torch.tanh(self.last(x.to(self.last.weight.dtype)))


def _pad_reflect(x: Tensor) -> Tensor:
    return nn.functional.pad(x, (1, 1, 1, 1), mode="reflect")
