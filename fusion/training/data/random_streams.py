"""Everything random in a training, as a function of the seed and the place of a patch in it.

The patch at position p of the whole training (step x batch + its place in the batch) has the same
crop, time step and noise whether the training ran through, was resumed, or is spread over several
processes. So no random state has to be saved.
"""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

INITIAL_WEIGHTS, ORDER, CROP, NOISE, DROPOUT, SAMPLE_IMAGES = range(
    6
)  # what a random number is for


def derive_seed(*numbers: int) -> int:
    """One seed of 63 bits out of several numbers >= 0."""
    return int(np.random.SeedSequence(numbers).generate_state(1, np.uint64)[0] >> np.uint64(1))


class RandomStreams:
    """The random numbers of one batch: each image has its own generator, on the CPU."""

    def __init__(self, seed: int, positions: Sequence[int], device: str | torch.device) -> None:
        self._device = device
        self._generators = [
            torch.Generator().manual_seed(derive_seed(seed, NOISE, place)) for place in positions
        ]

    def normal(self, *shape: int) -> Tensor:
        """Standard normal float32, (N, *shape)."""
        drawn = [torch.randn(shape, generator=g) for g in self._generators]
        return torch.stack(drawn).to(self._device)

    def uniform(self) -> Tensor:
        """Evenly from [0, 1), float32 (N,)."""
        drawn = [torch.rand((), generator=g) for g in self._generators]
        return torch.stack(drawn).to(self._device)

    def integers(self, low: int, high: int) -> Tensor:
        """From ``low`` to ``high`` inclusive, int64 (N,)."""
        drawn = [torch.randint(low, high + 1, (), generator=g) for g in self._generators]
        return torch.stack(drawn).to(self._device)
