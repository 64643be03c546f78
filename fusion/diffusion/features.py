"""Diffusion features: what a denoising network sees in an image at a few noise levels.

Source: DMFuse eq. 5 and section 4.1 (steps 5, 50, 100); Dif-Fusion (Yue et al., IEEE TIP 2023).
The released code draws noise and levels from unseeded generators, so that its fused images differ
from run to run; here the noise is a function of a seed and the image, and a level that is drawn
between two steps one of the seed alone (`fusion.checkpoints.load_network.NoiseOptions`).
"""

import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

from fusion.diffusion.process import add_noise
from fusion.networks.denoising import DenoisingNetwork
from fusion.networks.dmfuse import FEATURE_BLOCKS

FEATURE_STEPS = (5, 50, 100)


def sample_seeded_noise(image: Tensor, count: int, seed: int) -> list[Tensor]:
    """Standard normal noise for an image: the same for the same image, whatever came before.

    Drawn on the CPU, so that the noise does not depend on the device.

    Args:
        image: (1, C, H, W).
        count: How many.
        seed: Mixed with the image's contents.

    Returns:
        Each like ``image``.
    """
    contents = image.detach().to("cpu", torch.float32).contiguous().numpy()
    mixed = zlib.crc32(contents.tobytes(), seed)  # torch's generator takes no more than 32 bits
    generator = torch.Generator().manual_seed(mixed)
    return [torch.randn(image.shape, generator=generator).to(image) for _ in range(count)]


def extract_features(
    network: DenoisingNetwork, image: Tensor, levels: Sequence[Tensor], noise: Sequence[Tensor]
) -> list[Tensor]:
    """Features of five levels of detail, those of all noise levels one after the other.

    One noise level at a time, and each pass ends with the last block that is needed: the result
    is the same, the memory a fraction.

    Args:
        network: In evaluation mode.
        image: (N, channels, H, W), H and W multiples of 16, in the range it was trained on.
        levels: sqrt(abar_t) of each noise level, each (N,).
        noise: Standard normal for each of them, like ``image``.

    Returns:
        Levels 1 (finest) to 5, each (N, len(levels) * C_l, H / 2^(l-1), W / 2^(l-1)).
    """
    passes = [
        network.extract_features(
            add_noise(image, drawn, level), level.to(image.dtype), FEATURE_BLOCKS
        )
        for level, drawn in zip(levels, noise, strict=True)
    ]
    return [torch.cat(found, dim=1) for found in zip(*passes, strict=True)]
