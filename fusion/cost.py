"""What one fusion method costs at one image size: counted without running it, and measured."""

import time
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from multiprocessing import get_context
from statistics import median
from typing import Any

import numpy as np

from bench import plugins
from bench.errors import BenchError
from fusion import inference, memory


@dataclass(frozen=True)
class Asked:
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
class How:
    """How it is timed."""

    device: str
    runs: int
    threads: int | None


@dataclass(frozen=True)
class Counts:
    """Of one pair; None where there is nothing to count.

    Attributes:
        parameters: All of them.
        macs: Multiply-accumulates.
        printed_parameters: Millions, as the method's paper counts.
        printed_macs: Billions, as the method's paper counts.
    """

    parameters: int = 0
    macs: int | None = None
    printed_parameters: float | None = None
    printed_macs: float | None = None


@dataclass(frozen=True)
class Cost:
    """Of one pair; None where nothing was run.

    Attributes:
        seconds: Median.
        least: Seconds.
        most: Seconds.
        memory: Peak, in bytes.
    """

    seconds: float | None = None
    least: float | None = None
    most: float | None = None
    memory: int | None = None


def counted(asked: Asked) -> Counts:
    """Count a method's network, on no device.

    Raises:
        BenchError: If the options or the weights are wrong.
    """
    plugin, options = _found(asked)
    if not hasattr(plugin, "network"):
        return Counts()
    from fusion import counting

    network = plugin.network(options, "meta")
    frame: inference.Frame = options.frame  # every method with a network has one
    height, width = inference.sides(asked.height, asked.width, frame.padding)
    tile = frame.tile or max(height, width)
    pieces = [len(inference.pieces(side, tile, frame.overlap)) for side in (height, width)]
    once = counting.pair(network, min(tile, height), min(tile, width))
    printed = counting.as_printed(network, height, width)
    return Counts(
        parameters=counting.parameters(network),
        macs=pieces[0] * pieces[1] * once.macs,
        printed_parameters=printed.parameters,
        printed_macs=printed.macs,
    )


def measured(asked: Asked, how: How) -> Cost:
    """Load a method and fuse random images of one size, in this process, which should be fresh.

    Raises:
        BenchError: If the method cannot be loaded or cannot fuse this size.
    """
    import torch

    if how.threads is not None:
        torch.set_num_threads(how.threads)
    plugin, options = _found(asked)
    on_gpu = how.device != "cpu" and hasattr(plugin, "network")
    random, shape = np.random.default_rng(0), (asked.height, asked.width)
    infrared, visible = (random.integers(0, 256, s, np.uint8) for s in (shape, (*shape, 3)))
    loaded = []

    def first() -> None:
        loaded.append(plugin.load(options, how.device))
        loaded[0](infrared, visible)

    before, peak = memory.peak_of(first)
    seconds = []
    for _ in range(how.runs):
        start = time.perf_counter()
        loaded[0](infrared, visible)
        seconds.append(time.perf_counter() - start)
    taken = torch.cuda.max_memory_allocated(how.device) if on_gpu else peak - before
    return Cost(median(seconds), min(seconds), max(seconds), taken)


def alone(asked: Asked, how: How) -> Cost:
    """`measured` in a process of its own.

    Raises:
        BenchError: As there, or if the process is killed.
    """
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as process:
        try:
            return process.submit(measured, asked, how).result()
        except MemoryError:
            why = "the memory does not suffice"
        except BrokenProcessPool:
            why = "its process was killed, most likely for want of memory"
    raise BenchError(f"{why}; try a smaller --size, or the option tile")


def _found(asked: Asked) -> tuple[Any, Any]:
    plugin = plugins.find("fusion.methods", asked.method)
    return plugin, plugins.options(plugin, asked.options, f"{asked.source}: options")
