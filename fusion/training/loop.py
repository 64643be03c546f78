"""One loop for every stage: Adam, clipping, a moving average, checkpoints that go on bit by bit.

A stage is a module whose forward pass gives the losses of a batch. Everything random comes from
`fusion.training.draws`, so a checkpoint holds weights, optimizer and the number of steps, and a
stopped training ends with the weights it would have had.
"""

import math
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import torch
from torch import Tensor, nn

from bench import checkpoint, optimizers
from bench.errors import BenchError
from fusion.training import distributed, schedule
from fusion.training.data import Item
from fusion.training.distributed import ALONE, World
from fusion.training.draws import DROPOUT, Draws, entropy
from fusion.training.patches import Patches
from fusion.training.recipes import Stage
from fusion.training.record import Record

STATE = "state.pt"
KEEP_EVERY = 30.0  # seconds between two checkpoints: what a killed run loses at most
TOTAL = "total"  # the name of the loss that is minimised
NORM = "norm"  # the name of the gradient's


class Learner(Protocol):
    """What a stage is to the loop: an ``nn.Module`` with these besides.

    Attributes:
        side: Pixels, of the pictures that are looked at.
    """

    side: int

    def __call__(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """The losses of a batch of images in [0, 1], each a scalar; ``total`` is minimised."""

    def look(self, images: Tensor, draws: Draws) -> Tensor:
        """Pictures to look at, (N, columns, H, W) in [0, 1]."""


@dataclass(frozen=True)
class Settings:
    """What decides no weights.

    Attributes:
        device: ``cpu``, ``cuda:0``, ...
        look_every: Steps between two looks; None looks ten times.
        workers: Threads that cut patches ahead of the steps.
    """

    device: str = "cpu"
    world: World = ALONE
    look_every: int | None = None
    workers: int = 0


@dataclass(frozen=True)
class Job:
    """One training.

    Attributes:
        held_out: Items that are looked at.
    """

    title: str
    stage: Stage
    patches: Patches
    held_out: Sequence[Item]
    seed: int
    folder: Path
    settings: Settings

    @property
    def device(self) -> str:
        """Where the network is."""
        return self.settings.device

    @property
    def steps(self) -> int:
        """Steps of the optimizer."""
        if self.stage.steps is not None:
            return self.stage.steps
        assert self.stage.epochs is not None  # the recipe has one of the two
        return math.ceil(self.stage.epochs * self.patches.epoch / self.stage.batch)


@dataclass
class Run:
    """What a step changes, and a checkpoint holds."""

    learner: nn.Module
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor] | None
    record: Record
    step: int = 0
    seconds: float = field(default=0.0)


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
    kept = time.monotonic()
    began = kept - run.seconds
    with run.record.shown(job.title, job.steps, run.step):
        for keys, images, draws in _batches(job, run.step):
            losses = _step(run, parallel, job, (keys, images, draws))
            run.seconds = time.monotonic() - began
            run.record.note(run.step, losses)
            if world.first and _look_now(run.step, job):
                _look(run, job)
            if world.first and time.monotonic() - kept >= KEEP_EVERY and run.step < job.steps:
                _keep(run, job)
                kept = time.monotonic()
    if world.first:
        _keep(run, job)
        run.record.finish(job.folder, run.seconds, job.device)
    return {name: tensor.detach().cpu() for name, tensor in _result(run).items()}


def _begin(learner: nn.Module, job: Job) -> Run:
    """The run at its start, or where the checkpoint has it."""
    world = job.settings.world
    begun = distributed.agreed((job.folder / STATE).exists(), world)
    if job.folder.is_dir():  # not on other machines
        optimizers.bring_in(job.folder)
    trained = [p for p in learner.parameters() if p.requires_grad]
    fused = job.device.startswith("cuda")
    optimizer = torch.optim.Adam(
        trained, lr=job.stage.learning_rate, betas=job.stage.betas, fused=fused
    )
    average = None
    if job.stage.average is not None:
        average = {name: p.detach().clone() for name, p in _named(learner)}
    run = Run(learner, optimizer, average, Record(job.folder, job.steps, world.first))
    if begun:
        place = job.folder / STATE
        _resume(run, distributed.shared(lambda: checkpoint.read(place, "cpu"), world))
    return run


