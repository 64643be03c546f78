"""Logs of a training: progress bar, losses.csv, TensorBoard events, sample images, time."""

import csv
import json
import os
import platform
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, cast

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn
from tqdm import tqdm

from fusebench.data import images
from fusebench.runtime.atomic_write import replace_atomically, write_text_atomically
from fusebench.runtime.progress import LOG_INTERVAL_SECONDS
from fusebench.runtime.seeds import derive_seed
from fusebench.runtime.system_errors import name_file
from fusion.training.data.patches import crop_center
from fusion.training.data.random_streams import SAMPLE_IMAGES, RandomStreams
from fusion.training.job import TrainingJob
from fusion.training.stages.contract import TrainingStage

CURVE_POINTS = 200  # points of the loss curve
SAMPLES_FOLDER = "looks"
SAMPLE_SIDE_MULTIPLE = 32  # pixels; the networks need multiples of 16


class TrainingLogger:
    """Writer of loss curves and sample images; only the main process writes."""

    def __init__(self, folder: Path, steps: int, is_writer: bool) -> None:
        """Start empty curves.

        Args:
            folder: Where the files are written.
            steps: Steps of the whole training.
            is_writer: Whether this process writes.
        """
        self._folder, self._is_writer = folder, is_writer
        self._interval = max(1, steps // CURVE_POINTS)
        self._steps = steps
        self._sums: dict[str, float] = {}
        self._count = 0
        self._curve: list[dict[str, float]] = []
        self._sample_losses: list[dict[str, float]] = []
        self._bar: Any = None
        self._event_writer: Any = None

    @contextmanager
    def show_progress(self, title: str, steps: int, finished_steps: int) -> Iterator[None]:
        """Show a progress bar on stderr and write an event file for the duration of the block."""
        if not self._is_writer:
            yield
            return
        from fusion.training.monitoring.tensorboard import EventWriter

        interval = 0.1 if sys.stderr.isatty() else LOG_INTERVAL_SECONDS
        self._event_writer = EventWriter(self._folder, finished_steps + 1)
        self._bar = tqdm(
            total=steps,
            initial=finished_steps,
            desc=title,
            mininterval=interval,
            file=sys.stderr,
        )
        try:
            yield
        finally:
            self._bar.close()

    def log_losses(self, step: int, losses: Mapping[str, float]) -> None:
        """Add the losses of a step, counted from 1.

        A point of the curve is the mean over ``steps / CURVE_POINTS`` steps.
        """
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
            postfix = ", ".join(f"{name} {value:.4f}" for name, value in point.items())
            self._bar.set_postfix_str(postfix, refresh=False)
            _write_rows(self._folder / "losses.csv", self._curve)
        self._bar.update()

    @torch.no_grad()
    def log_samples(
        self, stage: nn.Module, job: TrainingJob, step: int, weights: Mapping[str, Tensor]
    ) -> None:
        """Write losses and pictures of the sample images, computed with the final weights.

        The CSV file and the curves are named after the sample set: held out or trained on.

        Args:
            stage: A `TrainingStage`; its parameters are restored afterwards.
            job: The training.
            step: Number of finished steps.
            weights: Weights that would be kept if the training ended here, by parameter name.
        """
        stage.eval()
        with _swap_weights(stage, weights):
            losses, pictures = _compute_samples(cast("TrainingStage", stage), job)
        stage.train()
        self._sample_losses.append({"step": step, **losses})
        file_name = f"{job.sample_set.replace(' ', '_')}.csv"
        _write_rows(self._folder / file_name, self._sample_losses)
        self._event_writer.add_scalars(job.sample_set, step, losses)
        path = self._folder / SAMPLES_FOLDER / f"step_{step:06d}.png"
        with name_file(path):
            path.parent.mkdir(exist_ok=True)
            images.write_png(path, _stack_pictures(pictures))

    def write_time(self, folder: Path, seconds: float, device: str) -> None:
        """Write training time, steps and hardware to ``time.json``."""
        content = {
            "seconds": round(seconds, 1),
            "steps": self._steps,
            "device": get_device_name(device),
            "threads": torch.get_num_threads(),
            "torch": torch.__version__,
        }
        write_text_atomically(folder / "time.json", json.dumps(content))

    def get_state(self) -> dict[str, Any]:
        """Return what `restore_state` needs, for a checkpoint; the keys are its file format."""
        return {
            "sums": self._sums,
            "count": self._count,
            "curve": self._curve,
            "looks": self._sample_losses,
        }

    def restore_state(self, state: Mapping[str, Any]) -> None:
        """Continue the curves of a checkpoint."""
        self._sums, self._count = state["sums"], state["count"]
        self._curve, self._sample_losses = state["curve"], state["looks"]


@contextmanager
def _swap_weights(stage: nn.Module, weights: Mapping[str, Tensor]) -> Iterator[None]:
    """Replace parameters for the duration of the block."""
    parameters = dict(stage.named_parameters())
    originals = {name: parameters[name].detach().clone() for name in weights}
    for name, tensor in weights.items():
        parameters[name].copy_(tensor)
    try:
        yield
    finally:
        for name, tensor in originals.items():
            parameters[name].copy_(tensor)


def _compute_samples(
    stage: TrainingStage, job: TrainingJob
) -> tuple[dict[str, float], list[NDArray[np.float32]]]:
    """Compute mean losses over the sample images, and the pictures of each side by side.

    The random numbers depend on the seed and the image alone, so samples are comparable over a
    training and do not disturb it.
    """
    seed = derive_seed(job.seed, SAMPLE_IMAGES)
    pictures, mean_losses = [], dict[str, float]()
    for number, image in enumerate(job.sample_images):
        pixels = crop_center(
            job.patches.reader.read(image), stage.sample_side, SAMPLE_SIDE_MULTIPLE
        )
        batch = torch.from_numpy(pixels)[None].to(job.device).float() / 255
        losses = stage(batch, RandomStreams(seed, [number], job.device))
        for name, value in losses.items():
            mean = float(value) / len(job.sample_images)
            mean_losses[name] = mean_losses.get(name, 0.0) + mean
        columns = stage.make_sample_images(batch, RandomStreams(seed, [number], job.device))
        pictures.append(np.concatenate(columns[0].float().cpu().numpy(), axis=1))
    return mean_losses, pictures


def _stack_pictures(pictures: list[NDArray[np.float32]]) -> NDArray[np.uint8]:
    """Stack pictures in [0, 1] into one of 8 bits, black beside the narrower ones."""
    width = max(picture.shape[1] for picture in pictures)
    padded = [np.pad(picture, ((0, 0), (0, width - picture.shape[1]))) for picture in pictures]
    stacked: NDArray[np.uint8] = np.rint(np.concatenate(padded).clip(0, 1) * 255).astype(np.uint8)
    return stacked


def get_device_name(device: str) -> str:
    """Return the name of the GPU, or of the processor with its number of cores."""
    if device.startswith("cuda"):
        return torch.cuda.get_device_name(device)
    cpuinfo = Path("/proc/cpuinfo")
    lines = cpuinfo.read_text().splitlines() if cpuinfo.exists() else []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return f"{names[0] if names else platform.processor() or 'CPU'} ({os.cpu_count()} cores)"


def _write_rows(path: Path, rows: list[dict[str, float]]) -> None:
    """Write rows with equal keys as CSV."""
    with (
        replace_atomically(path, sync=False) as temporary,  # the next checkpoint flushes it
        temporary.open("w", newline="") as file,
    ):
        writer = csv.DictWriter(file, list(rows[-1]))
        writer.writeheader()
        writer.writerows(rows)
