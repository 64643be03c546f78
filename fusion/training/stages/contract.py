"""What a stage of a method is to the training loop."""

from typing import Protocol

import torch
from torch import Tensor

from fusion.training.data.random_streams import RandomStreams

TOTAL_LOSS = "total"  # the name of the loss that is minimized


class TrainingStage(Protocol):
    """What a stage is to the loop: an ``nn.Module`` with these besides.

    Attributes:
        side: Pixels, of the pictures that are looked at.
    """

    sample_side: int

    def __call__(self, images: Tensor, draws: RandomStreams) -> dict[str, Tensor]:
        """The losses of a batch of images in [0, 1], each a scalar; ``total`` is minimized."""

    def make_sample_images(self, images: Tensor, draws: RandomStreams) -> Tensor:
        """Pictures to look at, (N, columns, H, W) in [0, 1]."""


def disable_autocast(images: Tensor) -> torch.autocast:
    """A block in float32: SSIM takes small differences of large numbers, bfloat16 has none left."""
    return torch.autocast(images.device.type, enabled=False)
