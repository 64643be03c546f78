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

from bench import progress
from bench.errors import BenchError
from bench.examples import Examples
from bench.experiment import FACTS
from detection.models._yolo import dataset, library, network, schedule, start, state
from detection.models._yolo.options import Options
from detection.models._yolo.state import Run
from detection.models._yolo.wording import settings

STATE = "state.pt"
LOSSES = ("box", "class", "distribution")


def train(examples: Examples, options: Options, *, seed: int, device: str, folder: Path) -> None:
    """Leave ``model.safetensors``, ``model.json`` and ``losses.csv`` in ``folder``.

    Raises:
        BenchError: If the data is not what it should be, the start weights cannot be had, the
            batch does not fit into memory, or the loss is no longer a number.
    """
    library.bring_in(folder)
    if not (folder / network.CARD).exists():
        with library.chatter(folder), library.repeatable():
            _train(examples, options, seed=seed, device=device, folder=folder)
    dataset.remove(folder / "dataset")
    leftovers = (f"{STATE}*", ".settings*", ".compiled*")
    for left in (found for pattern in leftovers for found in folder.glob(pattern)):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def _train(examples: Examples, options: Options, *, seed: int, device: str, folder: Path) -> None:
    words = settings(options, seed)
    place = dataset.materialise(examples, folder / "dataset")
    read = dataset.read(place, examples, words, stretched=options.fit == "stretch")
    samples = dataset.Samples(read, seed)
    run, transferred = _begin(examples, options, seed=seed, device=device, folder=folder)
    run.network.args = run.average.ema.args = words
    if (folder / STATE).exists():
        state.restore(run, folder / STATE, device)
    batches = math.ceil(len(samples) / options.batch)
    with tqdm(
        desc=f"train YOLOv5{options.size} on {examples.split.dataset}",
        total=batches * options.epochs,
        initial=batches * run.epoch,
        mininterval=0.1 if sys.stderr.isatty() else progress.LOG_EVERY,
        file=sys.stderr,
    ) as bar:
        while run.epoch < options.epochs:
            began = time.monotonic()
            _one_epoch(run, samples, options, device, bar)
            run.seconds += time.monotonic() - began
            state.keep(run, folder / STATE)
    _finish(run, examples, options, transferred, folder)


def _begin(
    examples: Examples, options: Options, *, seed: int, device: str, folder: Path
) -> tuple[Run, int | None]:
    """A fresh run, and how many start tensors fitted."""
    import torch
    from ultralytics.utils.torch_utils import ModelEMA

    library.seed_everything(seed, 0)
    model = network.build(options.size, examples.split.classes)
    where = options.start_weights, options.size, folder.parent / "downloads"
    tensors = start.tensors(*where)
    if said := start.fetched(*where):
        (folder / FACTS).write_text(json.dumps(said))
    transferred = None
    if tensors is not None:
        transferred = network.start_from(model, tensors, options.start_weights)
        library.note(f"{transferred} of {len(model.state_dict())} tensors from start weights")
    for name, parameter in model.named_parameters():
        parameter.requires_grad = ".dfl" not in name and not _frozen(name, options)
    model.to(device, memory_format=torch.channels_last)  # a quarter faster, even on a CPU
    scaled = options.mixed_precision and device != "cpu"  # bfloat16 has the range of float32
    return Run(
        network=model,
        average=ModelEMA(model),
        optimizer=schedule.optimizer(model, options),
        scaler=torch.amp.GradScaler("cuda", enabled=scaled),
    ), transferred


def _one_epoch(run: Run, samples: Any, options: Options, device: str, bar: Any) -> None:
    import torch

    library.seed_everything(samples.seed, run.epoch, 2)
    if options.close_mosaic and run.epoch >= options.epochs - options.close_mosaic:
        samples.read.close_mosaic(settings(options, samples.seed))
    run.network.train()
    for name, module in run.network.named_modules():
        if isinstance(module, torch.nn.BatchNorm2d) and _frozen(name, options):
            module.eval()
    per_epoch = math.ceil(len(samples) / options.batch)
    workers = 0 if device == "cpu" else min(8, os.cpu_count() or 1)
    total = torch.zeros(3, device=device)
    try:
        for i, batch in enumerate(dataset.batches(samples, options.batch, run.epoch, workers)):
            total += _one_batch(run, batch, options, i + per_epoch * run.epoch, per_epoch)
            bar.update()
    except torch.cuda.OutOfMemoryError:
        raise BenchError(
            f"{device}: out of memory with batch {options.batch} at {options.image_size} pixels; "
            f"set a smaller batch (nominal_batch keeps the steps comparable)"
        ) from None
    means = (total / per_epoch).tolist()
    if not all(map(math.isfinite, means)):
        raise BenchError(
            f"training: the loss is no longer a number in epoch {run.epoch + 1}; "
            f"set a smaller learning_rate (now {options.learning_rate:g})"
        )
    bar.set_postfix(dict(zip(LOSSES, (f"{mean:.3f}" for mean in means), strict=True)))
    library.note(f"epoch {run.epoch + 1}: " + ", ".join(f"{mean:.6f}" for mean in means))
    run.losses.append(means)
    run.epoch += 1


def _one_batch(
    run: Run, batch: dict[str, Any], options: Options, number: int, per_epoch: int
) -> Any:
    """Forward, backward, and an optimizer step when enough batches are added up; the losses."""
    import torch

    now = schedule.rates(options, number, per_epoch)
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
    if number - run.last_step >= now.accumulate:
        run.scaler.unscale_(run.optimizer)
        torch.nn.utils.clip_grad_norm_(run.network.parameters(), max_norm=10.0)
        run.scaler.step(run.optimizer)
        run.scaler.update()
        run.optimizer.zero_grad()
        run.average.update(run.network)
        run.last_step = number
    return torch.stack(list(parts.values())).detach()


def _frozen(name: str, options: Options) -> bool:
    return any(name.startswith(f"model.{i}.") for i in range(options.freeze))


def _finish(
    run: Run, examples: Examples, options: Options, transferred: int | None, folder: Path
) -> None:
    """Write the averaged weights, the losses, and last of all the card that says it is done."""
    import torch

    average = run.average.ema
    with (folder / "losses.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["epoch", *LOSSES])
        rows.writerows([i, *losses] for i, losses in enumerate(run.losses, 1))
    effort = {"seconds": round(run.seconds, 1), "threads": torch.get_num_threads()}
    (folder / "time.json").write_text(json.dumps(effort))
    card = {
        "model": "YOLOv5",
        "size": options.size,
        "classes": list(examples.split.classes),
        "image_size": options.image_size,
        "epochs": options.epochs,
        "steps": run.average.updates,
        "start_weights": options.start_weights,
        "start_tensors": transferred,
        "tensors": len(average.state_dict()),
        "trained_on": dataset.expected(examples),
        "versions": {name: version(name) for name in ("torch", "ultralytics")},
    }
    network.save(folder, average, card)
