"""What a training is given besides the network: its recipe, its patches, its place."""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from fusion.training.data import Item
from fusion.training.distributed import ALONE, World
from fusion.training.patches import Patches
from fusion.training.recipes import Stage


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
        looked_at: Items that are looked at: those held out, or some that are trained on.
    """

    title: str
    stage: Stage
    patches: Patches
    looked_at: Sequence[Item]
    seed: int
    folder: Path
    settings: Settings

    @property
    def device(self) -> str:
        """Where the network is."""
        return self.settings.device

    @property
    def part(self) -> str:
        """Which part of the data is looked at: ``held out`` or ``trained on``."""
        return "held out" if self.stage.held_out else "trained on"

    @property
    def steps(self) -> int:
        """Steps of the optimizer."""
        if self.stage.steps is not None:
            return self.stage.steps
        assert self.stage.epochs is not None  # the recipe has one of the two
        return math.ceil(self.stage.epochs * self.patches.epoch / self.stage.batch)
