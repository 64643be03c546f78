"""Denoising network: a five-level U-Net that predicts the noise in an image.

Both papers use the U-Net of SR3 (Saharia et al., "Image super-resolution via iterative
refinement", 2021) without its conditioning image: DMFuse section 3.2 at a quarter of its width,
DMNet section III.C at full width. It is conditioned on the noise level sqrt(abar_t), not on the
time step t.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fusion.networks.blocks.residual import ResidualBlock, build_group_norm, encode_noise_level

WIDTH_MULTIPLIERS = (1, 2, 4, 8, 8)  # widths of the five levels, in units of the inner width
BLOCKS_PER_LEVEL = (
    2  # residual blocks per level of the contracting path; the expanding has one more
)
ATTENTION_RESOLUTION = 16  # pixels; the level of this nominal size has attention in every block
EXPANDING_BLOCKS = (BLOCKS_PER_LEVEL + 1) * len(WIDTH_MULTIPLIERS)  # 15


class DenoisingNetwork(nn.Module):
    """U-Net that predicts the noise in noisy images.

    Attributes:
        inner: Width of the first level; the other widths are multiples of it.
        channels: Channels of the images.
        down: Contracting path: blocks and strided convolutions.
        up: Expanding path: blocks and upsampling layers, deepest level first.
    """

    def __init__(
        self, *, channels: int, inner: int, image_size: int = 256, dropout: float = 0.2
    ) -> None:
        """Build with random weights.

        Args:
            channels: Channels of the images.
            inner: Width of the first level; even. 128 is the full width, 32 a quarter of it.
            image_size: Nominal image side in pixels. It only decides which level has attention:
                the one whose side is then 16. Images may have other sizes.
            dropout: Probability of dropout in training.

        Raises:
            ValueError: If ``inner`` is odd or below 2.
        """
        super().__init__()
        if inner < 2 or inner % 2:
            raise ValueError(
                f"inner width {inner}: expected an even number of at least 2, because the noise "
                "level is encoded by pairs of sine and cosine"
            )
        self.inner, self.channels = inner, channels
        self.level = nn.Sequential(
            nn.Linear(inner, 4 * inner), nn.SiLU(), nn.Linear(4 * inner, inner)
        )
        self.entry = nn.Conv2d(channels, inner, 3, padding=1)
        skips, width = [inner], inner

        def build_block(before: int, after: int, *, attention: bool) -> ResidualBlock:
            return ResidualBlock(before, after, inner, dropout=dropout, attention=attention)

        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for depth, level_width in enumerate(self.widths):
            attention = image_size == ATTENTION_RESOLUTION << depth
            for _ in range(BLOCKS_PER_LEVEL):
                self.down.append(build_block(width, level_width, attention=attention))
                skips.append(width := level_width)
            if depth < len(WIDTH_MULTIPLIERS) - 1:
                self.down.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
                skips.append(width)
        self.middle = nn.ModuleList(
            build_block(width, width, attention=attention) for attention in (True, False)
        )
        for depth in reversed(range(len(WIDTH_MULTIPLIERS))):
            attention = image_size == ATTENTION_RESOLUTION << depth
            level_width = self.widths[depth]
            for _ in range(BLOCKS_PER_LEVEL + 1):
                self.up.append(build_block(width + skips.pop(), level_width, attention=attention))
                width = level_width
            if depth:
                self.up.append(Upsample(width))
        self.leave = nn.Sequential(
            build_group_norm(width, inner), nn.SiLU(), nn.Conv2d(width, channels, 3, padding=1)
        )

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the five levels, finest level first."""
        return tuple(self.inner * m for m in WIDTH_MULTIPLIERS)

    def forward(self, noisy: Tensor, level: Tensor) -> Tensor:
        """Predict the noise in ``noisy``.

        Args:
            noisy: sqrt(abar) x_0 + sqrt(1 - abar) noise, (N, channels, H, W), H and W multiples
                of 16.
            level: Noise level sqrt(abar), (N,), 0 to 1.

        Returns:
            (N, channels, H, W).
        """
        noise: Tensor = self.leave(self._run_blocks(noisy, level, (0,))[0])
        return noise

    def extract_features(self, noisy: Tensor, level: Tensor, blocks: Sequence[int]) -> list[Tensor]:
        """Compute the outputs of blocks of the expanding path; later blocks are not run.

        Args:
            noisy: See `forward`.
            level: See `forward`.
            blocks: Block numbers: 0 is the last, at full resolution, 14 the first and deepest.

        Returns:
            The output of each block in ``blocks``, in the same order.

        Raises:
            ValueError: If there is no such block.
        """
        if not blocks or min(blocks) < 0 or max(blocks) >= EXPANDING_BLOCKS:
            raise ValueError(
                f"blocks {tuple(blocks)}: expected one or more numbers, 0 to {EXPANDING_BLOCKS - 1}"
            )
        outputs = self._run_blocks(noisy, level, blocks)
        return [outputs[number] for number in blocks]

    def get_modules_up_to(self, blocks: Sequence[int]) -> list[nn.Module]:
        """Return the modules that the features of ``blocks`` depend on."""
        # The blocks after the last of them all belong to the finest level, without upsampling.
        up = self.up[: len(self.up) - min(blocks)]
        return [self.level, self.entry, self.down, self.middle, up]

    def _run_blocks(self, noisy: Tensor, level: Tensor, blocks: Sequence[int]) -> dict[int, Tensor]:
        """Run the network up to the last of ``blocks`` and return their outputs by number."""
        level_embedding = self.level(encode_noise_level(level, self.inner))
        # Contracting path.
        x = self.entry(noisy)
        skips = [x]
        for module in self.down:
            x = module(x, level_embedding) if isinstance(module, ResidualBlock) else module(x)
            skips.append(x)
        for module in self.middle:
            x = module(x, level_embedding)
        # Expanding path with skip connections.
        outputs: dict[int, Tensor] = {}
        number = EXPANDING_BLOCKS
        for module in self.up:
            if not isinstance(module, ResidualBlock):
                x = module(x)
                continue
            x = module(torch.cat((x, skips.pop()), dim=1), level_embedding)
            number -= 1
            if number in blocks:
                outputs[number] = x
            if number == min(blocks):
                break
        return outputs


class Upsample(nn.Module):
    """Nearest-neighbor upsampling by two, then a 3 x 3 convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """Upsample, (N, C, H, W) to (N, C, 2 H, 2 W)."""
        y: Tensor = self.conv(nn.functional.interpolate(x, scale_factor=2, mode="nearest"))
        return y


def initialize_orthogonal(network: nn.Module) -> None:
    """Initialize as SR3 does: orthogonal convolutions and linear layers, zero biases."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.orthogonal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
