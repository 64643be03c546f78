"""Batches of a training: each process's share of every step, optionally prefetched by threads."""

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor

from fusebench.runtime.loading import prefetch
from fusion.training.data.random_streams import RandomStreams
from fusion.training.job import TrainingJob


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
        batch = torch.from_numpy(np.stack(patches))
        if job.device.startswith("cuda"):
            batch = batch.pin_memory()  # otherwise the copy to the GPU waits for its computations
        return list(keys), batch, positions

    remaining_steps = range(first_step, job.steps)
    for keys, patches, positions in prefetch.map_ahead(
        load_batch, remaining_steps, job.runtime.workers
    ):
        images = patches.to(job.device, non_blocking=True).float() / 255
        yield keys, images, RandomStreams(job.seed, positions, job.device)
