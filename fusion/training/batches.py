"""Batches of a training: each process's share of every step, optionally prefetched by threads."""

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import TypeVar

import numpy as np
import torch
from torch import Tensor

from fusion.training.data.random_streams import RandomStreams
from fusion.training.job import TrainingJob

T = TypeVar("T")


def iterate_batches(
    job: TrainingJob, first_step: int
) -> Iterator[tuple[list[str], Tensor, RandomStreams]]:
    """Yield this process's share of every remaining step.

    Args:
        job: The training.
        first_step: The first remaining step, counted from 0.

    Yields:
        Keys of the images; patches (N, C, patch, patch), float32 in [0, 1], on the job's device;
        and the random numbers of these patches.
    """
    group = job.runtime.process_group
    share = job.stage_options.batch // group.size

    def load_batch(step: int) -> tuple[list[str], Tensor, list[int]]:
        start = step * job.stage_options.batch + group.rank * share
        positions = list(range(start, start + share))
        keys, patches = zip(*map(job.patches.get_patch, positions), strict=True)
        return list(keys), torch.from_numpy(np.stack(patches)), positions

    remaining_steps = range(first_step, job.steps)
    for keys, patches, positions in _prefetch(load_batch, remaining_steps, job.runtime.workers):
        images = patches.to(job.device, non_blocking=True).float() / 255
        yield keys, images, RandomStreams(job.seed, positions, job.device)


def _prefetch(load: Callable[[int], T], steps: range, workers: int) -> Iterator[T]:
    """Yield ``load(step)`` of every step in order; threads compute up to 2 x workers ahead."""
    if not workers:
        yield from map(load, steps)
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead = 2 * workers
        futures = [pool.submit(load, step) for step in steps[:ahead]]
        try:
            # One future leaves the queue per turn, one enters; None: nothing is left to enter.
            for step in chain(steps[ahead:], [None] * len(futures)):
                next_future = futures.pop(0)
                if step is not None:
                    futures.append(pool.submit(load, step))
                yield next_future.result()
        finally:
            for future in futures:
                future.cancel()
