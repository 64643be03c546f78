"""Cost of one fusion method at one image size: operation counts, measured time and memory."""

import time
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from fusebench import plugins
from fusebench.config import paths
from fusebench.contracts import FusionMethod
from fusebench.errors import UserError
from fusebench.option_values import validate_model
from fusion.networks import tiled_inference
from fusion.profiling import peak_memory


@dataclass(frozen=True)
class ProfileRequest:
    """One method at one image size, as plain values.

    Attributes:
        source: Name of the source.
        method: Name of the fusion method.
        options: Options of the method.
        width: In pixels.
        height: In pixels.
        base_folder: Folder that relative paths among the options are relative to.
    """

    source: str
    method: str
    options: dict[str, Any]
    width: int
    height: int
    base_folder: Path = Path()

    @property
    def label(self) -> str:
        """Source and size, for messages."""
        return f"{self.source} at {self.width}x{self.height}"


@dataclass(frozen=True)
class TimingOptions:
    """Device, repetitions and threads of a time measurement.

    Attributes:
        device: ``cpu``, ``cuda:0``, ...
        repetitions: Timed fusions, after one warm-up.
        threads: Number of CPU threads of torch; None keeps its default.
    """

    device: str
    repetitions: int
    threads: int | None


@dataclass(frozen=True)
class OperationCounts:
    """Parameters and operations of one pair; None where there is nothing to count.

    Attributes:
        parameters: Number of trainable values.
        macs: Multiply-accumulates.
        paper_parameters: Millions, as counted in the method's paper.
        paper_macs: Billions, as counted in the method's paper.
    """

    parameters: int = 0
    macs: int | None = None
    paper_parameters: float | None = None
    paper_macs: float | None = None


@dataclass(frozen=True)
class MeasuredCost:
    """Time and memory of one pair; None where nothing was measured."""

    median_seconds: float | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None
    peak_memory_bytes: int | None = None


def count_operations(request: ProfileRequest) -> OperationCounts:
    """Count the parameters and operations of a method's network, on the meta device.

    Raises:
        UserError: If the options or the weights are wrong.
    """
    plugin, options = _load_method(request)
    if plugin.load_network is None:
        return OperationCounts()
    from fusion.profiling import mac_counting

    network = plugin.load_network(options, "meta")
    # Every method with a network has tiling options.
    tiling: tiled_inference.TilingOptions = options.tiling_options
    height, width = tiled_inference.compute_padded_size(
        request.height, request.width, tiling.padding
    )
    tile = tiling.tile or max(height, width)
    rows, columns = (
        len(tiled_inference.compute_tile_starts(side, tile, tiling.overlap))
        for side in (height, width)
    )
    tile_counts = mac_counting.count_pair_macs(network, min(tile, height), min(tile, width))
    paper_counts = mac_counting.count_as_in_paper(network, height, width)
    return OperationCounts(
        parameters=mac_counting.count_parameters(network),
        macs=rows * columns * tile_counts.macs,
        paper_parameters=paper_counts.parameters,
        paper_macs=paper_counts.macs,
    )


def measure_cost(request: ProfileRequest, timing: TimingOptions) -> MeasuredCost:
    """Load a method and fuse random images in the current process, which should be a new one.

    Raises:
        UserError: If the method cannot be loaded or cannot fuse this size.
    """
    import torch

    if timing.threads is not None:
        torch.set_num_threads(timing.threads)
    plugin, options = _load_method(request)
    rng, shape = np.random.default_rng(0), (request.height, request.width)
    infrared, visible = (rng.integers(0, 256, s, np.uint8) for s in (shape, (*shape, 3)))
    loaded: list[Callable[..., object]] = []

    def warm_up() -> None:
        loaded.append(plugin.load(options, timing.device))
        loaded[0](infrared, visible)

    before, peak = peak_memory.measure_peak_memory(warm_up)
    seconds = []
    for _ in range(timing.repetitions):
        start = time.perf_counter()
        loaded[0](infrared, visible)
        seconds.append(time.perf_counter() - start)
    if timing.device != "cpu" and plugin.load_network is not None:
        memory = torch.cuda.max_memory_allocated(timing.device)
    else:
        memory = peak - before
    return MeasuredCost(median(seconds), min(seconds), max(seconds), memory)


def measure_in_subprocess(request: ProfileRequest, timing: TimingOptions) -> MeasuredCost:
    """Run `measure_cost` in a new process.

    Raises:
        UserError: See `measure_cost`; or if the process is killed or out of memory.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        try:
            return pool.submit(measure_cost, request, timing).result()
        except MemoryError:
            reason = "out of memory"
        except BrokenProcessPool:
            reason = "the process was killed, most likely because it was out of memory"
    raise UserError(f"{reason}; try a smaller --size, or the option tile")


def _load_method(request: ProfileRequest) -> tuple[FusionMethod, Any]:
    """Load a method and its validated options."""
    method = plugins.load_fusion_method(request.method)
    where = f"{request.source}: options"
    options = validate_model(method.Options, request.options, where)
    return method, paths.resolve_options(options, request.base_folder, where)
