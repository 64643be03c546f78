"""A training as the store sees it: what decides its weights, and which one has to come before.

Nothing here loads torch until something is trained.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import digest
from bench.errors import BenchError
from bench.store import Store
from fusion import checkpoints
from fusion.training import data
from fusion.training.data import Found, Seen
from fusion.training.recipes import FUSING, SECTIONS, DMFuse, Fusing, Recipe, Stage

VERSION = 1  # of what a recipe comes to; raised when the same recipe gives other weights
KIND = "trained"
WEIGHTLESS = {"dropout", "noise"}


@dataclass(frozen=True)
class Training:
    """One stage of one method.

    Attributes:
        name: The readable half of the folder's name.
        start: Weights of the stage before it, instead of training that.
    """

    method: str
    stage: str
    recipe: Recipe
    seed: int = 0
    name: str = ""
    start: Path | None = None

    @property
    def label(self) -> str:
        """The readable half of the folder's name."""
        return self.name or f"{self.method}-{self.stage}"

    @property
    def settings(self) -> Stage:
        """The section of the recipe that is this stage's.

        Raises:
            BenchError: If the recipe has none.
        """
        name = SECTIONS[self.method][self.stage]
        found: Stage | None = getattr(self.recipe, name)
        if found is None:
            raise BenchError(
                f"{self.method}: the recipe has no section {name}, so that its stage "
                f"{self.stage} cannot be trained; the preset small has one"
            )
        return found

    @property
    def makes(self) -> str:
        """The stage that the weights say they are of: a finetuned network is no other network."""
        return FUSING[self.method] if self.stage == "finetuning" else self.stage

    @property
    def seen(self) -> Seen:
        """What patches are cut from."""
        if isinstance(self.recipe, DMFuse) and self.stage == "diffusion":
            return "colour" if self.recipe.denoising.channels == 3 else "gray"
        return "pairs"

    @property
    def before(self) -> "Training | None":
        """The stage that this one starts from, if it is not given as a file."""
        earlier = needed(self.method, self.stage, self.recipe)
        if earlier is None or self.start is not None:
            return None
        return Training(self.method, earlier, self.recipe, self.seed)


def needed(method: str, stage: str, recipe: Recipe) -> str | None:
    """The stage that has to come before."""
    if stage == "finetuning":
        return FUSING[method]
    if isinstance(recipe, DMFuse):
        follows = stage == "fusion" and recipe.head.encoder == "diffusion"
        return "diffusion" if follows else None
    return "1" if stage == "2" and recipe.two_stages else None


def chain(training: Training) -> list[Training]:
    """The trainings that this one needs, then itself."""
    before = training.before
    return [*([] if before is None else chain(before)), training]


def identity(training: Training) -> str:
    """Equal for trainings whose recipes differ only in what comes after them."""
    before = training.before
    told = {
        "label": training.label,
        "recipe": _relevant(training),
        "data": training.settings.model_dump(mode="json", include={"data"}),
        "seed": training.seed,
        "start": str(training.start) if before is None else identity(before),
    }
    return json.dumps(told, sort_keys=True)


def found(training: Training, root: Path, *, draw: bool = True) -> Found:
    """The data of a training; see `data.find`.

    Raises:
        BenchError: As `data.find`, with the stage before it.
    """
    try:
        return data.find(training.settings.data, training.seen, root, draw=draw)
    except data.Undrawn:
        raise
    except BenchError as fault:
        raise BenchError(f"{training.method} {training.stage}: {fault}") from None


def spec(training: Training, root: Path, *, draw: bool = True) -> dict[str, Any]:
    """Everything that decides the weights, JSON-ready.

    Raises:
        BenchError: If the data is not there or wrong.
    """
    before = training.before
    if training.start is not None:
        start: Any = {"sha256": digest.sha256(training.start)}
    else:
        start = None if before is None else spec(before, root, draw=draw)
    return {
        "method": training.method,
        "stage": training.stage,
        "version": VERSION,
        "recipe": _relevant(training),
        "data": list(found(training, root, draw=draw).fingerprint),
        "seed": training.seed,
        "start": start,
    }


def place(training: Training, store: Store, root: Path, *, draw: bool = True) -> Path:
    """Where its finished folder is, or would be."""
    return store.path(KIND, training.label, spec(training, root, draw=draw))


def architecture(training: Training) -> dict[str, Any]:
    """What the network of this stage is built from, JSON-ready."""
    recipe = training.recipe
    if isinstance(recipe, DMFuse):
        parts = {"denoising": recipe.denoising.model_dump(mode="json", exclude={"levels"})}
        stage = training.settings
        if isinstance(stage, Fusing):
            parts["head"] = recipe.head.model_dump(mode="json") | {"noise": stage.noise}
        return parts
    return {
        "network": recipe.model_dump(mode="json")["architecture"],
        "timesteps": recipe.timesteps,
    }


def check_start(training: Training, facts: checkpoints.Facts, path: Path) -> None:
    """Refuse weights that this stage cannot start from.

    Raises:
        BenchError: Naming what differs.
    """
    wanted = needed(training.method, training.stage, training.recipe)
    if wanted is None:
        raise BenchError(f"--start {path}: {training.method} {training.stage} starts from none")
    if (facts.method, facts.stage) != (training.method, wanted):
        raise BenchError(
            f"{path}: weights of {facts.method} {facts.stage}; {training.method} "
            f"{training.stage} starts from {training.method} {wanted}"
        )
    before = Training(training.method, wanted, training.recipe)
    differing = sorted(_differing(facts.architecture, architecture(before)))
    if differing:
        raise BenchError(f"{path}: does not fit the recipe: {'; '.join(differing)}")


def _differing(there: Mapping[str, Any], here: Mapping[str, Any], where: str = "") -> list[str]:
    """Options that are not the same, but for those that have no weights."""
    lines: list[str] = []
    for name in sorted({*there, *here} - WEIGHTLESS):
        a, b = there.get(name), here.get(name)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            lines += _differing(a, b, f"{where}{name}.")
        elif a != b:
            lines.append(f"{where}{name} is {a} there and {b} here")
    return lines


def _relevant(training: Training) -> dict[str, Any]:
    """The recipe without later stages, and without where its data lies."""
    section = SECTIONS[training.method][training.stage]
    others = {name for name in SECTIONS[training.method].values() if name != section}
    left_out = others | ({"head"} if training.stage == "diffusion" else set())
    kept = training.recipe.model_dump(mode="json", exclude=left_out)
    del kept[section]["data"]
    return kept
