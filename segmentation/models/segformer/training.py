"""Training loop of SegFormer, with mmseg's network.

mmengine's Runner is not used: its checkpoints have to be unpickled, it restores neither the
random state nor the position in the data, and it writes outside the given folder.

On a GPU no step waits for the device; the losses are read every `LOSS_READ_INTERVAL` steps.
"""

import csv
import json
import shutil
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from fusebench.data.labeled_images import LabeledImages
from fusebench.errors import UserError
from fusebench.runtime import torch_compile_cache
from fusebench.runtime.loading import training_batches
from fusebench.runtime.memory.allocator import keep_freed_memory
from fusebench.runtime.progress import LOG_INTERVAL_SECONDS
from fusebench.storage.weights import checkpoint
from fusebench.storage.weights.checkpoint_times import CheckpointTimes
from fusebench.storage.weights.finite_weights import check_finite
from segmentation.models.segformer import augmentation, imagenet_weights, network, weights
from segmentation.models.segformer.loss import compute_loss
from segmentation.models.segformer.options import Options, find_weights_file

if TYPE_CHECKING:
    from torch import Tensor

CHECKPOINT_FILE = "checkpoint.pt"
LOSS_CURVE_POINTS = 200
LOSS_READ_INTERVAL = 50  # steps between two readings of the losses from a GPU


