"""Data-parallel training: several processes, started by torchrun, share every batch.

Each process takes its part of the batch of every step, and the gradients are averaged. Patches,
time steps and noise are those of one process with the whole batch. Only the main process writes.

Several processes have the losses of one process with the whole batch where a loss is a mean over
images; this holds for DMNet and for the paper's loss of DMFuse. Two things depend on the number
of processes: DMFuse's ``loss=code`` weights both SSIMs by the gradients in the patches of one
process (so does DMNet's second stage with an ``ssim_weight``), and each process has its own
dropout.
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
    """Rank of this process and number of processes."""

    rank: int = 0
    size: int = 1

    @property
    def is_main(self) -> bool:
        """Whether this is the process that writes."""
        return self.rank == 0


SINGLE_PROCESS = ProcessGroup()


def read_environment() -> tuple[ProcessGroup, int]:
    """Read torchrun's environment variables.

    Returns:
        The process group and the rank of this process on its machine; without torchrun a single
        process and 0.
    """
    get = os.environ.get
    group = ProcessGroup(int(get("RANK", "0")), int(get("WORLD_SIZE", "1")))
    return group, int(get("LOCAL_RANK", "0"))


def select_device(device: str) -> str:
    """Return the GPU of this process if several processes train on GPUs, else ``device``."""
    group, local_rank = read_environment()
    return f"cuda:{local_rank}" if group.size > 1 and device.startswith("cuda") else device


@contextmanager
def join_process_group(device: str) -> Iterator[ProcessGroup]:
    """Join the process group for the duration of the block."""
    group, _ = read_environment()
    if group.size == 1:
        yield group
        return
    from torch import distributed

    if device.startswith("cuda"):
        torch.cuda.set_device(device)
    distributed.init_process_group("nccl" if device.startswith("cuda") else "gloo")
    try:
        yield group
    finally:
        distributed.destroy_process_group()


def check_batch_size(batch: int, group: ProcessGroup) -> None:
    """Check that a batch can be divided evenly among the processes.

    Raises:
        UserError: Naming both numbers.
    """
    if batch % group.size:
        raise UserError(
            f"batch {batch} cannot be divided evenly among {group.size} processes; expected a "
            f"multiple of {group.size}"
        )


def wrap_data_parallel(module: nn.Module, group: ProcessGroup) -> nn.Module:
    """Wrap a module so that its gradients are averaged over the processes."""
    if group.size == 1:
        return module
    device = next(module.parameters()).device
    device_ids = [device.index] if device.type == "cuda" else None
    return nn.parallel.DistributedDataParallel(module, device_ids=device_ids)


def broadcast(value: T, group: ProcessGroup) -> T:
    """Return the main process's value in every process."""
    return broadcast_result(lambda: value, group)


def broadcast_result(compute: Callable[[], T], group: ProcessGroup) -> T:
    """Call ``compute`` in the main process only; return its result in every process."""
    if group.size == 1:
        return compute()
    from torch import distributed

    objects: list[Any] = [compute() if group.is_main else None]
    distributed.broadcast_object_list(objects, src=0)
    result: T = objects[0]
    return result


def all_reduce_mean(values: Tensor, group: ProcessGroup) -> Tensor:
    """Average a tensor over the processes."""
    if group.size == 1:
        return values
    from torch import distributed

    total = values.clone()
    distributed.all_reduce(total)
    return total / group.size


def all_gather(strings: list[str], group: ProcessGroup) -> list[str]:
    """Concatenate the strings of all processes in the order of their ranks."""
    if group.size == 1:
        return strings
    from torch import distributed

    gathered: list[list[str]] = [[] for _ in range(group.size)]
    distributed.all_gather_object(gathered, strings)
    return [string for strings_of_rank in gathered for string in strings_of_rank]
