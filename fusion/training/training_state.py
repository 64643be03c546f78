"""State of a training, and its checkpoint file."""

from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

from fusebench.runtime.system_errors import name_file
from fusebench.storage.weights import checkpoint
from fusion.training.job import TrainingJob
from fusion.training.monitoring.logger import TrainingLogger

FILE_NAME = "state.pt"


@dataclass
class FusionTrainingState:
    """Everything that a step changes; a checkpoint stores it.

    Attributes:
        stage: The `TrainingStage` that is trained.
        optimizer: Adam over its trained parameters.
        ema_weights: Exponential moving average of the trained weights, by name; None without.
        logger: Loss curves.
        step: Number of finished steps.
        seconds: Training time so far.
    """

    stage: nn.Module
    optimizer: torch.optim.Optimizer
    ema_weights: dict[str, Tensor] | None
    logger: TrainingLogger
    step: int = 0
    seconds: float = 0.0


def get_trained_parameters(stage: nn.Module) -> list[tuple[str, nn.Parameter]]:
    """Return the parameters that require a gradient, with their names."""
    return [(name, p) for name, p in stage.named_parameters() if p.requires_grad]


def get_final_weights(state: FusionTrainingState) -> dict[str, Tensor]:
    """Return the weights to keep: the moving average if there is one, else the parameters."""
    if state.ema_weights:
        return state.ema_weights
    return {name: p.detach() for name, p in get_trained_parameters(state.stage)}


def save_checkpoint(state: FusionTrainingState, job: TrainingJob) -> None:
    """Write the checkpoint of a training.

    Raises:
        UserError: If it cannot be written; the previous checkpoint stays.
    """
    content = {  # these keys are the file format
        "network": {name: p.detach() for name, p in get_trained_parameters(state.stage)},
        "optimizer": state.optimizer.state_dict(),
        "average": state.ema_weights,
        "record": state.logger.get_state(),
        "step": state.step,
        "seconds": state.seconds,
    }
    path = job.folder / FILE_NAME
    with name_file(path):
        checkpoint.write_checkpoint(path, content)


def restore_checkpoint(state: FusionTrainingState, content: dict[str, Any]) -> None:
    """Copy the content of a checkpoint into a new state."""
    with torch.no_grad():
        for name, parameter in get_trained_parameters(state.stage):
            parameter.copy_(content["network"][name])
    state.optimizer.load_state_dict(content["optimizer"])
    if state.ema_weights is not None:
        for name, tensor in state.ema_weights.items():
            tensor.copy_(content["average"][name])
    state.logger.restore_state(content["record"])
    state.step, state.seconds = content["step"], content["seconds"]
