"""What one fusion method costs at one image size: counted without running it, and measured."""

import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np

from fusebench import plugins
from fusebench.contracts import FusionMethod
from fusebench.errors import UserError
from fusion.networks import tiled_inference
from fusion.profiling import peak_memory


@dataclass(frozen=True)
class ProfileRequest:
    """One method at one size, as plain values."""

    source: str
    method: str
    options: dict[str, Any]
    width: int
    height: int

    @property
    def label(self) -> str:
        """Source and size in words."""
        return f"{self.source} at {self.width}x{self.height}"


@dataclass(frozen=True)
class TimingOptions:
    """How it is timed."""

    device: str
    repetitions: int
    threads: int | None


@dataclass(frozen=True)
class OperationCounts:
    """Of one pair; None where there is nothing to count.

    Attributes:
        parameters: All of them.
        macs: Multiply-accumulates.
        printed_parameters: Millions, as the method's paper counts.
        printed_macs: Billions, as the method's paper counts.
    """

    parameters: int = 0
    macs: int | None = None
    paper_parameters: float | None = None
    paper_macs: float | None = None


@dataclass(frozen=True)
class MeasuredCost:
    """Of one pair; None where nothing was run.

    Attributes:
        seconds: Median.
        least: Seconds.
        most: Seconds.
        memory: Peak, in bytes.
    """

    median_seconds: float | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None
    peak_memory_bytes: int | None = None


def count_operations(asked: ProfileRequest) -> OperationCounts:
    """Count a method's network, on no device.

    Raises:
        UserError: If the options or the weights are wrong.
    """
    plugin, options = _load_method(asked)
    if plugin.load_network is None:
        return OperationCounts()
    from fusion.profiling import mac_counting

    network = plugin.load_network(options, "meta")
    frame: tiled_inference.TilingOptions = (
        options.tiling_options
    )  # every method with a network has one
    height, width = tiled_inference.compute_padded_size(asked.height, asked.width, frame.padding)
    tile = frame.tile or max(height, width)
    pieces = [
        len(tiled_inference.compute_tile_starts(side, tile, frame.overlap))
        for side in (height, width)
    ]
    once = mac_counting.count_pair_macs(network, min(tile, height), min(tile, width))
    printed = mac_counting.count_as_in_paper(network, height, width)
    return OperationCounts(
        parameters=mac_counting.count_parameters(network),
        macs=pieces[0] * pieces[1] * once.macs,
        paper_parameters=printed.parameters,
        paper_macs=printed.macs,
    )


def measure_cost(asked: ProfileRequest, how: TimingOptions) -> MeasuredCost:
    """Load a method and fuse random images of one size, in this process, which should be fresh.

    Raises:
        UserError: If the method cannot be loaded or cannot fuse this size.
    """
    import torch

    if how.threads is not None:
        torch.set_num_threads(how.threads)
    plugin, options = _load_method(asked)
    on_gpu = how.device != "cpu" and plugin.load_network is not None
    random, shape = np.random.default_rng(0), (asked.height, asked.width)
    infrared, visible = (random.integers(0, 256, s, np.uint8) for s in (shape, (*shape, 3)))
    loaded = []

    def first() -> None:
        loaded.append(plugin.load(options, how.device))
        loaded[0](infrared, visible)

    before, peak = peak_memory.measure_peak_memory(first)
    seconds = []
    for _ in range(how.repetitions):
        start = time.perf_counter()
        loaded[0](infrared, visible)
        seconds.append(time.perf_counter() - start)
    taken = torch.cuda.max_memory_allocated(how.device) if on_gpu else peak - before
    return MeasuredCost(median(seconds), min(seconds), max(seconds), taken)


def measure_in_subprocess(asked: ProfileRequest, how: TimingOptions) -> MeasuredCost:
    """`measure_cost` in a process of its own.

    Raises:
        UserError: As there, or if the process is killed.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        try:
            return process.submit(measure_cost, asked, how).result()
        except MemoryError:
            why = "the memory does not suffice"
        except BrokenProcessPool:
            why = "its process was killed, most likely for want of memory"
    raise UserError(f"{why}; try a smaller --size, or the option tile")


def _load_method(asked: ProfileRequest) -> tuple[FusionMethod, Any]:
    method = plugins.load_fusion_method(asked.method)
    where = f"{asked.source}: options"
    return method, plugins.validate_options(method.Options, asked.options, where)
