"""Inputs of the training loop besides the network: stage options, patches, folder, runtime."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fusion.training.data.dataset import TrainingImage
from fusion.training.data.patches import PatchSampler
from fusion.training.distributed import SINGLE_PROCESS, ProcessGroup
from fusion.training.recipe.stage_options import StageOptions


@dataclass(frozen=True)
class RuntimeSettings:
    """Settings that do not change the trained weights.

    Attributes:
        device: ``cpu``, ``cuda:0``, ...
        process_group: Processes that share every batch.
        sample_interval: Steps between two sample images; None writes about ten in all.
        workers: Threads that prepare patches ahead of the steps; 0 prepares them in the loop.
    """

    device: str = "cpu"
    process_group: ProcessGroup = SINGLE_PROCESS
    sample_interval: int | None = None
    workers: int = 0


@dataclass(frozen=True)
class TrainingJob:
    """One training, as the loop needs it.

    Attributes:
        title: Text of the progress bar and of error messages.
        stage_options: The recipe's section of this stage.
        patches: Training patches.
        sample_images: Images of the sample pictures: the held-out ones or, if there are none,
            some of the training images.
        seed: Random seed.
        folder: Where checkpoints and logs are written.
        runtime: Device, processes and the like.
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
        """Device of the network."""
        return self.runtime.device

    @property
    def sample_set(self) -> str:
        """Subset that ``sample_images`` belong to: ``held out`` or ``trained on``."""
        return "held out" if self.stage_options.held_out else "trained on"

    @property
    def steps(self) -> int:
        """Number of optimizer steps."""
        if self.stage_options.steps is not None:
            return self.stage_options.steps
        assert self.stage_options.epochs is not None  # the recipe has one of the two
        return math.ceil(
            self.stage_options.epochs * self.patches.patches_per_epoch / self.stage_options.batch
        )
