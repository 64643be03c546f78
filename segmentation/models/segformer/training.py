"""The training loop: mmseg's network, mmengine's optimizer wrapper, our positions.

mmengine's Runner is not used: its checkpoints have to be unpickled, it restores neither the
random state nor the place in the data, and it writes outside the folder it is given.
"""

import csv
import json
import shutil
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from fusebench.data.labeled_images import LabeledImages
from fusebench.errors import UserError
from fusebench.runtime import library_log, torch_compile_cache
from fusebench.runtime.progress import LOG_INTERVAL_SECONDS
from fusebench.storage import checkpoint
from segmentation.models import segformer
from segmentation.models.segformer import (
    Options,
    augmentation,
    imagenet_weights,
    network,
    schedule,
    weights,
)

CHECKPOINT_FILE = "checkpoint.pt"
CHECKPOINT_INTERVAL_SECONDS = (
    30.0  # seconds between two checkpoints: what a killed run loses at most
)
LOSS_CURVE_POINTS = 200  # points of the loss curve
LOADER_WORKERS = 4  # processes that load images where a GPU waits for them


@dataclass
class SegmenterTrainingState:
    """Where a run is: what a checkpoint holds besides weights and optimizer.

    Attributes:
        step: Steps done.
        curve: (steps done, mean loss since the last point).
        total: Sum of the losses since the last point.
        count: How many they are.
        seconds: Spent on the steps done. It decides nothing.
    """

    finished_steps: int = 0
    loss_curve: list[tuple[int, float]] = field(default_factory=list)
    loss_sum: float = 0.0
    loss_count: int = 0
    seconds: float = 0.0


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Train from start weights or the folder's checkpoint to the last step."""
    import torch

    if not weights.is_finished(folder):
        with (
            library_log.redirect_library_output(folder / "log.txt"),
            torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []),
        ):
            _train_network(examples, options, seed=seed, device=device, folder=folder)
    leftovers = (f"{CHECKPOINT_FILE}*", f".{CHECKPOINT_FILE}.*", ".compiled*")
    for path in [path for pattern in leftovers for path in folder.glob(pattern)]:
        shutil.rmtree(path) if path.is_dir() else path.unlink()


def _train_network(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    import torch

    model = weights.ModelInfo(
        options=options,
        classes=examples.split.classes,
        first_class_id=int(options.ignore_unlabeled),
    )
    torch.manual_seed(seed)
    net = _build_initial_network(model, folder.parent / "downloads").to(device).train()
    torch_compile_cache.import_with_local_cache(folder)
    optimizer = torch.optim.AdamW(network.build_parameter_groups(net, options), betas=options.betas)
    place = folder / CHECKPOINT_FILE
    state = _load_checkpoint(place, net, optimizer) if place.exists() else SegmenterTrainingState()
    wrapper = _build_optimizer_wrapper(optimizer, torch.device(device).type, options)
    kept = time.monotonic()
    began = kept - state.seconds
    for step, batch in _iterate_batches(examples, options, seed, device, state):
        torch.manual_seed(augmentation.derive_seed(seed, augmentation.STEP_STREAM, step))
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * schedule.compute_learning_rate_factor(step, options)
        loss = net.train_step(batch, optim_wrapper=wrapper)["loss"]
        _record_loss(state, float(loss), options)
        state.seconds = time.monotonic() - began
        if (
            time.monotonic() - kept >= CHECKPOINT_INTERVAL_SECONDS
            and state.finished_steps < options.iterations
        ):
            _save_checkpoint(place, net, optimizer, state)
            kept = time.monotonic()
    _write_loss_curve(folder / "losses.csv", state)
    (folder / "time.json").write_text(json.dumps(_describe_training_time(state, device)))
    weights.save_network(folder, net, model)


def _build_optimizer_wrapper(optimizer: Any, device: str, options: Options) -> Any:
    """Mmengine's optimizer wrapper, whose forward pass is in bfloat16 if the options say so."""
    import torch
    from mmengine.optim import OptimWrapper

    class Wrapper(OptimWrapper):  # type: ignore[misc]  # mmengine is untyped
        @contextmanager
        def optim_context(self, model: Any) -> Iterator[None]:
            narrow = torch.autocast(device, torch.bfloat16, enabled=options.mixed_precision)
            with narrow, super().optim_context(model):
                yield

    return Wrapper(optimizer)


def _build_initial_network(model: weights.ModelInfo, downloads: Path) -> Any:
    """The network at step 0."""
    net: Any = network.build_network(model.options, len(model.classes) - model.first_class_id)
    net.init_weights()
    path = segformer.find_weights_file(model.options)
    if model.options.start_weights == "imagenet":
        path = imagenet_weights.download_weights(model.options.backbone, downloads)
    if path is not None:
        weights.load_initial_weights(net, path, model.classes[model.first_class_id :])
    return net


def _iterate_batches(
    examples: LabeledImages, options: Options, seed: int, device: str, state: SegmenterTrainingState
) -> Iterator[tuple[int, Any]]:
    """Each step still to be done and its images; the bar on stderr shows the loss."""
    from mmengine.dataset import pseudo_collate
    from torch.utils.data import DataLoader
    from tqdm import tqdm

    first, positions = state.finished_steps, options.iterations * options.batch
    loader: DataLoader[Any] = DataLoader(
        augmentation.TrainingCrops(examples, options, seed, positions),  # type: ignore[arg-type]  # has both dunders
        batch_size=options.batch,
        sampler=range(first * options.batch, positions),
        num_workers=LOADER_WORKERS if device.startswith("cuda") else 0,
        collate_fn=pseudo_collate,
    )
    bar = tqdm(
        total=options.iterations,
        initial=first,
        desc=f"train {segformer.TITLE} {options.backbone}",
        mininterval=0.1 if sys.stderr.isatty() else LOG_INTERVAL_SECONDS,
        file=sys.stderr,
    )
    with bar:
        for step, batch in enumerate(loader, start=first):
            yield step, batch
            if state.loss_curve:
                bar.set_postfix_str(f"loss {state.loss_curve[-1][1]:.3f}", refresh=False)
            bar.update()


def _record_loss(state: SegmenterTrainingState, loss: float, options: Options) -> None:
    """Count a step that is done.

    Raises:
        UserError: If its loss is not a number any more.
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


def _save_checkpoint(place: Path, net: Any, optimizer: Any, state: SegmenterTrainingState) -> None:
    content = {"network": net.state_dict(), "optimizer": optimizer.state_dict()}
    checkpoint.write_checkpoint(place, content | {"state": asdict(state)})


def _load_checkpoint(place: Path, net: Any, optimizer: Any) -> SegmenterTrainingState:
    """Put network and optimizer where the checkpoint has them."""
    saved = checkpoint.read_checkpoint(place, "cpu")
    net.load_state_dict(saved["network"])
    optimizer.load_state_dict(saved["optimizer"])
    return SegmenterTrainingState(**saved["state"])


def _describe_training_time(state: SegmenterTrainingState, device: str) -> dict[str, Any]:
    """How long the steps took, on what."""
    import torch

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"
    return {"seconds": round(state.seconds, 1), "device": name, "threads": torch.get_num_threads()}


def _write_loss_curve(path: Path, state: SegmenterTrainingState) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("step", "loss"))
        rows.writerows(state.loss_curve)
