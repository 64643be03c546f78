"""Does one training: builds the stage, runs the loop, writes the weights."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from fusebench.errors import UserError
from fusion.checkpoints import weights_file
from fusion.training import distributed, loop, training_run, training_state
from fusion.training.data import dataset
from fusion.training.data.patches import PatchSampler, list_patch_locations
from fusion.training.data.random_streams import INITIAL_WEIGHTS, derive_seed
from fusion.training.job import RuntimeSettings, TrainingJob
from fusion.training.recipe.schema import DMFuseRecipe, FusionStageOptions, JointStageOptions
from fusion.training.stages import dmfuse
from fusion.training.training_run import TrainingRun

SAMPLE_COUNT = 4  # of the images that are trained on, where none is held out


def build_stage(training: TrainingRun, start: Mapping[str, Tensor] | None) -> nn.Module:
    """The stage at its start; the same for the same seed.

    Args:
        training: Which.
        start: Tensors of the stage before it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed(training.seed, INITIAL_WEIGHTS))
        stage = training.stage_options
        if isinstance(training.recipe, DMFuseRecipe):
            if isinstance(stage, FusionStageOptions):
                return dmfuse.FusionStage(training.recipe, stage, start)
            return dmfuse.DiffusionStage(training.recipe)
        from fusion.training.stages import dmnet

        if isinstance(stage, JointStageOptions):
            return dmnet.JointStage(training.recipe, stage, start)
        return dmnet.ReconstructionStage(training.recipe)


def run_training(
    training: TrainingRun,
    found: dataset.TrainingData,
    start: Path | None,
    folder: Path,
    settings: RuntimeSettings,
) -> None:
    """Leave ``model.safetensors``, ``losses.csv``, ``looks/`` and ``time.json`` in ``folder``.

    Args:
        training: What.
        found: Its data.
        start: Weights of the stage before it.
        folder: Where; an earlier, stopped call's checkpoint in it is gone on with, and weights
            without one are finished.
        settings: What decides no weights.

    Raises:
        UserError: If weights do not fit, a loss is no longer a number, or the disk is full.
    """
    if distributed.broadcast(_is_finished(folder), settings.process_group):
        return
    tensors = None
    if start is not None:
        tensors, facts = weights_file.read_weights(start)
        training_run.check_start_weights(training, facts, start)
    stage = training.stage_options
    distributed.check_batch_size(stage.batch, settings.process_group)
    kept, held_out = dataset.split_held_out(found.images, stage.held_out)
    reader = dataset.ImageReader(training.input_kind, stage.patch)
    job = TrainingJob(
        title=f"train {training.label}",
        stage_options=stage,
        patches=PatchSampler(list_patch_locations(kept, stage), stage, reader, training.seed),
        sample_images=held_out or kept[:SAMPLE_COUNT],
        seed=training.seed,
        folder=folder,
        runtime=settings,
    )
    learner = build_stage(training, tensors)
    devices = [settings.device] if settings.device.startswith("cuda") else []
    try:
        with torch.random.fork_rng(devices=devices):
            result = loop.run_training_loop(learner, job)
    except torch.cuda.OutOfMemoryError:
        raise UserError(
            f"{settings.device}: out of memory with batch {stage.batch} of {stage.patch} pixels; "
            f"set a smaller batch or patch, or use more processes"
        ) from None
    if settings.process_group.is_main:
        weights = {name: t.detach().cpu() for name, t in learner.state_dict().items()} | result
        weights = {name.removeprefix("network."): tensor for name, tensor in weights.items()}
        told = weights_file.WeightsMetadata(
            training.method, training.weights_stage, training_run.build_architecture(training)
        )
        weights_file.write_weights(folder / weights_file.FILE_NAME, weights, told)
        (folder / training_state.FILE_NAME).unlink()


def _is_finished(folder: Path) -> bool:
    """Whether an earlier call was killed after its last act, deleting the checkpoint."""
    return (folder / weights_file.FILE_NAME).exists() and not (
        folder / training_state.FILE_NAME
    ).exists()
