"""The batches of a training: each process's share of every step, cut ahead by threads if wanted."""

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import chain
from typing import Any

import numpy as np
import torch
from torch import Tensor

from fusion.training.data.random_streams import RandomStreams
from fusion.training.job import TrainingJob


def iterate_batches(
    job: TrainingJob, first: int
) -> Iterator[tuple[list[str], Tensor, RandomStreams]]:
    """This process's share of every step that is still to be done."""
    world = job.runtime.process_group
    share = job.stage_options.batch // world.size

    def places(step: int) -> list[int]:
        start = step * job.stage_options.batch + world.rank * share
        return list(range(start, start + share))

    def cut(step: int) -> tuple[list[str], Tensor, list[int]]:
        positions = places(step)
        keys, pixels = zip(*map(job.patches.get_patch, positions), strict=True)
        return list(keys), torch.from_numpy(np.stack(pixels)), positions

    for keys, pixels, positions in _prefetch(cut, range(first, job.steps), job.runtime.workers):
        images = pixels.to(job.device, non_blocking=True).float() / 255
        yield keys, images, RandomStreams(job.seed, positions, job.device)


def _prefetch(cut: Any, steps: range, workers: int) -> Iterator[Any]:
    """``cut`` of every step in order, some of them computed ahead by threads."""
    if not workers:
        yield from map(cut, steps)
        return
    with ThreadPoolExecutor(workers) as pool:
        ahead = 2 * workers
        waiting = [pool.submit(cut, step) for step in steps[:ahead]]
        try:
            for step in chain(steps[ahead:], [None] * len(waiting)):
                done = waiting.pop(0)
                if step is not None:
                    waiting.append(pool.submit(cut, step))
                yield done.result()
        finally:
            for left in waiting:
                left.cancel()
