"""Several processes, on one machine or many, that share every batch: what torchrun starts.

Each takes its part of the batch of every step, and their gradients are averaged; patches, time
steps and noise are those of one process with the whole batch. Only the first one writes.

So several processes have the losses of one with the whole batch where a loss is a mean over images,
as DMNet's and the paper's of DMFuse are. Two things depend on how many there are: DMFuse's
``loss=code`` weighs both SSIMs by how much gradient the patches of one process have (so does
DMNet's second stage with an ``ssim_weight``), and what dropout drops is drawn for each process.
"""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, TypeVar

import torch
from torch import Tensor, nn

from bench.errors import BenchError

T = TypeVar("T")


@dataclass(frozen=True)
class World:
    """Which of how many processes this is."""

    rank: int = 0
    size: int = 1

    @property
    def first(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0


ALONE = World()


def surroundings() -> tuple[World, int]:
    """(what torchrun says, the number of this process on its machine); alone without torchrun."""
    word = os.environ.get
    return World(int(word("RANK", "0")), int(word("WORLD_SIZE", "1"))), int(word("LOCAL_RANK", "0"))


def device(chosen: str) -> str:
    """The GPU of this process, where several share a machine and GPUs were chosen."""
    world, local = surroundings()
    return f"cuda:{local}" if world.size > 1 and chosen.startswith("cuda") else chosen


@contextmanager
def joined(device: str) -> Iterator[World]:
    """Meet the other processes for as long as the block lasts."""
    world, _ = surroundings()
    if world.size == 1:
        yield world
        return
    from torch import distributed

    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield world
    finally:
        distributed.destroy_process_group()


def check(batch: int, world: World) -> None:
    """Refuse a batch that cannot be shared evenly.

    Raises:
        BenchError: Naming both numbers.
    """
    if batch % world.size:
        raise BenchError(f"batch {batch} cannot be shared evenly by {world.size} processes")


def parallel(learner: nn.Module, world: World) -> nn.Module:
    """The same module; its gradients are averaged over the processes."""
    if world.size == 1:
        return learner
    device = next(learner.parameters()).device
    places = [device.index] if device.type == "cuda" else None
    return nn.parallel.DistributedDataParallel(learner, device_ids=places)


def agreed(value: T, world: World) -> T:
    """What the first process says."""
    return shared(lambda: value, world)


def shared(make: Callable[[], T], world: World) -> T:
    """What the first process makes, for all."""
    if world.size == 1:
        return make()
    from torch import distributed

    kept: list[Any] = [make() if world.first else None]
    distributed.broadcast_object_list(kept, src=0)
    made: T = kept[0]
    return made


def mean(values: Tensor, world: World) -> Tensor:
    """The mean over the processes."""
    if world.size == 1:
        return values
    from torch import distributed

    summed = values.clone()
    distributed.all_reduce(summed)
    return summed / world.size


def joint(words: list[str], world: World) -> list[str]:
    """The words of all processes, in the order of their numbers."""
    if world.size == 1:
        return words
    from torch import distributed

    gathered: list[list[str]] = [[] for _ in range(world.size)]
    distributed.all_gather_object(gathered, words)
    return [word for some in gathered for word in some]
