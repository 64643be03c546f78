"""Training of YOLOv5 with ultralytics' recipe; resumed trainings are bit-identical.

ultralytics supplies network, loss, augmentation and the moving average of the weights. The loop is
its trainer's recipe: warm-up, linear decay, accumulated gradients clipped at norm 10. Omitted is
what would make results depend on the test images or be irreproducible: selection of the best epoch
on a validation set, halving the batch when memory runs out, half-precision checkpoints.

Random numbers depend on (seed, epoch, image) alone, and after an epoch the whole state is written
to ``state.pt`` (`CheckpointTimes`). So an interrupted and resumed training ends with the same
weights.

On a GPU nothing waits for the device within an epoch, except where ultralytics' loss does.
"""

import csv
import json
import math
import shutil
import sys
import time
from collections.abc import Iterable
from contextlib import closing
from importlib.metadata import version
from itertools import islice
from pathlib import Path
from typing import Any

from tqdm import tqdm

from detection.models.yolov5 import (
    checkpoint,
    dataset,
    initial_weights,
    network,
    schedule,
    ultralytics_import,
)
from detection.models.yolov5.checkpoint import DetectorTrainingState
from detection.models.yolov5.options import Options, choose_precision
from detection.models.yolov5.ultralytics_config import build_config
from fusebench.data.labeled_images import LabeledImages
from fusebench.errors import UserError
from fusebench.experiments.runner import PROTOCOL_FILE
from fusebench.runtime import atomic_write, progress, torch_compile_cache
from fusebench.runtime.loading.training_batches import is_cuda
from fusebench.runtime.memory.allocator import keep_freed_memory
from fusebench.storage.weights.checkpoint_times import CheckpointTimes
from fusebench.storage.weights.finite_weights import check_finite

