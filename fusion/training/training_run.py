"""A training as the store sees it: what decides its weights, and which one has to come before.

Nothing here loads torch until something is trained.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.errors import UserError
from fusebench.storage import hashing
from fusebench.storage.store import Store
from fusion.checkpoints import weights_file
from fusion.training.data import dataset
from fusion.training.data.dataset import InputKind, TrainingData
from fusion.training.recipe.schema import (
    FUSION_STAGES,
    STAGE_SECTIONS,
    DMFuseRecipe,
    FusionStageOptions,
    Recipe,
    StageOptions,
)

VERSION = 1  # of what a recipe comes to; raised when the same recipe gives other weights
STORE_KIND = "trained"
OPTIONS_WITHOUT_WEIGHTS = {"dropout", "noise"}


@dataclass(frozen=True)
class TrainingRun:
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
    start_weights: Path | None = None

    @property
    def label(self) -> str:
        """The readable half of the folder's name."""
        return self.name or f"{self.method}-{self.stage}"

    @property
    def stage_options(self) -> StageOptions:
        """The section of the recipe that is this stage's.

        Raises:
            UserError: If the recipe has none.
        """
        name = STAGE_SECTIONS[self.method][self.stage]
        found: StageOptions | None = getattr(self.recipe, name)
        if found is None:
            raise UserError(
                f"{self.method}: the recipe has no section {name}, so that its stage "
                f"{self.stage} cannot be trained; the preset small has one"
            )
        return found

    @property
    def weights_stage(self) -> str:
        """The stage that the weights say they are of: a finetuned network is no other network."""
        return FUSION_STAGES[self.method] if self.stage == "finetuning" else self.stage

    @property
    def input_kind(self) -> InputKind:
        """What patches are cut from."""
        if isinstance(self.recipe, DMFuseRecipe) and self.stage == "diffusion":
            return "color" if self.recipe.denoising.channels == 3 else "gray"
        return "pairs"

    @property
    def previous(self) -> "TrainingRun | None":
        """The stage that this one starts from, if it is not given as a file."""
        earlier = get_previous_stage(self.method, self.stage, self.recipe)
        if earlier is None or self.start_weights is not None:
            return None
        return TrainingRun(self.method, earlier, self.recipe, self.seed)


def get_previous_stage(method: str, stage: str, recipe: Recipe) -> str | None:
    """The stage that has to come before."""
    if stage == "finetuning":
        return FUSION_STAGES[method]
    if isinstance(recipe, DMFuseRecipe):
        follows = stage == "fusion" and recipe.head.encoder == "diffusion"
        return "diffusion" if follows else None
    return "1" if stage == "2" and recipe.two_stages else None


def list_with_prerequisites(training: TrainingRun) -> list[TrainingRun]:
    """The trainings that this one needs, then itself."""
    before = training.previous
    return [*([] if before is None else list_with_prerequisites(before)), training]


def compute_identity(training: TrainingRun) -> str:
    """Equal for trainings whose recipes differ only in what comes after them."""
    before = training.previous
    told = {
        "label": training.label,
        "recipe": _select_relevant_options(training),
        "data": training.stage_options.model_dump(mode="json", include={"data"}),
        "seed": training.seed,
        "start": str(training.start_weights) if before is None else compute_identity(before),
    }
    return json.dumps(told, sort_keys=True)


def find_data(training: TrainingRun, root: Path, *, draw: bool = True) -> TrainingData:
    """The data of a training; see `data.find`.

    Raises:
        UserError: As `data.find`, with the stage before it.
    """
    try:
        return dataset.find_training_data(
            training.stage_options.data, training.input_kind, root, draw=draw
        )
    except dataset.NotGeneratedError:
        raise
    except UserError as fault:
        raise UserError(f"{training.method} {training.stage}: {fault}") from None


def build_spec(training: TrainingRun, root: Path, *, draw: bool = True) -> dict[str, Any]:
    """Everything that decides the weights, JSON-ready.

    Raises:
        UserError: If the data is not there or wrong.
    """
    before = training.previous
    if training.start_weights is not None:
        start: Any = {"sha256": hashing.compute_file_sha256(training.start_weights)}
    else:
        start = None if before is None else build_spec(before, root, draw=draw)
    return {
        "method": training.method,
        "stage": training.stage,
        "version": VERSION,
        "recipe": _select_relevant_options(training),
        "data": list(find_data(training, root, draw=draw).fingerprint),
        "seed": training.seed,
        "start": start,
    }


def get_folder(training: TrainingRun, store: Store, root: Path, *, draw: bool = True) -> Path:
    """Where its finished folder is, or would be."""
    return store.get_path(STORE_KIND, training.label, build_spec(training, root, draw=draw))


def build_architecture(training: TrainingRun) -> dict[str, Any]:
    """What the network of this stage is built from, JSON-ready."""
    recipe = training.recipe
    if isinstance(recipe, DMFuseRecipe):
        parts = {"denoising": recipe.denoising.model_dump(mode="json", exclude={"levels"})}
        stage = training.stage_options
        if isinstance(stage, FusionStageOptions):
            parts["head"] = recipe.head.model_dump(mode="json") | {"noise": stage.noise}
        return parts
    return {
        "network": recipe.model_dump(mode="json")["architecture"],
        "timesteps": recipe.timesteps,
    }


def check_start_weights(
    training: TrainingRun, facts: weights_file.WeightsMetadata, path: Path
) -> None:
    """Refuse weights that this stage cannot start from.

    Raises:
        UserError: Naming what differs.
    """
    wanted = get_previous_stage(training.method, training.stage, training.recipe)
    if wanted is None:
        raise UserError(f"--start {path}: {training.method} {training.stage} starts from none")
    if (facts.method, facts.stage) != (training.method, wanted):
        raise UserError(
            f"{path}: weights of {facts.method} {facts.stage}; {training.method} "
            f"{training.stage} starts from {training.method} {wanted}"
        )
    before = TrainingRun(training.method, wanted, training.recipe)
    differing = sorted(_list_differences(facts.architecture, build_architecture(before)))
    if differing:
        raise UserError(f"{path}: does not fit the recipe: {'; '.join(differing)}")


def _list_differences(
    there: Mapping[str, Any], here: Mapping[str, Any], where: str = ""
) -> list[str]:
    """Options that are not the same, but for those that have no weights."""
    lines: list[str] = []
    for name in sorted({*there, *here} - OPTIONS_WITHOUT_WEIGHTS):
        a, b = there.get(name), here.get(name)
        if isinstance(a, Mapping) and isinstance(b, Mapping):
            lines += _list_differences(a, b, f"{where}{name}.")
        elif a != b:
            lines.append(f"{where}{name} is {a} there and {b} here")
    return lines


def _select_relevant_options(training: TrainingRun) -> dict[str, Any]:
    """The recipe without later stages, and without where its data lies."""
    section = STAGE_SECTIONS[training.method][training.stage]
    others = {name for name in STAGE_SECTIONS[training.method].values() if name != section}
    left_out = others | ({"head"} if training.stage == "diffusion" else set())
    kept = training.recipe.model_dump(mode="json", exclude=left_out)
    del kept[section]["data"]
    return kept
