"""What a training is given besides the network: its recipe, its patches, its place."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fusion.training.data.dataset import TrainingImage
from fusion.training.data.patches import PatchSampler
from fusion.training.distributed import SINGLE_PROCESS, ProcessGroup
from fusion.training.recipe.schema import StageOptions


@dataclass(frozen=True)
class RuntimeSettings:
    """What decides no weights.

    Attributes:
        device: ``cpu``, ``cuda:0``, ...
        look_every: Steps between two looks; None looks ten times.
        workers: Threads that cut patches ahead of the steps.
    """

    device: str = "cpu"
    process_group: ProcessGroup = SINGLE_PROCESS
    sample_interval: int | None = None
    workers: int = 0


@dataclass(frozen=True)
class TrainingJob:
    """One training.

    Attributes:
        looked_at: Items that are looked at: those held out, or some that are trained on.
    """

    title: str
    stage_options: StageOptions
    patches: PatchSampler
    sample_images: Sequence[TrainingImage]
    seed: int
    folder: Path
    runtime: RuntimeSettings

    @property
    def device(self) -> str:
        """Where the network is."""
        return self.runtime.device

    @property
    def sample_set(self) -> str:
        """Which part of the data is looked at: ``held out`` or ``trained on``."""
        return "held out" if self.stage_options.held_out else "trained on"

    @property
    def steps(self) -> int:
        """Steps of the optimizer."""
        if self.stage_options.steps is not None:
            return self.stage_options.steps
        assert self.stage_options.epochs is not None  # the recipe has one of the two
        return math.ceil(
            self.stage_options.epochs * self.patches.patches_per_epoch / self.stage_options.batch
        )
