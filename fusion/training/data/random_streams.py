"""Random numbers of a training as a function of the random seed and the patch position.

The patch at position p of the whole training (step x batch + index in the batch) gets the same
crop, time step and noise whether the training ran without interruption, was resumed, or is spread
over several processes. Therefore a checkpoint stores no random state.
"""

from collections.abc import Sequence

import torch
from torch import Tensor

from fusebench.runtime.seeds import derive_seed

# Purpose of a random number; mixed into its seed so that the streams are independent.
INITIAL_WEIGHTS, ORDER, CROP, NOISE, DROPOUT, SAMPLE_IMAGES = range(6)


class RandomStreams:
    """Random numbers of one batch: one generator per image, on the CPU."""

    def __init__(self, seed: int, positions: Sequence[int], device: str | torch.device) -> None:
        """Seed one generator per image.

        Args:
            seed: Seed of the training.
            positions: Position of each image's patch in the whole training.
            device: Device of the returned tensors.
        """
        self._device = device
        self._generators = [
            torch.Generator().manual_seed(derive_seed(seed, NOISE, position))
            for position in positions
        ]

    def normal(self, *shape: int) -> Tensor:
        """Sample standard normal float32 values, (N, *shape)."""
        samples = [torch.randn(shape, generator=g) for g in self._generators]
        return torch.stack(samples).to(self._device)

    def uniform(self) -> Tensor:
        """Sample uniformly from [0, 1), float32 (N,)."""
        samples = [torch.rand((), generator=g) for g in self._generators]
        return torch.stack(samples).to(self._device)

    def integers(self, low: int, high: int) -> Tensor:
        """Sample integers uniformly from ``low`` to ``high`` inclusive, int64 (N,)."""
        samples = [torch.randint(low, high + 1, (), generator=g) for g in self._generators]
        return torch.stack(samples).to(self._device)
