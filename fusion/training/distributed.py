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

from fusebench.errors import UserError

T = TypeVar("T")


@dataclass(frozen=True)
class ProcessGroup:
    """Which of how many processes this is."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the one that writes."""
        return self.rank == 0


SINGLE_PROCESS = ProcessGroup()


def read_environment() -> tuple[ProcessGroup, int]:
    """(what torchrun says, the number of this process on its machine); alone without torchrun."""
    word = os.environ.get
    return ProcessGroup(int(word("RANK", "0")), int(word("WORLD_SIZE", "1"))), int(
        word("LOCAL_RANK", "0")
    )


def select_device(chosen: str) -> str:
    """The GPU of this process, where several share a machine and GPUs were chosen."""
    world, local = read_environment()
    return f"cuda:{local}" if world.size > 1 and chosen.startswith("cuda") else chosen


@contextmanager
def join_process_group(device: str) -> Iterator[ProcessGroup]:
    """Meet the other processes for as long as the block lasts."""
    world, _ = read_environment()
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


def check_batch_size(batch: int, world: ProcessGroup) -> None:
    """Refuse a batch that cannot be shared evenly.

    Raises:
        UserError: Naming both numbers.
    """
    if batch % world.size:
        raise UserError(f"batch {batch} cannot be shared evenly by {world.size} processes")


def wrap_data_parallel(learner: nn.Module, world: ProcessGroup) -> nn.Module:
    """The same module; its gradients are averaged over the processes."""
    if world.size == 1:
        return learner
    device = next(learner.parameters()).device
    places = [device.index] if device.type == "cuda" else None
    return nn.parallel.DistributedDataParallel(learner, device_ids=places)


def broadcast(value: T, world: ProcessGroup) -> T:
    """What the first process says."""
    return broadcast_result(lambda: value, world)


def broadcast_result(make: Callable[[], T], world: ProcessGroup) -> T:
    """What the first process makes, for all."""
    if world.size == 1:
        return make()
    from torch import distributed

    kept: list[Any] = [make() if world.is_main else None]
    distributed.broadcast_object_list(kept, src=0)
    made: T = kept[0]
    return made


def all_reduce_mean(values: Tensor, world: ProcessGroup) -> Tensor:
    """The mean over the processes."""
    if world.size == 1:
        return values
    from torch import distributed

    summed = values.clone()
    distributed.all_reduce(summed)
    return summed / world.size


def all_gather(words: list[str], world: ProcessGroup) -> list[str]:
    """The words of all processes, in the order of their numbers."""
    if world.size == 1:
        return words
    from torch import distributed

    gathered: list[list[str]] = [[] for _ in range(world.size)]
    distributed.all_gather_object(gathered, words)
    return [word for some in gathered for word in some]
