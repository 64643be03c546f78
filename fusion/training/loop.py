"""Training loop of every stage: Adam, gradient clipping, weight averaging, checkpoints.

A stage is a module whose forward pass returns the losses of a batch. All random numbers come from
`fusion.training.data.random_streams`, so a checkpoint stores weights, optimizer and the number of
steps, and a resumed training ends with the same weights, bit for bit, as an uninterrupted one.
"""

import math
import time
from collections.abc import Mapping, Sequence

import torch
from torch import Tensor, nn

from fusebench.errors import UserError
from fusebench.runtime import torch_compile_cache
from fusebench.runtime.seeds import derive_seed
from fusebench.storage.weights import checkpoint
from fusebench.storage.weights.checkpoint_times import CheckpointTimes
from fusion.training import distributed, learning_rate, training_state
from fusion.training.batches import iterate_batches
from fusion.training.data.random_streams import DROPOUT, RandomStreams
from fusion.training.job import TrainingJob
from fusion.training.monitoring.logger import TrainingLogger
from fusion.training.stages.contract import GRADIENT_NORM, TOTAL_LOSS
from fusion.training.training_state import FusionTrainingState

SAMPLE_POINTS = 10  # steps with sample images in a training, if no interval is set


def run_training_loop(stage: nn.Module, job: TrainingJob) -> dict[str, Tensor]:
    """Train a stage to the last step, resuming from the checkpoint in the job's folder if any.

    Args:
        stage: A `TrainingStage` with its initial weights. Parameters that require a gradient are
            trained.
        job: Options, patches, folder and runtime.

    Returns:
        The trained weights by name, on the CPU; their moving average if the options ask for it.

    Raises:
        UserError: If a loss is not finite, or a checkpoint cannot be written.
    """
    group = job.runtime.process_group
    stage.to(job.device)
    if job.device.startswith("cuda"):  # on a CPU, narrow networks train twice as fast without
        stage.to(memory_format=torch.channels_last)
    state = _start_or_resume(stage, job)
    parallel_stage = distributed.wrap_data_parallel(stage, group)
    checkpoints = CheckpointTimes()
    start_time = time.monotonic() - state.seconds
    with state.logger.show_progress(job.title, job.steps, state.step):
        for keys, images, streams in iterate_batches(job, state.step):
            losses = _run_step(state, parallel_stage, job, (keys, images, streams))
            state.seconds = time.monotonic() - start_time
            state.logger.log_losses(state.step, losses)
            if group.is_main and _is_sample_step(state.step, job):
                final_weights = training_state.get_final_weights(state)
                state.logger.log_samples(state.stage, job, state.step, final_weights)
            if group.is_main and checkpoints.is_due() and state.step < job.steps:
                with checkpoints.measure_write():
                    training_state.save_checkpoint(state, job)
    if group.is_main:
        training_state.save_checkpoint(state, job)
        state.logger.write_time(job.folder, state.seconds, job.device)
    return {
        name: tensor.detach().cpu()
        for name, tensor in training_state.get_final_weights(state).items()
    }


def _start_or_resume(stage: nn.Module, job: TrainingJob) -> FusionTrainingState:
    """Build the state at step 0, or restore it from the checkpoint."""
    group = job.runtime.process_group
    path = job.folder / training_state.FILE_NAME
    has_checkpoint = distributed.broadcast(path.exists(), group)
    if job.folder.is_dir():  # the folder may not exist on other machines
        torch_compile_cache.import_with_local_cache(job.folder)
    optimizer = torch.optim.Adam(
        [p for p in stage.parameters() if p.requires_grad],
        lr=job.stage_options.learning_rate,
        betas=job.stage_options.betas,
        fused=job.device.startswith("cuda"),
    )
    ema_weights = None
    if job.stage_options.average is not None:
        ema_weights = {
            name: p.detach().clone() for name, p in training_state.get_trained_parameters(stage)
        }
    logger = TrainingLogger(job.folder, job.steps, group.is_main)
    state = FusionTrainingState(stage, optimizer, ema_weights, logger)
    if has_checkpoint:
        content = distributed.broadcast_result(
            lambda: checkpoint.read_checkpoint(path, "cpu"), group
        )
        training_state.restore_checkpoint(state, content)
    return state


