"""Does one training: builds the stage, runs the loop, writes the weights."""

from collections.abc import Mapping
from pathlib import Path

import torch
from torch import Tensor, nn

from bench.errors import BenchError
from fusion import checkpoints
from fusion.training import data, distributed, dmfuse, loop, state, trainings
from fusion.training.draws import START, entropy
from fusion.training.job import Job, Settings
from fusion.training.patches import Patches, cuts
from fusion.training.recipes import DMFuse, Fusing, Joining
from fusion.training.trainings import Training

LOOKED_AT = 4  # of the images that are trained on, where none is held out


def build(training: Training, start: Mapping[str, Tensor] | None) -> nn.Module:
    """The stage at its start; the same for the same seed.

    Args:
        training: Which.
        start: Tensors of the stage before it.
    """
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(entropy(training.seed, START))
        stage = training.settings
        if isinstance(training.recipe, DMFuse):
            if isinstance(stage, Fusing):
                return dmfuse.Fusion(training.recipe, stage, start)
            return dmfuse.Diffusion(training.recipe)
        from fusion.training import dmnet

        if isinstance(stage, Joining):
            return dmnet.Joint(training.recipe, stage, start)
        return dmnet.Reconstruction(training.recipe)


def train(
    training: Training,
    found: data.Found,
    start: Path | None,
    folder: Path,
    settings: Settings,
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
        BenchError: If weights do not fit, a loss is no longer a number, or the disk is full.
    """
    if distributed.agreed(_finished(folder), settings.world):
        return
    tensors = None
    if start is not None:
        tensors, facts = checkpoints.read(start)
        trainings.check_start(training, facts, start)
    stage = training.settings
    distributed.check(stage.batch, settings.world)
    kept, held_out = data.apart(found.items, stage.held_out)
    reader = data.Reader(training.seen, stage.patch)
    job = Job(
        title=f"train {training.label}",
        stage=stage,
        patches=Patches(cuts(kept, stage), stage, reader, training.seed),
        looked_at=held_out or kept[:LOOKED_AT],
        seed=training.seed,
        folder=folder,
        settings=settings,
    )
    learner = build(training, tensors)
    devices = [settings.device] if settings.device.startswith("cuda") else []
    try:
        with torch.random.fork_rng(devices=devices):
            result = loop.train(learner, job)
    except torch.cuda.OutOfMemoryError:
        raise BenchError(
            f"{settings.device}: out of memory with batch {stage.batch} of {stage.patch} pixels; "
            f"set a smaller batch or patch, or use more processes"
        ) from None
    if settings.world.first:
        weights = {name: t.detach().cpu() for name, t in learner.state_dict().items()} | result
        weights = {name.removeprefix("network."): tensor for name, tensor in weights.items()}
        told = checkpoints.Facts(training.method, training.makes, trainings.architecture(training))
        checkpoints.write(folder / checkpoints.NAME, weights, told)
        (folder / state.NAME).unlink()


def _finished(folder: Path) -> bool:
    """Whether an earlier call was killed after its last act, deleting the checkpoint."""
    return (folder / checkpoints.NAME).exists() and not (folder / state.NAME).exists()
