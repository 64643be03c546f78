"""One loop for every stage: Adam, clipping, a moving average, checkpoints that go on bit by bit.

A stage is a module whose forward pass gives the losses of a batch. Everything random comes from
`fusion.training.draws`, so a checkpoint holds weights, optimizer and the number of steps, and a
stopped training ends with the weights it would have had.
"""

import math
import time
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from bench import checkpoint, optimizers
from bench.errors import BenchError
from fusion.training import distributed, schedule, state
from fusion.training.batches import batches
from fusion.training.draws import DROPOUT, Draws, entropy
from fusion.training.job import Job
from fusion.training.learner import TOTAL
from fusion.training.record import Record
from fusion.training.state import Run

KEEP_EVERY = 30.0  # seconds between two checkpoints at least: what a killed run may lose
KEEP_SHARE = 20.0  # and so many times what the last one took to write
NORM = "norm"  # the name of the gradient's


def train(learner: nn.Module, job: Job) -> dict[str, Tensor]:
    """Train to the last step; return what was trained, by name, on the CPU.

    Args:
        learner: A `Learner`, at its start; the parameters that need a gradient are trained.
        job: How.

    Raises:
        BenchError: If a loss is no longer a number, or a checkpoint cannot be written.
    """
    world = job.settings.world
    learner.to(job.device)
    if job.device.startswith("cuda"):  # on a CPU, narrow networks train twice as fast without
        learner.to(memory_format=torch.channels_last)
    run = _begin(learner, job)
    parallel = distributed.parallel(learner, world)
    due = time.monotonic() + KEEP_EVERY
    began = time.monotonic() - run.seconds
    with run.record.shown(job.title, job.steps, run.step):
        for keys, images, draws in batches(job, run.step):
            losses = _step(run, parallel, job, (keys, images, draws))
            run.seconds = time.monotonic() - began
            run.record.note(run.step, losses)
            if world.first and _look_now(run.step, job):
                _look(run, job)
            if world.first and time.monotonic() >= due and run.step < job.steps:
                due = _keep(run, job)
    if world.first:
        state.keep(run, job)
        run.record.finish(job.folder, run.seconds, job.device)
    return {name: tensor.detach().cpu() for name, tensor in state.result(run).items()}


def _keep(run: Run, job: Job) -> float:
    """Write a checkpoint; when the next one is due, as `time.monotonic` counts.

    A large network's takes seconds to write, on a shared file system more.
    """
    began = time.monotonic()
    state.keep(run, job)
    now = time.monotonic()
    return now + max(KEEP_EVERY, KEEP_SHARE * (now - began))


def _begin(learner: nn.Module, job: Job) -> Run:
    """The run at its start, or where the checkpoint has it."""
    world = job.settings.world
    begun = distributed.agreed((job.folder / state.NAME).exists(), world)
    if job.folder.is_dir():  # not on other machines
        optimizers.bring_in(job.folder)
    trained = [p for p in learner.parameters() if p.requires_grad]
    fused = job.device.startswith("cuda")
    optimizer = torch.optim.Adam(
        trained, lr=job.stage.learning_rate, betas=job.stage.betas, fused=fused
    )
    average = None
    if job.stage.average is not None:
        average = {name: p.detach().clone() for name, p in state.named(learner)}
    run = Run(learner, optimizer, average, Record(job.folder, job.steps, world.first))
    if begun:
        place = job.folder / state.NAME
        state.resume(run, distributed.shared(lambda: checkpoint.read(place, "cpu"), world))
    return run


def _step(
    run: Run,
    parallel: nn.Module,
    job: Job,
    batch: tuple[list[str], Tensor, Draws],
) -> dict[str, float]:
    """One step of the optimizer; the losses of the whole batch."""
    keys, images, draws = batch
    torch.manual_seed(entropy(job.seed, DROPOUT, run.step, job.settings.world.rank))
    for group in run.optimizer.param_groups:
        group["lr"] = schedule.rate(run.step, job.stage, job.steps, job.patches.epoch)
    run.learner.train()
    run.optimizer.zero_grad()
    losses = _losses(parallel, images, draws, job)
    losses[TOTAL].backward()  # type: ignore[no-untyped-call]  # torch
    trained = [p for p in run.learner.parameters() if p.requires_grad]
    norm = nn.utils.clip_grad_norm_(trained, job.stage.clip or math.inf)
    names = [*losses, NORM]
    values = torch.stack([*(v.detach().float() for v in losses.values()), norm.float()])
    means = distributed.mean(values, job.settings.world).tolist()
    found = dict(zip(names, means, strict=True))
    if not all(map(math.isfinite, means)):
        _refuse(found, distributed.joint(keys, job.settings.world), run, job)
    run.optimizer.step()
    run.step += 1
    if run.average is not None:
        _follow(run, job)
    return found


def _losses(learner: nn.Module, images: Tensor, draws: Draws, job: Job) -> dict[str, Tensor]:
    narrow = job.stage.precision == "bfloat16"
    with torch.autocast(torch.device(job.device).type, torch.bfloat16, enabled=narrow):
        losses: dict[str, Tensor] = learner(images, draws)
    return losses


def _refuse(found: Mapping[str, float], keys: Sequence[str], run: Run, job: Job) -> None:
    """Stop before the weights are spoiled.

    Raises:
        BenchError: Always.
    """
    bad = [name for name, value in found.items() if not math.isfinite(value)]
    kept = job.folder / state.NAME
    last = f"the last checkpoint is {kept}" if kept.exists() else "there is no checkpoint yet"
    raise BenchError(
        f"{job.title}: step {run.step + 1}: {', '.join(bad)} is not a number any more; the batch "
        f"was {', '.join(dict.fromkeys(keys))}; {last}. Try a lower learning_rate (now "
        f"{job.stage.learning_rate:g}), clip, or precision float32"
    )


@torch.no_grad()
def _follow(run: Run, job: Job) -> None:
    """The moving average takes a step; at first it forgets faster, so that the start is not in it.

    a = min(decay, (1 + step) / (10 + step)),   average = a average + (1 - a) weights
    """
    assert run.average is not None
    assert job.stage.average is not None
    decay = min(job.stage.average, (1 + run.step) / (10 + run.step))
    weights: list[Tensor] = [p for _, p in state.named(run.learner)]
    torch._foreach_lerp_(list(run.average.values()), weights, 1 - decay)


def _look_now(step: int, job: Job) -> bool:
    every = job.settings.look_every or max(1, job.steps // 10)
    return step % every == 0 or step == job.steps


@torch.no_grad()
def _look(run: Run, job: Job) -> None:
    """Losses on some images, and a picture of what the averaged weights make of them."""
    run.record.look(run.learner, job, run.step, state.result(run))
