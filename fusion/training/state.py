"""Where a training is: what a checkpoint holds, how it is written and read."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from bench import checkpoint
from fusion.training.disk import writing
from fusion.training.job import Job
from fusion.training.record import Record

NAME = "state.pt"


@dataclass
class Run:
    """What a step changes, and a checkpoint holds."""

    learner: nn.Module
    optimizer: torch.optim.Optimizer
    average: dict[str, Tensor] | None
    record: Record
    step: int = 0
    seconds: float = 0.0


def named(learner: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The parameters that are trained, by name."""
    return [(name, p) for name, p in learner.named_parameters() if p.requires_grad]


def result(run: Run) -> dict[str, Tensor]:
    """The weights that are kept."""
    return run.average or {name: p.detach() for name, p in named(run.learner)}


def keep(run: Run, job: Job) -> None:
    """Write the checkpoint.

    Raises:
        BenchError: If it cannot be written; the one before it stays.
    """
    content = {
        "network": {name: p.detach() for name, p in named(run.learner)},
        "optimizer": run.optimizer.state_dict(),
        "average": run.average,
        "record": run.record.state(),
        "step": run.step,
        "seconds": run.seconds,
    }
    place = job.folder / NAME
    with writing(place):
        try:
            checkpoint.write(place, content)
        finally:
            place.with_name(f"{NAME}.new").unlink(missing_ok=True)


def resume(run: Run, saved: dict[str, Any]) -> None:
    """Put a fresh run where a checkpoint has it."""
    with torch.no_grad():
        for name, parameter in named(run.learner):
            parameter.copy_(saved["network"][name])
    run.optimizer.load_state_dict(saved["optimizer"])
    if run.average is not None:
        for name, tensor in run.average.items():
            tensor.copy_(saved["average"][name])
    run.record.restore(saved["record"])
    run.step, run.seconds = saved["step"], saved["seconds"]
