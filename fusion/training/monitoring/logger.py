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

from fusebench.data import images
from fusebench.runtime.progress import LOG_INTERVAL_SECONDS
from fusion.training.data.patches import crop_center
from fusion.training.data.random_streams import SAMPLE_IMAGES, RandomStreams, derive_seed
from fusion.training.job import TrainingJob
from fusion.training.monitoring.write_errors import report_write_errors

CURVE_POINTS = 200  # of the loss curve


class TrainingLogger:
    """The loss curve and where it is shown; only the first process writes."""

    def __init__(self, folder: Path, steps: int, writes: bool) -> None:
        self._folder, self._is_writer = folder, writes
        self._interval = max(1, steps // CURVE_POINTS)
        self._steps = steps
        self._sums: dict[str, float] = {}
        self._count = 0
        self._curve: list[dict[str, float]] = []
        self._sample_losses: list[dict[str, float]] = []
        self._bar: Any = None
        self._event_writer: Any = None

    @contextmanager
    def show_progress(self, title: str, steps: int, first: int) -> Iterator[None]:
        """A bar on stderr and an events file, for as long as the block lasts."""
        if not self._is_writer:
            yield
            return
        from fusion.training.monitoring.tensorboard import EventWriter

        every = 0.1 if sys.stderr.isatty() else LOG_INTERVAL_SECONDS
        self._event_writer = EventWriter(self._folder, first + 1)
        self._bar = tqdm(total=steps, initial=first, desc=title, mininterval=every, file=sys.stderr)
        try:
            yield
        finally:
            self._bar.close()

    def log_losses(self, step: int, losses: Mapping[str, float]) -> None:
        """Add the losses of a step, counted from 1."""
        if not self._is_writer:
            return
        for name, value in losses.items():
            self._sums[name] = self._sums.get(name, 0.0) + value
        self._count += 1
        if self._count == self._interval or step == self._steps:
            point = {name: value / self._count for name, value in self._sums.items()}
            self._curve.append({"step": step, **point})
            self._sums, self._count = {}, 0
            self._event_writer.add_scalars("train", step, point)
            words = (f"{name} {value:.4f}" for name, value in point.items())
            self._bar.set_postfix_str(", ".join(words), refresh=False)
            _write_rows(self._folder / "losses.csv", self._curve)
        self._bar.update()

    def log_samples(
        self, learner: nn.Module, job: TrainingJob, step: int, weights: Mapping[str, Tensor]
    ) -> None:
        """Losses and pictures of some images, with the weights that would be kept.

        The file and the curves are called by whether these are held out or trained on.
        """
        seed = derive_seed(job.seed, SAMPLE_IMAGES)
        learner.eval()
        sheets, sums = [], dict[str, float]()
        with _swap_weights(learner, weights):
            for number, item in enumerate(job.sample_images):
                pixels = crop_center(job.patches.reader.read(item), learner.side, 32)  # type: ignore[arg-type]  # a Learner
                shown = torch.from_numpy(pixels)[None].to(job.device).float() / 255
                losses = learner(shown, RandomStreams(seed, [number], job.device))
                for name, value in losses.items():
                    sums[name] = sums.get(name, 0.0) + float(value) / len(job.sample_images)
                made = learner.look(shown, RandomStreams(seed, [number], job.device))  # type: ignore[operator]  # a Learner
                sheets.append(np.concatenate(made[0].float().cpu().numpy(), axis=1))
        learner.train()
        self._sample_losses.append({"step": step, **sums})
        part = job.sample_set
        _write_rows(self._folder / f"{part.replace(' ', '_')}.csv", self._sample_losses)
        self._event_writer.add_scalars(part, step, sums)
        width = max(sheet.shape[1] for sheet in sheets)
        padded = [np.pad(sheet, ((0, 0), (0, width - sheet.shape[1]))) for sheet in sheets]
        picture = np.rint(np.concatenate(padded).clip(0, 1) * 255).astype(np.uint8)
        place = self._folder / "looks" / f"step_{step:06d}.png"
        with report_write_errors(place):
            place.parent.mkdir(exist_ok=True)
            images.write_png(place, picture)

    def write_time(self, folder: Path, seconds: float, device: str) -> None:
        """Write how long it took, on what."""
        facts = {
            "seconds": round(seconds, 1),
            "steps": self._steps,
            "device": get_device_name(device),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }
        with report_write_errors(folder / "time.json"):
            (folder / "time.json").write_text(json.dumps(facts))

    def get_state(self) -> dict[str, Any]:
        """What `restore` needs."""
        return {
            "sums": self._sums,
            "count": self._count,
            "curve": self._curve,
            "looks": self._sample_losses,
        }

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Go on where `state` was."""
        self._sums, self._count = state["sums"], state["count"]
        self._curve, self._sample_losses = state["curve"], state["looks"]


@contextmanager
def _swap_weights(learner: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
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


def get_device_name(device: str) -> str:
    """What a device is called: the GPU's name, or the processor's."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or 'CPU'} ({os.cpu_count()} cores)"


def _write_rows(path: Path, rows: list[dict[str, float]]) -> None:
    with report_write_errors(path), path.open("w", newline="") as file:
        table = csv.DictWriter(file, list(rows[-1]))
        table.writeheader()
        table.writerows(rows)
