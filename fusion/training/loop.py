"""One loop for every stage: Adam, clipping, a moving average, checkpoints that go on bit by bit.

A stage is a module whose forward pass gives the losses of a batch. Everything random comes from
`fusion.training.data.random_streams`, so a checkpoint holds weights, optimizer and the number of steps, and a
stopped training ends with the weights it would have had.
"""

import math
import time
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from fusebench.errors import UserError
from fusebench.runtime import torch_compile_cache
from fusebench.storage import checkpoint
from fusion.training import distributed, learning_rate, training_state
from fusion.training.batches import iterate_batches
from fusion.training.data.random_streams import DROPOUT, RandomStreams, derive_seed
from fusion.training.job import TrainingJob
from fusion.training.monitoring.logger import TrainingLogger
from fusion.training.stages.contract import TOTAL_LOSS
from fusion.training.training_state import FusionTrainingState

MIN_CHECKPOINT_SECONDS = (
    30.0  # seconds between two checkpoints at least: what a killed run may lose
)
CHECKPOINT_TIME_FACTOR = 20.0  # and so many times what the last one took to write
GRADIENT_NORM = "norm"  # the name of the gradient's


def run_training_loop(learner: nn.Module, job: TrainingJob) -> dict[str, Tensor]:
    """Train to the last step; return what was trained, by name, on the CPU.

    Args:
        learner: A `TrainingStage`, at its start; the parameters that need a gradient are trained.
        job: How.

    Raises:
        UserError: If a loss is no longer a number, or a checkpoint cannot be written.
    """
    world = job.runtime.process_group
    learner.to(job.device)
    if job.device.startswith("cuda"):  # on a CPU, narrow networks train twice as fast without
        learner.to(memory_format=torch.channels_last)
    run = _start_or_resume(learner, job)
    parallel = distributed.wrap_data_parallel(learner, world)
    due = time.monotonic() + MIN_CHECKPOINT_SECONDS
    began = time.monotonic() - run.seconds
    with run.logger.show_progress(job.title, job.steps, run.step):
        for keys, images, draws in iterate_batches(job, run.step):
            losses = _run_step(run, parallel, job, (keys, images, draws))
            run.seconds = time.monotonic() - began
            run.logger.log_losses(run.step, losses)
            if world.is_main and _is_sample_step(run.step, job):
                _log_samples(run, job)
            if world.is_main and time.monotonic() >= due and run.step < job.steps:
                due = _save_checkpoint(run, job)
    if world.is_main:
        training_state.save_checkpoint(run, job)
        run.logger.write_time(job.folder, run.seconds, job.device)
    return {
        name: tensor.detach().cpu()
        for name, tensor in training_state.get_final_weights(run).items()
    }


def _save_checkpoint(run: FusionTrainingState, job: TrainingJob) -> float:
    """Write a checkpoint; when the next one is due, as `time.monotonic` counts.

    A large network's takes seconds to write, on a shared file system more.
    """
    began = time.monotonic()
    training_state.save_checkpoint(run, job)
    now = time.monotonic()
    return now + max(MIN_CHECKPOINT_SECONDS, CHECKPOINT_TIME_FACTOR * (now - began))


def _start_or_resume(learner: nn.Module, job: TrainingJob) -> FusionTrainingState:
    """The run at its start, or where the checkpoint has it."""
    world = job.runtime.process_group
    begun = distributed.broadcast((job.folder / training_state.FILE_NAME).exists(), world)
    if job.folder.is_dir():  # not on other machines
        torch_compile_cache.import_with_local_cache(job.folder)
    trained = [p for p in learner.parameters() if p.requires_grad]
    fused = job.device.startswith("cuda")
    optimizer = torch.optim.Adam(
        trained, lr=job.stage_options.learning_rate, betas=job.stage_options.betas, fused=fused
    )
    average = None
    if job.stage_options.average is not None:
        average = {
            name: p.detach().clone() for name, p in training_state.get_trained_parameters(learner)
        }
    run = FusionTrainingState(
        learner, optimizer, average, TrainingLogger(job.folder, job.steps, world.is_main)
    )
    if begun:
        place = job.folder / training_state.FILE_NAME
        training_state.restore_checkpoint(
            run,
            distributed.broadcast_result(lambda: checkpoint.read_checkpoint(place, "cpu"), world),
        )
    return run


