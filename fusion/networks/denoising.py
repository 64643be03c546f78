"""The denoising network: a five-level U-Net that predicts the noise in an image.

Both papers use the U-Net of SR3 (Saharia et al., "Image super-resolution via iterative
refinement", 2021) without its conditioning image: DMFuse section 3.2 at a quarter of its width,
DMNet section III.C at full width. It is told the noise level sqrt(abar_t), not the step t.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fusion.networks.blocks.residual import ResidualBlock, build_group_norm, encode_noise_level

WIDTH_MULTIPLIERS = (1, 2, 4, 8, 8)  # widths of the five levels, in units of the inner width
BLOCKS_PER_LEVEL = 2  # residual blocks per level on the way down; one more on the way up
ATTENTION_RESOLUTION = 16  # pixels: levels of this nominal size have attention after every block
STRIDE = 2 ** (len(WIDTH_MULTIPLIERS) - 1)  # both image sides are multiples of it
FULL_WIDTH = 128  # inner width of the uncompressed network


class DenoisingNetwork(nn.Module):
    """Predict the noise in noisy images.

    Attributes:
        inner: Width of the first level; the others are multiples of it.
        channels: Of the images.
        down: The contracting path, blocks and strided convolutions.
        up: The expanding path, blocks and enlargements, deepest first.
    """

    def __init__(
        self, *, channels: int, inner: int, image_size: int = 256, dropout: float = 0.2
    ) -> None:
        """Build with random weights.

        Args:
            channels: Channels of the images.
            inner: Width of the first level; even. 128 is the full network, 32 the quarter.
            image_size: The nominal side in pixels, which places the attention for good:
                at the level whose side is then 16. It is no limit on the images.
            dropout: Share of activations dropped in training.

        Raises:
            ValueError: If ``inner`` is odd or below 2.
        """
        super().__init__()
        if inner < 2 or inner % 2:
            raise ValueError(f"the inner width is {inner}; the level encoding needs an even one")
        self.inner, self.channels = inner, channels
        self.level = nn.Sequential(
            nn.Linear(inner, 4 * inner), nn.SiLU(), nn.Linear(4 * inner, inner)
        )
        self.entry = nn.Conv2d(channels, inner, 3, padding=1)
        skips, width = [inner], inner

        def block(before: int, after: int, *, attention: bool) -> ResidualBlock:
            return ResidualBlock(before, after, inner, dropout=dropout, attention=attention)

        self.down, self.up = nn.ModuleList(), nn.ModuleList()
        for depth, wide in enumerate(self.widths):
            attention = image_size == ATTENTION_RESOLUTION << depth
            for _ in range(BLOCKS_PER_LEVEL):
                self.down.append(block(width, wide, attention=attention))
                skips.append(width := wide)
            if depth < len(WIDTH_MULTIPLIERS) - 1:
                self.down.append(nn.Conv2d(width, width, 3, stride=2, padding=1))
                skips.append(width)
        self.middle = nn.ModuleList(
            block(width, width, attention=attention) for attention in (True, False)
        )
        for depth in reversed(range(len(WIDTH_MULTIPLIERS))):
            attention = image_size == ATTENTION_RESOLUTION << depth
            for _ in range(BLOCKS_PER_LEVEL + 1):
                wide = self.widths[depth]
                self.up.append(block(width + skips.pop(), wide, attention=attention))
                width = wide
            if depth:
                self.up.append(Upsample(width))
        self.leave = nn.Sequential(
            build_group_norm(width, inner), nn.SiLU(), nn.Conv2d(width, channels, 3, padding=1)
        )

    @property
    def widths(self) -> tuple[int, ...]:
        """Channels of the five levels, the finest first."""
        return tuple(self.inner * m for m in WIDTH_MULTIPLIERS)

    def forward(self, noisy: Tensor, level: Tensor) -> Tensor:
        """The noise in ``noisy``.

        Args:
            noisy: sqrt(abar) x_0 + sqrt(1 - abar) noise, (N, channels, H, W), H and W multiples
                of 16.
            level: sqrt(abar), (N,), 0 to 1.

        Returns:
            (N, channels, H, W).
        """
        leave: Tensor = self.leave(self._run_expanding_path(noisy, level, 0)[0])
        return leave

    def extract_features(self, noisy: Tensor, level: Tensor, which: Sequence[int]) -> list[Tensor]:
        """Outputs of some of the expanding path's 15 blocks; what comes after them is not run.

        Args:
            noisy: As for `forward`.
            level: As for `forward`.
            which: Block numbers: 0 is the last, at full resolution, 14 the first and deepest.

        Returns:
            One tensor per number in ``which``, in its order.

        Raises:
            ValueError: If there is no such block.
        """
        blocks = (BLOCKS_PER_LEVEL + 1) * len(WIDTH_MULTIPLIERS)
        if not which or min(which) < 0 or max(which) >= blocks:
            raise ValueError(f"blocks are numbered 0 to {blocks - 1}, got {tuple(which)}")
        found = self._run_expanding_path(noisy, level, min(which), frozenset(which))
        return [found[number] for number in which]

    def get_modules_up_to(self, which: Sequence[int]) -> list[nn.Module]:
        """The parts that `features` of these blocks depend on."""
        rest = self.up[: len(self.up) - min(which)]  # no enlargement comes after the last ones
        return [self.level, self.entry, self.down, self.middle, rest]

    def _run_expanding_path(
        self, noisy: Tensor, level: Tensor, last: int, kept: frozenset[int] = frozenset({0})
    ) -> dict[int, Tensor]:
        told = self.level(encode_noise_level(level, self.inner))
        x = self.entry(noisy)
        skips = [x]
        for module in self.down:
            x = module(x, told) if isinstance(module, ResidualBlock) else module(x)
            skips.append(x)
        for module in self.middle:
            x = module(x, told)
        found: dict[int, Tensor] = {}
        number = (BLOCKS_PER_LEVEL + 1) * len(WIDTH_MULTIPLIERS)
        for module in self.up:
            if not isinstance(module, ResidualBlock):
                x = module(x)
                continue
            x = module(torch.cat((x, skips.pop()), dim=1), told)
            number -= 1
            if number in kept:
                found[number] = x
            if number == last:
                break
        return found


class Upsample(nn.Module):
    """Twice the size by repeating pixels, then a 3 x 3 convolution."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(width, width, 3, padding=1)

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to (N, C, 2 H, 2 W)."""
        y: Tensor = self.conv(nn.functional.interpolate(x, scale_factor=2, mode="nearest"))
        return y


def initialize_orthogonal(network: nn.Module) -> None:
    """Start weights of SR3's trainings: orthogonal convolutions and linear layers, zero biases."""
    for module in network.modules():
        if isinstance(module, nn.Conv2d | nn.Linear):
            nn.init.orthogonal_(module.weight)
            if module.bias is not None:
                nn.init.zeros_(module.bias)