def _batches(job: Job, first: int) -> Iterator[tuple[list[str], Tensor, Draws]]:
    """This process's share of every step that is still to be done."""
    world = job.settings.world
    share = job.stage.batch // world.size

    def places(step: int) -> list[int]:
        start = step * job.stage.batch + world.rank * share
        return list(range(start, start + share))

    def cut(step: int) -> tuple[list[str], Tensor, list[int]]:
        positions = places(step)
        keys, pixels = zip(*map(job.patches.at, positions), strict=True)
        return list(keys), torch.from_numpy(np.stack(pixels)), positions

    for keys, pixels, positions in _ahead(cut, range(first, job.steps), job.settings.workers):
        images = pixels.to(job.device, non_blocking=True).float() / 255
        yield keys, images, Draws(job.seed, positions, job.device)


def _ahead(cut: Any, steps: range, workers: int) -> Iterator[Any]:
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


def precise(images: Tensor) -> torch.autocast:
    """A block in float32: SSIM takes small differences of large numbers, bfloat16 has none left."""
    return torch.autocast(images.device.type, enabled=False)


def _refuse(found: Mapping[str, float], keys: Sequence[str], run: Run, job: Job) -> None:
    """Stop before the weights are spoiled.

    Raises:
        BenchError: Always.
    """
    bad = [name for name, value in found.items() if not math.isfinite(value)]
    kept = job.folder / STATE
    state = f"the last checkpoint is {kept}" if kept.exists() else "there is no checkpoint yet"
    raise BenchError(
        f"{job.title}: step {run.step + 1}: {', '.join(bad)} is not a number any more; the batch "
        f"was {', '.join(dict.fromkeys(keys))}; {state}. Try a lower learning_rate (now "
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
    weights: list[Tensor] = [p for _, p in _named(run.learner)]
    torch._foreach_lerp_(list(run.average.values()), weights, 1 - decay)


def _look_now(step: int, job: Job) -> bool:
    every = job.settings.look_every or max(1, job.steps // 10)
    return bool(job.held_out) and (step % every == 0 or step == job.steps)


@torch.no_grad()
def _look(run: Run, job: Job) -> None:
    """Losses on the held-out images, and a picture of what the averaged weights make of them."""
    run.record.look(run.learner, job, run.step, _result(run))


def _named(learner: nn.Module) -> list[tuple[str, nn.Parameter]]:
    return [(name, p) for name, p in learner.named_parameters() if p.requires_grad]


def _result(run: Run) -> dict[str, Tensor]:
    """The weights that are kept."""
    return run.average or {name: p.detach() for name, p in _named(run.learner)}


def _keep(run: Run, job: Job) -> None:
    content = {
        "network": {name: p.detach() for name, p in _named(run.learner)},
        "optimizer": run.optimizer.state_dict(),
        "average": run.average,
        "record": run.record.state(),
        "step": run.step,
        "seconds": run.seconds,
    }
    place = job.folder / STATE
    try:
        checkpoint.write(place, content)
    except (OSError, RuntimeError) as fault:  # RuntimeError: torch's word for a full disk
        place.with_name(f"{STATE}.new").unlink(missing_ok=True)
        raise BenchError(
            f"{place}: cannot be written ({fault}); make room, then the same command goes on "
            "from the last checkpoint"
        ) from None


def _resume(run: Run, saved: dict[str, Any]) -> None:
    with torch.no_grad():
        for name, parameter in _named(run.learner):
            parameter.copy_(saved["network"][name])
    run.optimizer.load_state_dict(saved["optimizer"])
    if run.average is not None:
        for name, tensor in run.average.items():
            tensor.copy_(saved["average"][name])
    run.record.restore(saved["record"])
    run.step, run.seconds = saved["step"], saved["seconds"]
