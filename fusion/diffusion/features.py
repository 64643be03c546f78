"""Diffusion features: activations of a denoising network at a few noise levels.

Source: DMFuse eq. 5 and section 4.1 (steps 5, 50, 100); Dif-Fusion (Yue et al., IEEE TIP 2023).
The released code samples noise and levels without a seed, so that its fused images differ from run
to run. Here the noise is a function of a seed and the image, and a level between two
steps is a function of the seed alone (`fusion.checkpoints.load_network.NoiseOptions`).
"""

import zlib
from collections.abc import Sequence

import torch
from torch import Tensor

from fusion.diffusion.process import add_noise
from fusion.networks.denoising import DenoisingNetwork
from fusion.networks.dmfuse import FEATURE_BLOCKS

FEATURE_STEPS = (5, 50, 100)  # time steps at which DMFuse takes features


def sample_seeded_noise(image: Tensor, count: int, seed: int) -> list[Tensor]:
    """Sample standard normal noise that depends only on the image and the seed.

    It is sampled on the CPU, so that it does not depend on the device.

    Args:
        image: (1, C, H, W).
        count: Number of tensors.
        seed: Random seed, combined with a checksum of the image.

    Returns:
        ``count`` tensors of the shape, dtype and device of ``image``.
    """
    pixels = image.detach().to("cpu", torch.float32).contiguous().numpy()
    image_seed = zlib.crc32(pixels.tobytes(), seed)
    generator = torch.Generator().manual_seed(image_seed)
    return [torch.randn(image.shape, generator=generator).to(image) for _ in range(count)]


def extract_features(
    network: DenoisingNetwork, image: Tensor, levels: Sequence[Tensor], noise: Sequence[Tensor]
) -> list[Tensor]:
    """Extract features at five resolutions and concatenate those of all noise levels.

    Noise levels are processed one at a time, and each pass ends with the last block that is
    needed. That saves memory and does not change the result.

    Args:
        network: Denoising network in evaluation mode.
        image: (N, channels, H, W), H and W multiples of 16, in the range of the training images.
        levels: Noise levels sqrt(abar_t), each (N,).
        noise: Standard normal noise for each noise level, each of the shape of ``image``.

    Returns:
        Levels 1 (finest) to 5, each (N, len(levels) * C_l, H / 2^(l-1), W / 2^(l-1)).
    """
    passes = [
        network.extract_features(
            add_noise(image, level_noise, level), level.to(image.dtype), FEATURE_BLOCKS
        )
        for level, level_noise in zip(levels, noise, strict=True)
    ]
    return [torch.cat(features, dim=1) for features in zip(*passes, strict=True)]
