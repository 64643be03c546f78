"""What a training tells about itself: a bar, losses.csv, TensorBoard events, pictures, its time."""

import csv
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn
from tqdm import tqdm

from bench import images
from bench.progress import LOG_EVERY
from fusion.training.disk import writing
from fusion.training.draws import LOOK, Draws, entropy
from fusion.training.job import Job
from fusion.training.patches import middle

POINTS = 200  # of the loss curve


class Record:
    """The loss curve and where it is shown; only the first process writes."""

    def __init__(self, folder: Path, steps: int, writes: bool) -> None:
        self._folder, self._writes = folder, writes
        self._every = max(1, steps // POINTS)
        self._steps = steps
        self._sums: dict[str, float] = {}
        self._count = 0
        self._curve: list[dict[str, float]] = []
        self._looks: list[dict[str, float]] = []
        self._bar: Any = None
        self._events: Any = None

    @contextmanager
    def shown(self, title: str, steps: int, first: int) -> Iterator[None]:
        """A bar on stderr and an events file, for as long as the block lasts."""
        if not self._writes:
            yield
            return
        from fusion.training.events import Events

        every = 0.1 if sys.stderr.isatty() else LOG_EVERY
        self._events = Events(self._folder, first + 1)
        self._bar = tqdm(total=steps, initial=first, desc=title, mininterval=every, file=sys.stderr)
        try:
            yield
        finally:
            self._bar.close()

    def note(self, step: int, losses: Mapping[str, float]) -> None:
        """Add the losses of a step, counted from 1."""
        if not self._writes:
            return
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if self._count == self._every or step == self._steps:
            point = {name: value / self._count for name, value in self._sums.items()}
            self._curve.append({"step": step, **point})
            self._sums, self._count = {}, 0
            self._events.tell("train", step, point)
            words = (f"{name} {value:.4f}" for name, value in point.items())
            self._bar.set_postfix_str(", ".join(words), refresh=False)
            _write_rows(self._folder / "losses.csv", self._curve)
        self._bar.update()

    def look(self, learner: nn.Module, job: Job, step: int, weights: Mapping[str, Tensor]) -> None:
        """Losses and pictures of some images, with the weights that would be kept.

        The file and the curves are called by whether these are held out or trained on.
        """
        seed = entropy(job.seed, LOOK)
        learner.eval()
        sheets, sums = [], dict[str, float]()
        with _replaced(learner, weights):
            for number, item in enumerate(job.looked_at):
                pixels = middle(job.patches.reader.read(item), learner.side, 32)  # type: ignore[arg-type]  # a Learner
                shown = torch.from_numpy(pixels)[None].to(job.device).float() / 255
                losses = learner(shown, Draws(seed, [number], job.device))
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + float(value) / len(job.looked_at)
                made = learner.look(shown, Draws(seed, [number], job.device))  # type: ignore[operator]  # a Learner
                sheets.append(np.concatenate(made[0].float().cpu().numpy(), axis=1))
        learner.train()
        self._looks.append({"step": step, **sums})
        part = job.part
        _write_rows(self._folder / f"{part.replace(' ', '_')}.csv", self._looks)
        self._events.tell(part, step, sums)
        width = max(sheet.shape[1] for sheet in sheets)
        padded = [np.pad(sheet, ((0, 0), (0, width - sheet.shape[1]))) for sheet in sheets]
        picture = np.rint(np.concatenate(padded).clip(0, 1) * 255).astype(np.uint8)
        place = self._folder / "looks" / f"step_{step:06d}.png"
        with writing(place):
            place.parent.mkdir(exist_ok=True)
            images.write(place, picture)

    def finish(self, folder: Path, seconds: float, device: str) -> None:
        """Write how long it took, on what."""
        facts = {
            "seconds": round(seconds, 1),
            "steps": self._steps,
            "device": machine(device),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }
        with writing(folder / "time.json"):
            (folder / "time.json").write_text(json.dumps(facts))

    def state(self) -> dict[str, Any]:
        """What `restore` needs."""
        return {
            "sums": self._sums,
            "count": self._count,
            "curve": self._curve,
            "looks": self._looks,
        }

    def restore(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was."""
        self._sums, self._count = state["sums"], state["count"]
        self._curve, self._looks = state["curve"], state["looks"]


@contextmanager
def _replaced(learner: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """The learner with other weights, for as long as the block lasts."""
    named = dict(learner.named_parameters())
    before = {name: named[name].detach().clone() for name in weights}
    for name, tensor in weights.items():
        named[name].copy_(tensor)
    try:
        yield
    finally:
        for name, tensor in before.items():
            named[name].copy_(tensor)


def machine(device: str) -> str:
    """What a device is called: the GPU's name, or the processor's."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or 'CPU'} ({os.cpu_count()} cores)"


def _write_rows(path: Path, rows: list[dict[str, float]]) -> None:
    with writing(path), path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[-1]))
        table.writeheader()
        table.writerows(rows)
