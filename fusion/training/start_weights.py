"""Start weights: whether a training run can start from a weights file, and what it changes.

Importing this module does not import torch.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fusebench.errors import UserError
from fusion.checkpoints import architecture_schema, weights_file
from fusion.training import training_run
from fusion.training.recipe.schema import DMFuseRecipe, DMNetRecipe, Recipe
from fusion.training.training_run import TrainingRun

OPTIONS_WITHOUT_WEIGHTS = {"dropout", "noise"}  # architecture options that change no tensor


def check_start_weights(
    training: TrainingRun, metadata: weights_file.WeightsMetadata, path: Path
) -> None:
    """Check that a training run can start from the weights.

    Raises:
        UserError: Naming what differs.
    """
    expected_stage = training_run.get_previous_stage(
        training.method, training.stage, training.recipe
    )
    if training.method == "student":
        expected_stage = training.stage  # an earlier training of the only stage is continued
    if expected_stage is None:
        raise UserError(
            f"--start {path}: {training.method} {training.stage} starts from random weights; "
            "leave --start out"
        )
    if (metadata.method, metadata.stage) != (training.method, expected_stage):
        raise UserError(
            f"{path}: weights of {metadata.method} {metadata.stage}; {training.method} "
            f"{training.stage} starts from {training.method} {expected_stage}"
        )
    expected = training_run.build_architecture(
        TrainingRun(training.method, expected_stage, training.recipe)
    )
    given = metadata.architecture
    if get_start_steps(training, given, path) is not None:
        expected, given = _remove_steps(expected), _remove_steps(given)
    differences = _list_differences(given, expected)
    if differences:
        raise UserError(f"{path}: does not fit the recipe: {'; '.join(sorted(differences))}")


def get_start_steps(
    training: TrainingRun, architecture: Mapping[str, Any], path: Path
) -> tuple[int, ...] | None:
    """Return the time steps of the features in start weights if finetuning may change them.

    DMNet averages the features of its time steps, so that their number changes no tensor. The
    tensors of several steps of DMFuse can be merged into those of one
    (`fusion.checkpoints.feature_steps.merge_feature_steps`).

    Args:
        training: Training run that starts from the weights.
        architecture: In the metadata of the start weights.
        path: File of the start weights, for messages.

    Returns:
        None if the steps of the recipe are those of the start weights, or have to be.

    Raises:
        UserError: If the architecture is invalid.
    """
    if training.stage != "finetuning":
        return None
    checked = architecture_schema.check_architecture(training.method, architecture, str(path))
    recipe, start_steps = training.recipe, _get_steps(training.method, checked)
    if isinstance(recipe, DMFuseRecipe):
        may_change = recipe.head.encoder == "diffusion" and len(recipe.head.features_at) == 1
    else:
        may_change = True
    return start_steps if may_change and start_steps != get_recipe_steps(recipe) else None


def get_recipe_steps(recipe: Recipe) -> tuple[int, ...]:
    """Return the time steps whose features a recipe uses; none without diffusion features."""
    if isinstance(recipe, DMFuseRecipe):
        return recipe.head.features_at
    return recipe.architecture.time_steps if isinstance(recipe, DMNetRecipe) else ()


def describe_start_steps(training: TrainingRun, start_steps: tuple[int, ...] | None) -> str:
    """Describe a change of the time steps between start weights and recipe; empty without one."""
    if start_steps is None:
        return ""
    before, after = (
        f"time step{'s' if len(steps) > 1 else ''} {', '.join(map(str, steps))}"
        for steps in (start_steps, get_recipe_steps(training.recipe))
    )
    merged = (
        "; the heads' kernels of these steps are added up"
        if training.method == "dmfuse" and len(start_steps) > 1
        else ""
    )
    return f"features of {after}, those of the start weights of {before}{merged}"


def _get_steps(method: str, architecture: Mapping[str, Any]) -> tuple[int, ...]:
    """Return the time steps in a checked architecture."""
    steps: tuple[int, ...] = (
        architecture["head"]["features_at"]
        if method == "dmfuse"
        else architecture["network"]["time_steps"]
    )
    return steps


def _remove_steps(architecture: Mapping[str, Any]) -> dict[str, Any]:
    """Return an architecture without the time steps of the features."""
    return {
        section: {n: v for n, v in options.items() if n not in ("features_at", "time_steps")}
        if isinstance(options, Mapping)
        else options
        for section, options in architecture.items()
    }


def _list_differences(
    file_options: Mapping[str, Any], recipe_options: Mapping[str, Any], prefix: str = ""
) -> list[str]:
    """Describe options of the architecture that differ, except `OPTIONS_WITHOUT_WEIGHTS`."""
    differences: list[str] = []
    for name in sorted({*file_options, *recipe_options} - OPTIONS_WITHOUT_WEIGHTS):
        in_file, in_recipe = file_options.get(name), recipe_options.get(name)
        if isinstance(in_file, Mapping) and isinstance(in_recipe, Mapping):
            differences += _list_differences(in_file, in_recipe, f"{prefix}{name}.")
        elif in_file != in_recipe:
            differences.append(
                f"{prefix}{name} is {in_file} in the file, {in_recipe} in the recipe"
            )
    return differences