CHECKPOINT_FILE = "state.pt"
LOSS_NAMES = ("box", "class", "distribution")


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Write ``model.safetensors``, ``model.json`` and ``losses.csv`` into ``folder``.

    Resumes from the checkpoint in ``folder`` if there is one.

    Raises:
        UserError: If the data is invalid, the initial weights cannot be loaded, the batch does not
            fit into memory, or the loss or a weight is not finite.
    """
    ultralytics_import.import_ultralytics(folder)
    if options.compile:
        torch_compile_cache.require_compiler(device)
    if not (folder / network.MODEL_INFO_FILE).exists():
        with (
            ultralytics_import.redirect_library_output(folder),
            ultralytics_import.use_deterministic_algorithms(),
            keep_freed_memory(),  # a tenth of the processor time on a CPU
        ):
            _train_network(examples, options, seed=seed, device=device, folder=folder)
    dataset.remove_yolo_dataset(folder / "dataset")
    patterns = (f"{CHECKPOINT_FILE}*", f".{CHECKPOINT_FILE}.*", ".settings*", ".compiled*")
    for path in (path for pattern in patterns for path in folder.glob(pattern)):
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _train_network(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    config = build_config(options, seed)
    image_folder = dataset.write_yolo_dataset(examples, folder / "dataset")
    yolo_dataset = dataset.load_yolo_dataset(
        image_folder, examples, config, stretched=options.fit == "stretch"
    )
    samples = dataset.TrainingSamples(yolo_dataset, options, seed)
    state, transferred = _initialize_state(
        examples, options, seed=seed, device=device, folder=folder
    )
    state.network.args = state.ema.ema.args = config
    if (folder / CHECKPOINT_FILE).exists():
        checkpoint.load_checkpoint(state, folder / CHECKPOINT_FILE, device)
    batch_count = math.ceil(len(samples) / options.batch)
    epochs = range(state.finished_epochs, options.epochs)
    if epochs:
        state.note_precision(choose_precision(options, device))
    batches = dataset.iterate_batches(samples, epochs, device)
    bar = tqdm(
        desc=f"train YOLOv5{options.size} on {examples.split.dataset}",
        total=batch_count * options.epochs,
        initial=batch_count * state.finished_epochs,
        mininterval=0.1 if sys.stderr.isatty() else progress.LOG_INTERVAL_SECONDS,
        file=sys.stderr,
    )
    checkpoints = CheckpointTimes()
    with bar, closing(batches):
        for _ in epochs:
            started = time.monotonic()
            _train_epoch(state, islice(batches, batch_count), options, seed, bar)
            state.seconds += time.monotonic() - started
            if checkpoints.is_due() and state.finished_epochs < options.epochs:
                with checkpoints.measure_write():
                    checkpoint.save_checkpoint(state, folder / CHECKPOINT_FILE)
    _write_protocol(state, options, device, folder)
    _write_results(state, examples, options, transferred, folder)


def _initialize_state(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> tuple[DetectorTrainingState, int | None]:
    """Return the initial state, and the number of initial weights that were loaded."""
    import torch
    from ultralytics.utils.torch_utils import ModelEMA

    ultralytics_import.seed_everything(seed, 0)
    model = network.build_network(options.size, examples.split.classes, examples.channels)
    weights = options.start_weights, options.size, folder.parent / "downloads"
    tensors = initial_weights.load_tensors(*weights)
    transferred = None
    if tensors is not None:
        transferred = network.load_matching_weights(model, tensors, options.start_weights)
        ultralytics_import.log_line(
            f"{transferred} of {len(model.state_dict())} tensors from the initial weights"
        )
    for name, parameter in model.named_parameters():
        parameter.requires_grad = ".dfl" not in name and not _is_frozen(name, options)
    model.to(device, memory_format=torch.channels_last)  # 25 % faster, even on a CPU
    # only float16 needs scaled gradients: bfloat16, on a CPU, has the range of float32
    is_scaled = choose_precision(options, device) == "float16"
    return DetectorTrainingState(
        network=model,
        compute_predictions=torch.compile(model) if options.compile else model,
        ema=ModelEMA(model),
        optimizer=schedule.build_optimizer(model, options),
        scaler=torch.amp.GradScaler(torch.device(device).type, enabled=is_scaled),
    ), transferred


def _train_epoch(
    state: DetectorTrainingState,
    batches: Iterable[dict[str, Any]],
    options: Options,
    seed: int,
    bar: Any,
) -> None:
    """Train one epoch; record its mean losses in ``state``.

    Args:
        state: Updated in place.
        batches: Those of this epoch.
        options: See `Options`.
        seed: Random seed of the training.
        bar: Progress bar of all batches.
    """
    import torch

    _prepare_epoch(state, options, seed)
    batch_count = bar.total // options.epochs
    device = next(state.network.parameters()).device
    total = torch.zeros(3, device=device)
    try:
        for number, batch in enumerate(batches, batch_count * state.finished_epochs):
            total += _train_batch(state, batch, options, number, batch_count)
            bar.update()
    except torch.cuda.OutOfMemoryError:
        raise UserError(
            f"{device}: out of memory with batch {options.batch} at {options.image_size} pixels; "
            f"set a smaller batch (nominal_batch keeps the steps comparable)"
        ) from None
    means = (total / batch_count).tolist()
    if not all(map(math.isfinite, means)):
        raise UserError(
            f"training: the loss is not finite in epoch {state.finished_epochs + 1}; "
            f"set a smaller learning_rate (now {options.learning_rate:g})"
        )
    bar.set_postfix(dict(zip(LOSS_NAMES, (f"{mean:.3f}" for mean in means), strict=True)))
    ultralytics_import.log_line(
        f"epoch {state.finished_epochs + 1}: " + ", ".join(f"{mean:.6f}" for mean in means)
    )
    state.losses.append(means)
    state.finished_epochs += 1


def _prepare_epoch(state: DetectorTrainingState, options: Options, seed: int) -> None:
    """Seed the epoch, and set the network's training mode."""
    import torch

    ultralytics_import.seed_everything(seed, state.finished_epochs, 2)
    state.network.train()
    for name, module in state.network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d) and _is_frozen(name, options):
            module.eval()


