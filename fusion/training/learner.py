"""What a stage of a method is to the training loop."""

from typing import Protocol

import torch
from torch import Tensor

from fusion.training.draws import Draws

TOTAL = "total"  # the name of the loss that is minimised


class Learner(Protocol):
    """What a stage is to the loop: an ``nn.Module`` with these besides.

    Attributes:
        side: Pixels, of the pictures that are looked at.
    """

    side: int

    def __call__(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """The losses of a batch of images in [0, 1], each a scalar; ``total`` is minimised."""

    def look(self, images: Tensor, draws: Draws) -> Tensor:
        """Pictures to look at, (N, columns, H, W) in [0, 1]."""


def precise(images: Tensor) -> torch.autocast:
    """A block in float32: SSIM takes small differences of large numbers, bfloat16 has none left."""
    return torch.autocast(images.device.type, enabled=False)
