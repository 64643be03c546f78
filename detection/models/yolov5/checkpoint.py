"""Everything that changes during a training, and how it survives a kill.

Full precision and complete: weights, their moving average, the optimizer, and gradients not yet
stepped. One file, replaced in one rename, that holds tensors and numbers only.
"""

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from fusebench.storage import checkpoint


@dataclass
class DetectorTrainingState:
    """All that changes during a training."""

    network: Any
    ema: Any
    optimizer: Any
    scaler: Any
    finished_epochs: int = 0  # epochs finished
    last_step: int = -1  # batch of the last optimizer step, counted over all epochs
    seconds: float = 0.0
    losses: list[list[float]] = field(default_factory=list)


def save_checkpoint(run: DetectorTrainingState, path: Path) -> None:
    """Write the run; a reader sees the old file or the new one, whenever the machine goes down."""
    content = {
        "network": run.network.state_dict(),
        "average": run.ema.ema.state_dict(),
        "updates": run.ema.updates,
        "optimizer": run.optimizer.state_dict(),
        "scaler": run.scaler.state_dict(),
        "gradients": {
            name: parameter.grad
            for name, parameter in run.network.named_parameters()
            if parameter.grad is not None
        },
        "epoch": run.finished_epochs,
        "last_step": run.last_step,
        "seconds": run.seconds,
        "losses": run.losses,
    }
    checkpoint.write_checkpoint(path, content)


def load_checkpoint(run: DetectorTrainingState, path: Path, device: str) -> None:
    """Bring ``run`` to where it was when it was kept.

    Raises:
        UserError: If the file cannot be read.
    """
    content = checkpoint.read_checkpoint(path, device)
    run.network.load_state_dict(content["network"])
    run.ema.ema.load_state_dict(content["average"])
    run.ema.updates = content["updates"]
    run.optimizer.load_state_dict(content["optimizer"])
    run.scaler.load_state_dict(content["scaler"])
    for name, parameter in run.network.named_parameters():
        parameter.grad = content["gradients"].get(name)
    run.finished_epochs = content["epoch"]
    run.last_step = content["last_step"]
    run.seconds = content["seconds"]
    run.losses = content["losses"]