def _run_step(
    state: FusionTrainingState,
    parallel_stage: nn.Module,
    job: TrainingJob,
    batch: tuple[list[str], Tensor, RandomStreams],
) -> dict[str, float]:
    """Run one optimizer step; return the losses of the whole batch and the gradient norm.

    Raises:
        UserError: If a loss or the gradient norm is not finite; the weights are not updated.
    """
    keys, images, streams = batch
    group = job.runtime.process_group
    # Dropout draws from the global generator; each process drops other activations.
    torch.manual_seed(derive_seed(job.seed, DROPOUT, state.step, group.rank))
    for parameters in state.optimizer.param_groups:
        parameters["lr"] = learning_rate.compute_learning_rate(
            state.step, job.stage_options, job.steps, job.patches.patches_per_epoch
        )
    # Forward and backward pass
    state.stage.train()
    state.optimizer.zero_grad()
    losses = _compute_losses(parallel_stage, images, streams, job)
    losses[TOTAL_LOSS].backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
    trained = [p for p in state.stage.parameters() if p.requires_grad]
    norm = nn.utils.clip_grad_norm_(trained, job.stage_options.clip or math.inf)
    # Mean losses over the processes, checked before the weights are updated
    names = [*losses, GRADIENT_NORM]
    values = torch.stack([*(v.detach().float() for v in losses.values()), norm.float()])
    means = distributed.all_reduce_mean(values, group).tolist()
    mean_losses = dict(zip(names, means, strict=True))
    if not all(map(math.isfinite, means)):
        _raise_not_finite(mean_losses, distributed.all_gather(keys, group), state, job)
    # Update
    state.optimizer.step()
    state.step += 1
    if state.ema_weights is not None:
        _update_ema(state, job)
    return mean_losses


def _compute_losses(
    stage: nn.Module, images: Tensor, streams: RandomStreams, job: TrainingJob
) -> dict[str, Tensor]:
    """Run the forward pass in the precision of the options."""
    use_bfloat16 = job.stage_options.precision == "bfloat16"
    with torch.autocast(torch.device(job.device).type, torch.bfloat16, enabled=use_bfloat16):
        losses: dict[str, Tensor] = stage(images, streams)
    return losses


def _raise_not_finite(
    losses: Mapping[str, float], keys: Sequence[str], state: FusionTrainingState, job: TrainingJob
) -> None:
    """Report losses that are NaN or infinite.

    Raises:
        UserError: Always.
    """
    names = [name for name, value in losses.items() if not math.isfinite(value)]
    path = job.folder / training_state.FILE_NAME
    last = f"the last checkpoint is {path}" if path.exists() else "there is no checkpoint yet"
    raise UserError(
        f"{job.title}: step {state.step + 1}: {', '.join(names)} is not a finite number; the "
        f"batch was {', '.join(dict.fromkeys(keys))}; {last}. Try a lower learning_rate (now "
        f"{job.stage_options.learning_rate:g}), clip, or precision float32"
    )


@torch.no_grad()
def _update_ema(state: FusionTrainingState, job: TrainingJob) -> None:
    """Update the exponential moving average of the weights.

        a = min(decay, (1 + step) / (10 + step)),   average = a average + (1 - a) weights

    The smaller decay of the first steps removes the initial weights from the average.
    """
    assert state.ema_weights is not None
    assert job.stage_options.average is not None
    decay = min(job.stage_options.average, (1 + state.step) / (10 + state.step))
    weights: list[Tensor] = [p for _, p in training_state.get_trained_parameters(state.stage)]
    torch._foreach_lerp_(list(state.ema_weights.values()), weights, 1 - decay)


def _is_sample_step(step: int, job: TrainingJob) -> bool:
    """Return whether sample images are written after this step."""
    interval = job.runtime.sample_interval or max(1, job.steps // SAMPLE_POINTS)
    return step % interval == 0 or step == job.steps
