"""Contract between the stages of the methods and the training loop."""

from typing import Protocol

import torch
from torch import Tensor

from fusion.training.data.random_streams import RandomStreams

TOTAL_LOSS = "total"  # name of the loss that is minimized
GRADIENT_NORM = "norm"  # name of the gradient norm, which is logged with the losses


class TrainingStage(Protocol):
    """An ``nn.Module`` that the loop can train.

    Attributes:
        sample_side: Largest side of the sample images, pixels.
    """

    sample_side: int

    def __call__(self, images: Tensor, streams: RandomStreams) -> dict[str, Tensor]:
        """Compute the losses of a batch of images in [0, 1], each a scalar, with `TOTAL_LOSS`."""

    def make_sample_images(self, images: Tensor, streams: RandomStreams) -> Tensor:
        """Return pictures that show what the network computes, (N, columns, H, W) in [0, 1]."""


def disable_autocast(images: Tensor) -> torch.autocast:
    """Return a context in which computation stays in float32.

    SSIM needs it: small differences of large numbers vanish in bfloat16.
    """
    return torch.autocast(images.device.type, enabled=False)