def _train_batch(
    state: DetectorTrainingState,
    batch: dict[str, Any],
    options: Options,
    number: int,
    batch_count: int,
) -> Any:
    """Run one batch forward and backward, and the optimizer if enough batches are accumulated.

    Args:
        state: Updated in place.
        batch: See `dataset.iterate_batches`.
        options: See `Options`.
        number: Of the batch, counted over all epochs.
        batch_count: Batches per epoch.

    Returns:
        The three losses, float (3,).
    """
    import torch

    values = schedule.compute_schedule(options, number, batch_count)
    for group in state.optimizer.param_groups:
        is_bias = group["name"] == "biases"
        group["lr"] = values.bias_learning_rate if is_bias else values.learning_rate
        if "momentum" in group:
            group["momentum"] = values.momentum
    pixels = batch["img"].float() / 255
    inputs = batch | {"img": pixels.contiguous(memory_format=torch.channels_last)}
    precision = state.precisions[-1]
    with torch.autocast(
        pixels.device.type, getattr(torch, precision), enabled=precision != "float32"
    ):
        predictions = state.compute_predictions(inputs["img"])
        loss, parts = state.network.loss(inputs, predictions)
    state.scaler.scale(loss.sum()).backward()
    if number - state.last_step >= values.accumulation_steps:
        state.scaler.unscale_(state.optimizer)
        torch.nn.utils.clip_grad_norm_(state.network.parameters(), max_norm=10.0)
        state.scaler.step(state.optimizer)
        state.scaler.update()
        state.optimizer.zero_grad()
        state.ema.update(state.network)
        state.last_step = number
    return torch.stack(list(parts.values())).detach()


def _is_frozen(name: str, options: Options) -> bool:
    return any(name.startswith(f"model.{i}.") for i in range(options.freeze))


def _write_protocol(
    state: DetectorTrainingState, options: Options, device: str, folder: Path
) -> None:
    """Write the facts for the protocol that only a training knows, if there are any."""
    weights = options.start_weights, options.size, folder.parent / "downloads"
    facts = initial_weights.describe_download(*weights)
    if state.precisions and (is_cuda(device) or state.precisions != ["float32"]):
        facts["precision"] = ", then ".join(
            name if name == "float32" else f"{name} where safe (AMP)" for name in state.precisions
        )
    if facts:
        atomic_write.write_text_atomically(folder / PROTOCOL_FILE, json.dumps(facts))


def _write_results(
    state: DetectorTrainingState,
    examples: LabeledImages,
    options: Options,
    transferred: int | None,
    folder: Path,
) -> None:
    """Write the losses, the training time, the averaged weights and, last, ``model.json``.

    Raises:
        UserError: If a weight is not finite, e.g. after the last step; nothing is written then.
    """
    import torch

    average = state.ema.ema
    check_finite(
        average.state_dict(),
        "training: the trained weights",
        f"set a smaller learning_rate (now {options.learning_rate:g})",
    )
    with (folder / "losses.csv").open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow(["epoch", *LOSS_NAMES])
        table.writerows([i, *losses] for i, losses in enumerate(state.losses, 1))
    training_time = {"seconds": round(state.seconds, 1), "threads": torch.get_num_threads()}
    (folder / "time.json").write_text(json.dumps(training_time))
    model_info = {
        "model": "YOLOv5",
        "size": options.size,
        "classes": list(examples.split.classes),
        "channels": examples.channels,
        "image_size": options.image_size,
        "epochs": options.epochs,
        "steps": state.ema.updates,
        "start_weights": Path(options.start_weights).name,
        "start_tensors": transferred,
        "tensors": len(average.state_dict()),
        "trained_on": dataset.count_images_and_boxes(examples),
        "versions": {name: version(name) for name in ("torch", "ultralytics")},
    }
    network.save_network(folder, average, model_info)