@dataclass
class SegmenterTrainingState:
    """Progress of a training: the content of a checkpoint besides weights and optimizer.

    Attributes:
        finished_steps: Number of finished steps.
        loss_curve: (finished steps, mean loss since the previous point).
        loss_sum: Sum of the losses since the last point.
        loss_count: Number of losses in the sum.
        seconds: Training time; it does not affect the result.
    """

    finished_steps: int = 0
    loss_curve: list[tuple[int, float]] = field(default_factory=list)
    loss_sum: float = 0.0
    loss_count: int = 0
    seconds: float = 0.0


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Train to the last step, from the initial weights or the checkpoint in ``folder``.

    Raises:
        UserError: If the initial weights do not fit, the loss or a weight is not finite, or the
            loss is 0 in every step.
    """
    import torch

    if not weights.is_finished(folder):
        with (
            network.redirect_library_output(folder / "log.txt"),
            torch.random.fork_rng(devices=[device] if training_batches.is_cuda(device) else []),
            keep_freed_memory(),  # a tenth of the processor time on a CPU
        ):
            _train_network(examples, options, seed=seed, device=device, folder=folder)
    patterns = (f"{CHECKPOINT_FILE}*", f".{CHECKPOINT_FILE}.*", ".compiled*")
    for path in [path for pattern in patterns for path in folder.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _train_network(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    import torch

    model_info = weights.ModelInfo(
        options=options,
        classes=examples.split.classes,
        first_class_id=int(options.ignore_unlabeled),
        channels=examples.channels,
    )
    torch.manual_seed(seed)
    net = _build_initial_network(model_info, folder.parent / "downloads").to(device).train()
    torch_compile_cache.import_with_local_cache(folder)
    if options.compile:
        torch_compile_cache.require_compiler(device)
    optimizer = torch.optim.AdamW(
        network.build_parameter_groups(net, options),
        betas=options.betas,
        fused=training_batches.is_cuda(device) or None,  # one kernel for all parameters
    )
    path = folder / CHECKPOINT_FILE
    state = _load_checkpoint(path, net, optimizer) if path.exists() else SegmenterTrainingState()
    compute_logits = _build_forward_pass(net, options)
    losses: list[Tensor] = []  # not read yet
    checkpoints = CheckpointTimes()
    started = time.monotonic() - state.seconds
    for step, batch in _iterate_batches(examples, options, seed, device, state):
        torch.manual_seed(augmentation.derive_stream_seed(seed, augmentation.STEP_STREAM, step))
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * compute_learning_rate_factor(step, options)
        with torch.autocast(
            torch.device(device).type, torch.bfloat16, enabled=options.mixed_precision
        ):
            loss = compute_loss(net, compute_logits, batch, options.crop_size)
        loss.backward()  # type: ignore[no-untyped-call]  # torch does not annotate it
        optimizer.step()
        optimizer.zero_grad()
        losses.append(loss.detach())
        is_last, is_due = step + 1 == options.iterations, checkpoints.is_due()
        if is_last or is_due or len(losses) >= _get_read_interval(device):
            _record_losses(state, losses, options)
        state.seconds = time.monotonic() - started
        if is_due and not is_last:
            with checkpoints.measure_write():
                _save_checkpoint(path, net, optimizer, state)
    _check_result(net, state, options)
    _write_loss_curve(folder / "losses.csv", state)
    (folder / "time.json").write_text(json.dumps(_describe_training_time(state, device)))
    weights.save_network(folder, net, model_info)


def compute_learning_rate_factor(step: int, options: Options) -> float:
    """Return the fraction of the highest learning rate at a step; SegMiF's ``PolyWarmupAdamW``.

        step < warm_up:   1 - (1 - step / warm_up) (1 - ratio)
        else:             (1 - step / schedule) ** power

    The decay counts from step 0, so after a warm-up the rate never quite reaches its maximum. It
    depends on the step alone, so that a resumed training needs no state of it.
    """
    if step < options.warm_up:
        return 1 - (1 - step / options.warm_up) * (1 - options.warm_up_ratio)
    length = options.schedule or options.iterations
    return float((1 - step / length) ** options.power)


def _build_forward_pass(net: Any, options: Options) -> "Callable[[Tensor], Tensor]":
    """Return the function from normalized pixels to logits, compiled if the options ask for it."""
    import torch

    def compute_logits(pixels: "Tensor") -> "Tensor":
        logits: Tensor = net.decode_head(net.extract_feat(pixels))
        return logits

    return torch.compile(compute_logits) if options.compile else compute_logits


def _build_initial_network(model_info: weights.ModelInfo, downloads: Path) -> Any:
    """Build the network with its initial weights."""
    options = model_info.options
    classes = model_info.classes[model_info.first_class_id :]
    net: Any = network.build_network(options, len(classes), model_info.channels)
    net.init_weights()
    path = find_weights_file(options)
    if options.start_weights == "imagenet":
        path = imagenet_weights.download_weights(options.backbone, downloads)
    if path is not None:
        weights.load_initial_weights(net, path, classes)
    return net


def _iterate_batches(
    examples: LabeledImages, options: Options, seed: int, device: str, state: SegmenterTrainingState
) -> Iterator[tuple[int, Any]]:
    """Yield each remaining step and its images; the progress bar on stderr shows the loss."""
    from tqdm import tqdm

    first_step, positions = state.finished_steps, options.iterations * options.batch
    crops = augmentation.TrainingCrops(examples, options, seed, positions)
    if workers := training_batches.count_workers(device):
        crops.fill_cache(workers)
    batches = training_batches.iterate_batches(
        crops,
        (
            range(start, start + options.batch)
            for start in range(first_step * options.batch, positions, options.batch)
        ),
        augmentation.collate_crops,
        device,
    )
    bar = tqdm(
        total=options.iterations,
        initial=first_step,
        desc=f"train SegFormer {options.backbone}",
        mininterval=0.1 if sys.stderr.isatty() else LOG_INTERVAL_SECONDS,
        file=sys.stderr,
    )
    with bar, closing(batches):
        for step, batch in enumerate(batches, start=first_step):
            yield step, batch
            if state.loss_curve:
                bar.set_postfix_str(f"loss {state.loss_curve[-1][1]:.3f}", refresh=False)
            bar.update()


def _get_read_interval(device: str) -> int:
    """Return the number of steps after which losses are read: on a CPU nothing waits for them."""
    return LOSS_READ_INTERVAL if training_batches.is_cuda(device) else 1


def _record_losses(state: SegmenterTrainingState, losses: "list[Tensor]", options: Options) -> None:
    """Record the losses that are not read yet, and empty the list.

    Raises:
        UserError: If one is not finite.
    """
    import torch

    for loss in torch.stack(losses).tolist():
        _record_loss(state, loss, options)
    losses.clear()


def _record_loss(state: SegmenterTrainingState, loss: float, options: Options) -> None:
    """Count a finished step and its loss.

    Raises:
        UserError: If the loss is not finite.
    """
    if not abs(loss) < float("inf"):
        raise UserError(
            f"segformer: the loss is {loss} at step {state.finished_steps}; lower learning_rate "
            f"({options.learning_rate:g}) or head_factor ({options.head_factor:g})"
        )
    state.finished_steps += 1
    state.loss_sum += loss
    state.loss_count += 1
    if (
        state.loss_count >= options.iterations / LOSS_CURVE_POINTS
        or state.finished_steps == options.iterations
    ):
        state.loss_curve.append((state.finished_steps, state.loss_sum / state.loss_count))
        state.loss_sum, state.loss_count = 0.0, 0


def _check_result(net: Any, state: SegmenterTrainingState, options: Options) -> None:
    """Check the trained network before it is written.

    Raises:
        UserError: If a weight is not finite, or nothing was trained.
    """
    check_finite(
        net.state_dict(),
        "segformer: the trained weights",
        f"lower learning_rate ({options.learning_rate:g}) or head_factor ({options.head_factor:g})",
    )
    if not any(mean for _, mean in state.loss_curve):
        raise UserError(
            f"segformer: nothing was trained, the loss was 0 in all {state.finished_steps} steps: "
            "no crop had a labeled pixel. Check the label maps, or set a larger crop"
        )


def _save_checkpoint(path: Path, net: Any, optimizer: Any, state: SegmenterTrainingState) -> None:
    content = {"network": net.state_dict(), "optimizer": optimizer.state_dict()}
    checkpoint.write_checkpoint(path, content | {"state": asdict(state)})


def _load_checkpoint(path: Path, net: Any, optimizer: Any) -> SegmenterTrainingState:
    """Restore network and optimizer; return the progress."""
    content = checkpoint.read_checkpoint(path, "cpu")
    net.load_state_dict(content["network"])
    optimizer.load_state_dict(content["optimizer"])
    return SegmenterTrainingState(**content["state"])


def _describe_training_time(state: SegmenterTrainingState, device: str) -> dict[str, Any]:
    """Return training time, device and threads, for ``time.json``."""
    import torch

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"
    return {"seconds": round(state.seconds, 1), "device": name, "threads": torch.get_num_threads()}


def _write_loss_curve(path: Path, state: SegmenterTrainingState) -> None:
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(("step", "loss"))
        table.writerows(state.loss_curve)
