"""Where a training is: what a checkpoint holds, how it is written and read."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fusebench.storage import checkpoint
from fusion.training.job import TrainingJob
from fusion.training.monitoring.logger import TrainingLogger
from fusion.training.monitoring.write_errors import report_write_errors

FILE_NAME = "state.pt"


@dataclass
class FusionTrainingState:
    """What a step changes, and a checkpoint holds."""

    stage: nn.Module
    optimizer: torch.optim.Optimizer
    ema_weights: dict[str, Tensor] | None
    logger: TrainingLogger
    step: int = 0
    seconds: float = 0.0


def get_trained_parameters(learner: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """The parameters that are trained, by name."""
    return [(name, p) for name, p in learner.named_parameters() if p.requires_grad]


def get_final_weights(run: FusionTrainingState) -> dict[str, Tensor]:
    """The weights that are kept."""
    return run.ema_weights or {name: p.detach() for name, p in get_trained_parameters(run.stage)}


def save_checkpoint(run: FusionTrainingState, job: TrainingJob) -> None:
    """Write the checkpoint.

    Raises:
        UserError: If it cannot be written; the one before it stays.
    """
    content = {
        "network": {name: p.detach() for name, p in get_trained_parameters(run.stage)},
        "optimizer": run.optimizer.state_dict(),
        "average": run.ema_weights,
        "record": run.logger.get_state(),
        "step": run.step,
        "seconds": run.seconds,
    }
    place = job.folder / FILE_NAME
    with report_write_errors(place):
        checkpoint.write_checkpoint(place, content)


def restore_checkpoint(run: FusionTrainingState, saved: dict[str, Any]) -> None:
    """Put a fresh run where a checkpoint has it."""
    with torch.no_grad():
        for name, parameter in get_trained_parameters(run.stage):
            parameter.copy_(saved["network"][name])
    run.optimizer.load_state_dict(saved["optimizer"])
    if run.ema_weights is not None:
        for name, tensor in run.ema_weights.items():
            tensor.copy_(saved["average"][name])
    run.logger.restore_state(saved["record"])
    run.step, run.seconds = saved["step"], saved["seconds"]
