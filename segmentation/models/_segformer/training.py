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

from bench import checkpoint, optimizers
from bench.errors import BenchError
from bench.examples import Examples
from bench.progress import LOG_EVERY
from segmentation.models import segformer
from segmentation.models._segformer import crops, imagenet, network, quiet, schedule, weights
from segmentation.models.segformer import Options

CHECKPOINT = "checkpoint.pt"
KEEP_EVERY = 30.0  # seconds between two checkpoints: what a killed run loses at most
CURVE = 200  # points of the loss curve
WORKERS = 4  # processes that load images where a GPU waits for them


@dataclass
class State:
    """Where a run is: what a checkpoint holds besides weights and optimizer.

    Attributes:
        step: Steps done.
        curve: (steps done, mean loss since the last point).
        total: Sum of the losses since the last point.
        count: How many they are.
        seconds: Spent on the steps done. It decides nothing.
    """

    step: int = 0
    curve: list[tuple[int, float]] = field(default_factory=list)
    total: float = 0.0
    count: int = 0
    seconds: float = 0.0


def train(examples: Examples, options: Options, *, seed: int, device: str, folder: Path) -> None:
    """Train from start weights or the folder's checkpoint to the last step."""
    import torch

    if not weights.finished(folder):
        with (
            quiet.into(folder / "log.txt"),
            torch.random.fork_rng(devices=[device] if device.startswith("cuda") else []),
        ):
            _train(examples, options, seed=seed, device=device, folder=folder)
    for left in (*folder.glob(f"{CHECKPOINT}*"), *folder.glob(".compiled*")):
        shutil.rmtree(left) if left.is_dir() else left.unlink()


def _train(examples: Examples, options: Options, *, seed: int, device: str, folder: Path) -> None:
    import torch

    model = weights.Model(
        options=options, classes=examples.split.classes, first=int(options.ignore_unlabelled)
    )
    torch.manual_seed(seed)
    net = _untrained(model, folder.parent / "downloads").to(device).train()
    optimizers.bring_in(folder)
    optimizer = torch.optim.AdamW(network.parameter_groups(net, options), betas=options.betas)
    place = folder / CHECKPOINT
    state = _resume(place, net, optimizer) if place.exists() else State()
    wrapper = _wrapper(optimizer, torch.device(device).type, options)
    kept = time.monotonic()
    began = kept - state.seconds
    for step, batch in _batches(examples, options, seed, device, state):
        torch.manual_seed(crops.entropy(seed, crops.STEP, step))
        for group in optimizer.param_groups:
            group["lr"] = group["initial_lr"] * schedule.factor(step, options)
        loss = net.train_step(batch, optim_wrapper=wrapper)["loss"]
        _note(state, float(loss), options)
        state.seconds = time.monotonic() - began
        if time.monotonic() - kept >= KEEP_EVERY and state.step < options.iterations:
            _keep(place, net, optimizer, state)
            kept = time.monotonic()
    _write_curve(folder / "losses.csv", state)
    (folder / "time.json").write_text(json.dumps(_effort(state, device)))
    weights.write(folder, net, model)


def _wrapper(optimizer: Any, device: str, options: Options) -> Any:
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


def _untrained(model: weights.Model, downloads: Path) -> Any:
    """The network at step 0."""
    net: Any = network.build(model.options, len(model.classes) - model.first)
    net.init_weights()
    path = segformer.start_file(model.options)
    if model.options.start_weights == "imagenet":
        path = imagenet.fetched(model.options.backbone, downloads)
    if path is not None:
        weights.start_from(net, path, model.classes[model.first :])
    return net


def _batches(
    examples: Examples, options: Options, seed: int, device: str, state: State
) -> Iterator[tuple[int, Any]]:
    """Each step still to be done and its images; the bar on stderr shows the loss."""
    from mmengine.dataset import pseudo_collate
    from torch.utils.data import DataLoader
    from tqdm import tqdm

    first, positions = state.step, options.iterations * options.batch
    loader: DataLoader[Any] = DataLoader(
        crops.Crops(examples, options, seed, positions),  # type: ignore[arg-type]  # has both dunders
        batch_size=options.batch,
        sampler=range(first * options.batch, positions),
        num_workers=WORKERS if device.startswith("cuda") else 0,
        collate_fn=pseudo_collate,
    )
    bar = tqdm(
        total=options.iterations,
        initial=first,
        desc=f"train {segformer.TITLE} {options.backbone}",
        mininterval=0.1 if sys.stderr.isatty() else LOG_EVERY,
        file=sys.stderr,
    )
    with bar:
        for step, batch in enumerate(loader, start=first):
            yield step, batch
            if state.curve:
                bar.set_postfix_str(f"loss {state.curve[-1][1]:.3f}", refresh=False)
            bar.update()


def _note(state: State, loss: float, options: Options) -> None:
    """Count a step that is done.

    Raises:
        BenchError: If its loss is not a number any more.
    """
    if not abs(loss) < float("inf"):
        raise BenchError(
            f"segformer: the loss is {loss} at step {state.step}; lower learning_rate "
            f"({options.learning_rate:g}) or head_factor ({options.head_factor:g})"
        )
    state.step += 1
    state.total += loss
    state.count += 1
    if state.count >= options.iterations / CURVE or state.step == options.iterations:
        state.curve.append((state.step, state.total / state.count))
        state.total, state.count = 0.0, 0


def _keep(place: Path, net: Any, optimizer: Any, state: State) -> None:
    content = {"network": net.state_dict(), "optimizer": optimizer.state_dict()}
    checkpoint.write(place, content | {"state": asdict(state)})


def _resume(place: Path, net: Any, optimizer: Any) -> State:
    """Put network and optimizer where the checkpoint has them."""
    saved = checkpoint.read(place, "cpu")
    net.load_state_dict(saved["network"])
    optimizer.load_state_dict(saved["optimizer"])
    return State(**saved["state"])


def _effort(state: State, device: str) -> dict[str, Any]:
    """How long the steps took, on what."""
    import torch

    name = torch.cuda.get_device_name(device) if device.startswith("cuda") else "cpu"
    return {"seconds": round(state.seconds, 1), "device": name, "threads": torch.get_num_threads()}


def _write_curve(path: Path, state: State) -> None:
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(("step", "loss"))
        rows.writerows(state.curve)
