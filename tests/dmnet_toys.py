"""A small DMNet, two pairs of random images and the noise to diffuse them with."""

import torch

from fusion.networks.dmnet import DMNet
from fusion.networks.dmnet_architecture import Architecture

# An inner width of 12 leaves three channels to a group of the denoising network's normalisations;
# a group of one channel removes every bias before it.
SMALL = Architecture(inner=12, features=16, decoder_depth=1, dropout=0.0)
LEVELS = (0.99997, 0.9969, 0.9876)  # a linear schedule's at t = 5, 50, 100


def images(count=2, height=32, width=32, dtype=torch.float32):
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, count, 1, height, width, generator=generator, dtype=dtype)


def noises(count=2, height=32, width=32, dtype=torch.float32):
    generator = torch.Generator().manual_seed(2)
    return torch.randn(3, count, 2, height, width, generator=generator, dtype=dtype)


def built(architecture=SMALL, seed=0):
    torch.manual_seed(seed)
    return DMNet(architecture).eval()