def _run_step(
    run: FusionTrainingState,
    parallel: nn.Module,
    job: TrainingJob,
    batch: tuple[list[str], Tensor, RandomStreams],
) -> dict[str, float]:
    """One step of the optimizer; the losses of the whole batch."""
    keys, images, draws = batch
    torch.manual_seed(derive_seed(job.seed, DROPOUT, run.step, job.runtime.process_group.rank))
    for group in run.optimizer.param_groups:
        group["lr"] = learning_rate.compute_learning_rate(
            run.step, job.stage_options, job.steps, job.patches.patches_per_epoch
        )
    run.stage.train()
    run.optimizer.zero_grad()
    losses = _compute_losses(parallel, images, draws, job)
    losses[TOTAL_LOSS].backward()  # type: ignore[no-untyped-call]  # torch
    trained = [p for p in run.stage.parameters() if p.requires_grad]
    norm = nn.utils.clip_grad_norm_(trained, job.stage_options.clip or math.inf)
    names = [*losses, GRADIENT_NORM]
    values = torch.stack([*(v.detach().float() for v in losses.values()), norm.float()])
    means = distributed.all_reduce_mean(values, job.runtime.process_group).tolist()
    found = dict(zip(names, means, strict=True))
    if not all(map(math.isfinite, means)):
        _raise_not_finite(found, distributed.all_gather(keys, job.runtime.process_group), run, job)
    run.optimizer.step()
    run.step += 1
    if run.ema_weights is not None:
        _update_ema(run, job)
    return found


def _compute_losses(
    learner: nn.Module, images: Tensor, draws: RandomStreams, job: TrainingJob
) -> dict[str, Tensor]:
    narrow = job.stage_options.precision == "bfloat16"
    with torch.autocast(torch.device(job.device).type, torch.bfloat16, enabled=narrow):
        losses: dict[str, Tensor] = learner(images, draws)
    return losses


def _raise_not_finite(
    found: Mapping[str, float], keys: Sequence[str], run: FusionTrainingState, job: TrainingJob
) -> None:
    """Stop before the weights are spoiled.

    Raises:
        UserError: Always.
    """
    bad = [name for name, value in found.items() if not math.isfinite(value)]
    kept = job.folder / training_state.FILE_NAME
    last = f"the last checkpoint is {kept}" if kept.exists() else "there is no checkpoint yet"
    raise UserError(
        f"{job.title}: step {run.step + 1}: {', '.join(bad)} is not a number any more; the batch "
        f"was {', '.join(dict.fromkeys(keys))}; {last}. Try a lower learning_rate (now "
        f"{job.stage_options.learning_rate:g}), clip, or precision float32"
    )


@torch.no_grad()
def _update_ema(run: FusionTrainingState, job: TrainingJob) -> None:
    """The moving average takes a step; at first it forgets faster, so that the start is not in it.

    a = min(decay, (1 + step) / (10 + step)),   average = a average + (1 - a) weights
    """
    assert run.ema_weights is not None
    assert job.stage_options.average is not None
    decay = min(job.stage_options.average, (1 + run.step) / (10 + run.step))
    weights: list[Tensor] = [p for _, p in training_state.get_trained_parameters(run.stage)]
    torch._foreach_lerp_(list(run.ema_weights.values()), weights, 1 - decay)


def _is_sample_step(step: int, job: TrainingJob) -> bool:
    every = job.runtime.sample_interval or max(1, job.steps // 10)
    return step % every == 0 or step == job.steps


@torch.no_grad()
def _log_samples(run: FusionTrainingState, job: TrainingJob) -> None:
    """Losses on some images, and a picture of what the averaged weights make of them."""
    run.logger.log_samples(run.stage, job, run.step, training_state.get_final_weights(run))
