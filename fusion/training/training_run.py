"""Training runs: the stage to train, its spec for the store, and the stages before it.

Importing this module does not import torch, so that ``--plan`` is fast.
"""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.errors import UserError
from fusebench.storage import hashing
from fusebench.storage.store import Store
from fusion.training.data import dataset, teacher
from fusion.training.data.dataset import InputKind, TrainingData
from fusion.training.recipe.schema import (
    FUSION_STAGES,
    STAGE_SECTIONS,
    DMFuseRecipe,
    Recipe,
    StudentRecipe,
)
from fusion.training.recipe.stage_options import FusionStageOptions, StageOptions

# Of the methods; part of every spec. Raised when the same recipe gives different weights.
VERSIONS = {"dmfuse": 1, "dmnet": 1, "student": 2}
STORE_KIND = "trained"


@dataclass(frozen=True)
class TrainingRun:
    """One stage of one method, to be trained.

    Attributes:
        method: ``dmfuse``, ``dmnet`` or ``student``.
        stage: A key of `STAGE_SECTIONS` of the method.
        recipe: Options of all stages.
        seed: Random seed.
        name: Chosen label of the folder; empty for ``<method>-<stage>``.
        start_weights: Weights file of the previous stage, instead of training that stage.
    """

    method: str
    stage: str
    recipe: Recipe
    seed: int = 0
    name: str = ""
    start_weights: Path | None = None

    @property
    def label(self) -> str:
        """Name of the folder without the hash."""
        return self.name or f"{self.method}-{self.stage}"

    @property
    def stage_options(self) -> StageOptions:
        """The recipe's section of this stage.

        Raises:
            UserError: If the recipe has none.
        """
        section = STAGE_SECTIONS[self.method][self.stage]
        options: StageOptions | None = getattr(self.recipe, section)
        if options is None:
            raise UserError(
                f"{self.method}: the recipe has no section {section}, so that its stage "
                f"{self.stage} cannot be trained; the preset small has one"
            )
        return options

    @property
    def weights_stage(self) -> str:
        """Stage in the metadata of the weights; finetuned weights are those of the fusion stage."""
        return FUSION_STAGES[self.method] if self.stage == "finetuning" else self.stage

    @property
    def input_kind(self) -> InputKind:
        """Whether the stage trains on pairs, gray or color images."""
        if isinstance(self.recipe, DMFuseRecipe) and self.stage == "diffusion":
            return "color" if self.recipe.denoising.channels == 3 else "gray"
        return "pairs"

    @property
    def previous(self) -> "TrainingRun | None":
        """The training run of the previous stage; None without one, or if its weights are given."""
        stage = get_previous_stage(self.method, self.stage, self.recipe)
        if stage is None or self.start_weights is not None:
            return None
        return TrainingRun(self.method, stage, self.recipe, self.seed)


def get_previous_stage(method: str, stage: str, recipe: Recipe) -> str | None:
    """Return the stage whose weights a stage starts from, if any."""
    if stage == "finetuning":
        return FUSION_STAGES[method]
    if isinstance(recipe, StudentRecipe):
        return None
    if isinstance(recipe, DMFuseRecipe):
        needs_diffusion = stage == "fusion" and recipe.head.encoder == "diffusion"
        return "diffusion" if needs_diffusion else None
    return "1" if stage == "2" and recipe.two_stages else None


def list_with_prerequisites(training: TrainingRun) -> list[TrainingRun]:
    """List the training runs of the previous stages in order, then the run itself."""
    previous = training.previous
    return [*([] if previous is None else list_with_prerequisites(previous)), training]


def compute_identity(training: TrainingRun) -> str:
    """Compute a key that is equal for training runs whose recipes differ only in later stages."""
    previous = training.previous
    identity = {
        "label": training.label,
        "recipe": _select_relevant_options(training),
        "data": training.stage_options.model_dump(mode="json", include={"data"}),
        "seed": training.seed,
        "start": str(training.start_weights) if previous is None else compute_identity(previous),
    }
    if isinstance(training.recipe, StudentRecipe):
        identity["teacher"] = training.recipe.teacher.model_dump(mode="json")
    return json.dumps(identity, sort_keys=True)


def find_data(training: TrainingRun, root: Path, *, generate: bool = True) -> TrainingData:
    """Find the images of a training; see `dataset.find_training_data`.

    Raises:
        UserError: As `dataset.find_training_data`, with method and stage in front.
    """
    try:
        return dataset.find_training_data(
            training.stage_options.data, training.input_kind, root, generate=generate
        )
    except dataset.NotGeneratedError:
        raise
    except UserError as error:
        raise UserError(f"{training.method} {training.stage}: {error}") from None


def build_spec(training: TrainingRun, root: Path, *, generate: bool = True) -> dict[str, Any]:
    """Build the spec: everything that decides the weights, JSON-ready.

    Raises:
        UserError: If the data is missing or invalid.
    """
    previous = training.previous
    if training.start_weights is not None:
        start: Any = {"sha256": hashing.compute_file_sha256(training.start_weights)}
    else:
        start = None if previous is None else build_spec(previous, root, generate=generate)
    data = find_data(training, root, generate=generate)
    spec = {
        "method": training.method,
        "stage": training.stage,
        "version": VERSIONS[training.method],
        "recipe": _select_relevant_options(training),
        "data": list(data.fingerprint),
        "seed": training.seed,
        "start": start,
    }
    if isinstance(training.recipe, StudentRecipe):
        selected = teacher.select_teacher_images(training.recipe.teacher, data)
        spec["teacher"] = [part.spec for part in selected]
    return spec


def get_folder(training: TrainingRun, store: Store, root: Path, *, generate: bool = True) -> Path:
    """Return the path of a training's finished folder, whether it exists or not."""
    return store.get_path(STORE_KIND, training.label, build_spec(training, root, generate=generate))


def build_architecture(training: TrainingRun) -> dict[str, Any]:
    """Build the architecture for the metadata of the weights, JSON-ready."""
    recipe = training.recipe
    if isinstance(recipe, StudentRecipe):
        return recipe.network.model_dump(mode="json")
    if isinstance(recipe, DMFuseRecipe):
        architecture = {"denoising": recipe.denoising.model_dump(mode="json", exclude={"levels"})}
        options = training.stage_options
        if isinstance(options, FusionStageOptions):
            architecture["head"] = recipe.head.model_dump(mode="json") | {"noise": options.noise}
        return architecture
    return {
        "network": recipe.model_dump(mode="json")["architecture"],
        "timesteps": recipe.timesteps,
    }


def _select_relevant_options(training: TrainingRun) -> dict[str, Any]:
    """Return the recipe without other stages, and without the location of the data."""
    section = STAGE_SECTIONS[training.method][training.stage]
    excluded = {name for name in STAGE_SECTIONS[training.method].values() if name != section}
    if training.stage == "diffusion":
        excluded.add("head")
    excluded.add("teacher")  # the spec has its images
    options = training.recipe.model_dump(mode="json", exclude=excluded)
    del options[section]["data"]
    if options[section].get("structure", {}) is None:
        del options[section]["structure"]  # specs from before this option are the same
    return options
