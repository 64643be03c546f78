"""A small DMNet, random image pairs, and the noise to diffuse them with."""

import torch

from fusion.networks.dmnet import DMNet
from fusion.networks.dmnet_architecture import DMNetArchitecture

# With an inner width of 12 the normalizations of the denoising network have groups of two or more
# channels; a group of one channel would remove every bias before it.
SMALL_ARCHITECTURE = DMNetArchitecture(inner=12, features=16, decoder_depth=1, dropout=0.0)
NOISE_LEVELS = (0.99997, 0.9969, 0.9876)  # of a linear schedule at t = 5, 50, 100


def make_images(count=2, height=32, width=32, dtype=torch.float32):
    """Make random infrared and visible images, (2, count, 1, height, width)."""
    generator = torch.Generator().manual_seed(1)
    return torch.rand(2, count, 1, height, width, generator=generator, dtype=dtype)


def make_noise(count=2, height=32, width=32, dtype=torch.float32):
    """Make standard normal noise for three time steps, (3, count, 2, height, width)."""
    generator = torch.Generator().manual_seed(2)
    return torch.randn(3, count, 2, height, width, generator=generator, dtype=dtype)


def build_dmnet(architecture=SMALL_ARCHITECTURE, seed=0):
    torch.manual_seed(seed)
    return DMNet(architecture).eval()
