"""Training state of a detector, and its checkpoint file.

The checkpoint is complete and in full precision: weights, their moving average, the optimizer, and
accumulated gradients. It is one file, replaced in one rename, of tensors and numbers only.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fusebench.storage.weights import checkpoint


@dataclass
class DetectorTrainingState:
    """Everything that changes during training.

    Attributes:
        network: The trained network.
        compute_predictions: Its forward pass, compiled if the options ask for it; not saved.
        ema: Moving average of its weights (ultralytics' ``ModelEMA``).
        optimizer: Optimizer of the network.
        scaler: Gradient scaler of mixed precision.
        finished_epochs: Number of finished epochs.
        last_step: Batch of the last optimizer step, counted over all epochs.
        seconds: Training time.
        losses: Mean losses of each finished epoch.
        precisions: Floats of the training; several if it was resumed on another kind of device.
    """

    network: Any
    compute_predictions: Any
    ema: Any
    optimizer: Any
    scaler: Any
    finished_epochs: int = 0
    last_step: int = -1
    seconds: float = 0.0
    losses: list[list[float]] = field(default_factory=list)
    precisions: list[str] = field(default_factory=list)

    def note_precision(self, precision: str) -> None:
        """Note the floats of what is trained from now on."""
        if self.precisions[-1:] != [precision]:
            self.precisions.append(precision)


def save_checkpoint(state: DetectorTrainingState, path: Path) -> None:
    """Write the state; a crash leaves either the old file or the new one."""
    content = {
        "network": state.network.state_dict(),
        "average": state.ema.ema.state_dict(),
        "updates": state.ema.updates,
        "optimizer": state.optimizer.state_dict(),
        "scaler": state.scaler.state_dict(),
        "gradients": {
            name: parameter.grad
            for name, parameter in state.network.named_parameters()
            if parameter.grad is not None
        },
        "epoch": state.finished_epochs,
        "last_step": state.last_step,
        "seconds": state.seconds,
        "losses": state.losses,
        "precisions": state.precisions,
    }
    checkpoint.write_checkpoint(path, content)


def load_checkpoint(state: DetectorTrainingState, path: Path, device: str) -> None:
    """Restore ``state`` from a checkpoint.

    Raises:
        UserError: If the file cannot be read.
    """
    content = checkpoint.read_checkpoint(path, device)
    state.network.load_state_dict(content["network"])
    state.ema.ema.load_state_dict(content["average"])
    state.ema.updates = content["updates"]
    state.optimizer.load_state_dict(content["optimizer"])
    if content["scaler"]:  # empty if the training began where gradients are not scaled
        state.scaler.load_state_dict(content["scaler"])
    for name, parameter in state.network.named_parameters():
        parameter.grad = content["gradients"].get(name)
    state.finished_epochs = content["epoch"]
    state.last_step = content["last_step"]
    state.seconds = content["seconds"]
    state.losses = content["losses"]
    state.precisions = content.get("precisions", [])  # older checkpoints have none
