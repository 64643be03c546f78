"""Trains a YOLOv5 network as ultralytics does, so that a killed training goes on bit by bit.

ultralytics supplies network, loss, augmentation and the moving average of the weights; the loop
is its trainer's recipe (warm-up, linear decay, accumulated gradients clipped at norm 10). What is
left out would make results depend on chance or on the test images: choosing the best epoch on a
validation set, halving the batch when memory runs out, half-precision checkpoints.

Randomness is a function of (seed, epoch, image), and after every epoch the whole state is written
to ``state.pt``. Killed at any moment, a training ends with the weights it would have had.
"""

import csv
import json
import math
import os
import shutil
import sys
import time
from importlib.metadata import version
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
from detection.models.yolov5.options import Options
from detection.models.yolov5.ultralytics_config import build_config
from fusebench.data.labeled_images import LabeledImages
from fusebench.errors import UserError
from fusebench.experiments.runner import PROTOCOL_FILE
from fusebench.runtime import progress

CHECKPOINT_FILE = "state.pt"
LOSS_NAMES = ("box", "class", "distribution")


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Leave ``model.safetensors``, ``model.json`` and ``losses.csv`` in ``folder``.

    Raises:
        UserError: If the data is not what it should be, the start weights cannot be had, the
            batch does not fit into memory, or the loss is no longer a number.
    """
    ultralytics_import.import_ultralytics(folder)
    if not (folder / network.MODEL_INFO_FILE).exists():
        with (
            ultralytics_import.redirect_library_output(folder),
            ultralytics_import.use_deterministic_algorithms(),
        ):
            _train_network(examples, options, seed=seed, device=device, folder=folder)
    dataset.remove_yolo_dataset(folder / "dataset")
    leftovers = (f"{CHECKPOINT_FILE}*", f".{CHECKPOINT_FILE}.*", ".settings*", ".compiled*")
    for left in (found for pattern in leftovers for found in folder.glob(pattern)):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def _train_network(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    words = build_config(options, seed)
    place = dataset.write_yolo_dataset(examples, folder / "dataset")
    read = dataset.load_yolo_dataset(place, examples, words, stretched=options.fit == "stretch")
    samples = dataset.TrainingSamples(read, seed)
    run, transferred = _initialize_state(examples, options, seed=seed, device=device, folder=folder)
    run.network.args = run.ema.ema.args = words
    if (folder / CHECKPOINT_FILE).exists():
        checkpoint.load_checkpoint(run, folder / CHECKPOINT_FILE, device)
    batches = math.ceil(len(samples) / options.batch)
    with tqdm(
        desc=f"train YOLOv5{options.size} on {examples.split.dataset}",
        total=batches * options.epochs,
        initial=batches * run.finished_epochs,
        mininterval=0.1 if sys.stderr.isatty() else progress.LOG_INTERVAL_SECONDS,
        file=sys.stderr,
    ) as bar:
        while run.finished_epochs < options.epochs:
            began = time.monotonic()
            _train_epoch(run, samples, options, device, bar)
            run.seconds += time.monotonic() - began
            checkpoint.save_checkpoint(run, folder / CHECKPOINT_FILE)
    _write_results(run, examples, options, transferred, folder)


def _initialize_state(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> tuple[DetectorTrainingState, int | None]:
    """A fresh run, and how many start tensors fitted."""
    import torch
    from ultralytics.utils.torch_utils import ModelEMA

    ultralytics_import.seed_everything(seed, 0)
    model = network.build_network(options.size, examples.split.classes)
    where = options.start_weights, options.size, folder.parent / "downloads"
    tensors = initial_weights.load_tensors(*where)
    if said := initial_weights.describe_download(*where):
        (folder / PROTOCOL_FILE).write_text(json.dumps(said))
    transferred = None
    if tensors is not None:
        transferred = network.load_matching_weights(model, tensors, options.start_weights)
        ultralytics_import.log_line(
            f"{transferred} of {len(model.state_dict())} tensors from start weights"
        )
    for name, parameter in model.named_parameters():
        parameter.requires_grad = ".dfl" not in name and not _is_frozen(name, options)
    model.to(device, memory_format=torch.channels_last)  # a quarter faster, even on a CPU
    scaled = options.mixed_precision and device != "cpu"  # bfloat16 has the range of float32
    return DetectorTrainingState(
        network=model,
        ema=ModelEMA(model),
        optimizer=schedule.build_optimizer(model, options),
        scaler=torch.amp.GradScaler("cuda", enabled=scaled),
    ), transferred


def _train_epoch(
    run: DetectorTrainingState, samples: Any, options: Options, device: str, bar: Any
) -> None:
    import torch

    ultralytics_import.seed_everything(samples.seed, run.finished_epochs, 2)
    if options.close_mosaic and run.finished_epochs >= options.epochs - options.close_mosaic:
        samples.read.close_mosaic(build_config(options, samples.seed))
    run.network.train()
    for name, module in run.network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d) and _is_frozen(name, options):
            module.eval()
    per_epoch = math.ceil(len(samples) / options.batch)
    workers = 0 if device == "cpu" else min(8, os.cpu_count() or 1)
    total = torch.zeros(3, device=device)
    try:
        for i, batch in enumerate(
            dataset.iterate_batches(samples, options.batch, run.finished_epochs, workers)
        ):
            total += _train_batch(
                run, batch, options, i + per_epoch * run.finished_epochs, per_epoch
            )
            bar.update()
    except torch.cuda.OutOfMemoryError:
        raise UserError(
            f"{device}: out of memory with batch {options.batch} at {options.image_size} pixels; "
            f"set a smaller batch (nominal_batch keeps the steps comparable)"
        ) from None
    means = (total / per_epoch).tolist()
    if not all(map(math.isfinite, means)):
        raise UserError(
            f"training: the loss is no longer a number in epoch {run.finished_epochs + 1}; "
            f"set a smaller learning_rate (now {options.learning_rate:g})"
        )
    bar.set_postfix(dict(zip(LOSS_NAMES, (f"{mean:.3f}" for mean in means), strict=True)))
    ultralytics_import.log_line(
        f"epoch {run.finished_epochs + 1}: " + ", ".join(f"{mean:.6f}" for mean in means)
    )
    run.losses.append(means)
    run.finished_epochs += 1


def _train_batch(
    run: DetectorTrainingState, batch: dict[str, Any], options: Options, number: int, per_epoch: int
) -> Any:
    """Forward, backward, and an optimizer step when enough batches are added up; the losses."""
    import torch

    now = schedule.compute_schedule(options, number, per_epoch)
    for group in run.optimizer.param_groups:
        biases = group["name"] == "biases"
        group["lr"] = now.bias_learning_rate if biases else now.learning_rate
        if "momentum" in group:
            group["momentum"] = now.momentum
    device = next(run.network.parameters()).device
    shown = {k: v.to(device) if isinstance(v, torch.Tensor) else v for k, v in batch.items()}
    pictures = shown["img"].float() / 255
    shown["img"] = pictures.contiguous(memory_format=torch.channels_last)
    with torch.autocast(device.type, enabled=options.mixed_precision):
        loss, parts = run.network(shown)
    run.scaler.scale(loss.sum()).backward()
    if number - run.last_step >= now.accumulation_steps:
        run.scaler.unscale_(run.optimizer)
        torch.nn.utils.clip_grad_norm_(run.network.parameters(), max_norm=10.0)
        run.scaler.step(run.optimizer)
        run.scaler.update()
        run.optimizer.zero_grad()
        run.ema.update(run.network)
        run.last_step = number
    return torch.stack(list(parts.values())).detach()


def _is_frozen(name: str, options: Options) -> bool:
    return any(name.startswith(f"model.{i}.") for i in range(options.freeze))


def _write_results(
    run: DetectorTrainingState,
    examples: LabeledImages,
    options: Options,
    transferred: int | None,
    folder: Path,
) -> None:
    """Write the averaged weights, the losses, and last of all the card that says it is done."""
    import torch

    average = run.ema.ema
    with (folder / "losses.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["epoch", *LOSS_NAMES])
        rows.writerows([i, *losses] for i, losses in enumerate(run.losses, 1))
    effort = {"seconds": round(run.seconds, 1), "threads": torch.get_num_threads()}
    (folder / "time.json").write_text(json.dumps(effort))
    card = {
        "model": "YOLOv5",
        "size": options.size,
        "classes": list(examples.split.classes),
        "image_size": options.image_size,
        "epochs": options.epochs,
        "steps": run.ema.updates,
        "start_weights": options.start_weights,
        "start_tensors": transferred,
        "tensors": len(average.state_dict()),
        "trained_on": dataset.count_images_and_boxes(examples),
        "versions": {name: version(name) for name in ("torch", "ultralytics")},
    }
    network.save_network(folder, average, card)
