"""Batches of a training: loaded by worker processes into pinned memory for a GPU.

A CPU needs its cores for the network, so that its batches are loaded in the same process.
"""

from collections.abc import Callable, Generator, Iterable
from typing import Any

from fusebench.errors import UserError
from fusebench.runtime.process_pool import count_available_cpus

MAX_WORKERS = 8  # processes that load images for one GPU


def count_workers(device: str) -> int:
    """Return the number of loader processes: none for a CPU.

    For a GPU there is one per core that this process may use (`count_available_cpus`), except for
    the core that drives the GPU.

    Args:
        device: Torch device.
    """
    if not is_cuda(device):
        return 0
    return max(1, min(MAX_WORKERS, count_available_cpus() - 1))


def is_cuda(device: str) -> bool:
    """Return whether a torch device is a GPU."""
    return device.startswith("cuda")


def iterate_batches(
    dataset: Any, batches: Iterable[Any], collate: Callable[[list[Any]], Any], device: str
) -> Generator[Any, None, None]:
    """Yield the batches of a whole training, in order, on ``device``.

    The workers live until the last batch or until the generator is closed, and load the first
    batches of an epoch during the last ones of the epoch before. Copies to a GPU do not wait for
    its computations.

    Args:
        dataset: Its ``__getitem__`` returns one sample; it must depend on the index alone.
        batches: The indices of every batch; any iterable.
        collate: Combines the samples of a batch; returns tensors in dicts and lists.
        device: Torch device.

    Raises:
        UserError: What the data set raises.
    """
    import torch
    from torch.utils.data import DataLoader

    if is_cuda(device):
        torch.cuda.set_device(device)  # pinned memory would otherwise take some of GPU 0
    loader: Any = DataLoader(
        dataset,
        batch_sampler=batches,
        collate_fn=collate,
        num_workers=count_workers(device),
        worker_init_fn=_initialize_worker,
        pin_memory=is_cuda(device),
    )
    try:
        for batch in loader:
            yield move_to_device(batch, device)
    except UserError as error:  # a worker process puts its traceback before the message
        raise UserError(str(error).rpartition("UserError: ")[2]) from None


def move_to_device(batch: Any, device: str) -> Any:
    """Return a batch with its tensors on ``device``, in the same dicts and lists."""
    import torch

    if isinstance(batch, torch.Tensor):
        return batch.to(device, non_blocking=True)  # a copy from pinned memory does not wait
    if isinstance(batch, dict):
        return {name: move_to_device(value, device) for name, value in batch.items()}
    if isinstance(batch, list):
        return [move_to_device(value, device) for value in batch]
    return batch


def _initialize_worker(_number: int) -> None:
    """Let a worker process use one thread, as torch does already."""
    import cv2

    cv2.setNumThreads(1)
