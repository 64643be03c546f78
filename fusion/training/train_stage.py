"""Training of one stage: network, training loop, weights file."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from fusebench.errors import UserError
from fusebench.runtime import atomic_write, printable
from fusebench.runtime.seeds import derive_seed
from fusebench.storage.weights.finite_weights import check_finite
from fusion.checkpoints import feature_steps, weights_file
from fusion.training import distributed, loop, start_weights, training_run, training_state
from fusion.training.data import dataset
from fusion.training.data.patches import PatchSampler, list_patch_locations
from fusion.training.data.random_streams import INITIAL_WEIGHTS
from fusion.training.job import RuntimeSettings, TrainingJob
from fusion.training.recipe.schema import DMFuseRecipe, StudentRecipe
from fusion.training.recipe.stage_options import (
    DistillationStageOptions,
    FusionStageOptions,
    JointStageOptions,
)
from fusion.training.stages import dmfuse, student
from fusion.training.training_run import TrainingRun

SAMPLE_IMAGE_COUNT = 4  # training images shown as samples, if none is held out


def build_stage(training: TrainingRun, start_tensors: Mapping[str, Tensor] | None) -> nn.Module:
    """Build the `TrainingStage` of a training with its initial weights.

    The initial weights depend on the training's seed alone; torch's random state is restored.

    Args:
        training: Method, stage, recipe and seed.
        start_tensors: Weights of the previous stage; None if there is none.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(training.seed, INITIAL_WEIGHTS))
        options = training.stage_options
        if isinstance(training.recipe, DMFuseRecipe):
            if isinstance(options, FusionStageOptions):
                return dmfuse.FusionStage(training.recipe, options, start_tensors)
            return dmfuse.DiffusionStage(training.recipe)
        if isinstance(training.recipe, StudentRecipe):
            assert isinstance(options, DistillationStageOptions)
            return student.DistillationStage(training.recipe, options, start_tensors)
        from fusion.training.stages import dmnet

        if isinstance(options, JointStageOptions):
            return dmnet.JointStage(training.recipe, options, start_tensors)
        return dmnet.ReconstructionStage(training.recipe)


def run_training(
    training: TrainingRun,
    data: dataset.TrainingData,
    start_path: Path | None,
    folder: Path,
    settings: RuntimeSettings,
) -> None:
    """Train a stage; resume from the checkpoint in ``folder`` if there is one.

    Writes ``model.safetensors``, ``losses.csv``, ``looks/``, ``time.json``, TensorBoard events
    and the losses of the sample images. A folder with weights and without a checkpoint is
    finished.

    Args:
        training: Method, stage, recipe and seed.
        data: The training images.
        start_path: Weights file of the previous stage; None if there is none.
        folder: Output folder.
        settings: Device, processes and the like.

    Raises:
        UserError: If the start weights do not fit, a loss is not finite, or a file cannot be
            written.
    """
    if distributed.broadcast(_is_finished(folder), settings.process_group):
        return
    tensors = None
    if start_path is not None:
        tensors = _read_start_weights(training, start_path, settings)
    distributed.check_batch_size(training.stage_options.batch, settings.process_group)
    job = _build_job(training, data, folder, settings)
    stage = build_stage(training, tensors)
    cuda_devices = [settings.device] if settings.device.startswith("cuda") else []
    try:
        with torch.random.fork_rng(devices=cuda_devices):
            trained_weights = loop.run_training_loop(stage, job)
    except torch.cuda.OutOfMemoryError:
        options = training.stage_options
        raise UserError(
            f"{settings.device}: out of memory with batch {options.batch} of {options.patch} "
            "pixels; set a smaller batch or patch, or use more processes"
        ) from None
    if settings.process_group.is_main:
        _write_weights(training, stage, trained_weights, folder)


def _read_start_weights(
    training: TrainingRun, path: Path, settings: RuntimeSettings
) -> dict[str, Tensor]:
    """Read start weights; merge and report the time steps of their features if they differ.

    Raises:
        UserError: If the weights do not fit.
    """
    tensors, metadata = weights_file.read_weights(path)
    start_weights.check_start_weights(training, metadata, path)
    steps = start_weights.get_start_steps(training, metadata.architecture, path)
    if steps is None:
        return tensors
    if settings.process_group.is_main:
        description = start_weights.describe_start_steps(training, steps)
        printable.print_text(f"{training.label}: {description}")
    if training.method != "dmfuse":
        return tensors
    try:
        return feature_steps.merge_feature_steps(tensors, len(steps))
    except ValueError as error:
        raise UserError(f"{path}: its tensors do not fit its architecture: {error}") from None


def _build_job(
    training: TrainingRun, data: dataset.TrainingData, folder: Path, settings: RuntimeSettings
) -> TrainingJob:
    """Hold images out and set up patch sampling."""
    options = training.stage_options
    train_images, held_out = dataset.split_held_out(data.images, options.held_out)
    reader = dataset.ImageReader(training.input_kind, options.patch)
    locations = list_patch_locations(train_images, options)
    return TrainingJob(
        title=f"train {training.label}",
        stage_options=options,
        patches=PatchSampler(locations, options, reader, training.seed),
        sample_images=held_out or train_images[:SAMPLE_IMAGE_COUNT],
        seed=training.seed,
        folder=folder,
        runtime=settings,
    )


def _write_weights(
    training: TrainingRun, stage: nn.Module, trained_weights: Mapping[str, Tensor], folder: Path
) -> None:
    """Write the weights file, then delete the checkpoint.

    Raises:
        UserError: If a weight is not finite, e.g. after the last step, or the file cannot be
            written.
    """
    tensors = {name: t.detach().cpu() for name, t in stage.state_dict().items()}
    tensors |= trained_weights  # the moving average, where the options ask for it
    tensors = {name.removeprefix("network."): tensor for name, tensor in tensors.items()}
    check_finite(
        tensors,
        f"train {training.label}: the trained weights",
        f"try a lower learning_rate (now {training.stage_options.learning_rate:g}), clip, or "
        "precision float32",
    )
    metadata = weights_file.WeightsMetadata(
        training.method, training.weights_stage, training_run.build_architecture(training)
    )
    weights_file.write_weights(folder / weights_file.FILE_NAME, tensors, metadata)
    atomic_write.sync_tree(folder)  # without the checkpoint nothing is written again
    (folder / training_state.FILE_NAME).unlink()


def _is_finished(folder: Path) -> bool:
    """Return whether an earlier call wrote the weights and deleted the checkpoint."""
    has_weights = (folder / weights_file.FILE_NAME).exists()
    return has_weights and not (folder / training_state.FILE_NAME).exists()
