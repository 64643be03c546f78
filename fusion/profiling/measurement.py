"""Time and memory of one fusion method at one image size, measured in a process of its own."""

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from statistics import median

import numpy as np

from fusebench.contracts import FusionFunction
from fusebench.errors import UserError
from fusebench.runtime.memory.allocator import keep_freed_memory
from fusion.profiling import new_process, peak_memory
from fusion.profiling.request import ProfileRequest, TimingOptions


@dataclass(frozen=True)
class FusionCost:
    """Cost of one fusion.

    Attributes:
        seconds: Elapsed time.
        processor_seconds: Time of all cores together, in the process and in the kernel; None on
            a GPU.
        peak_memory_bytes: Peak until now: on the CPU above the size of the process before the
            weights were read, on a GPU all that torch allocated.
    """

    seconds: float
    processor_seconds: float | None
    peak_memory_bytes: int


@dataclass(frozen=True)
class MeasuredCost:
    """Time and memory of one pair; None where nothing was measured.

    Attributes:
        median_seconds: Elapsed time.
        min_seconds: The same.
        max_seconds: The same.
        peak_memory_bytes: See `FusionCost`.
        processor_seconds: Median; see `FusionCost`.
        repetitions: Number of runs.
        has_warm_up: Whether another fusion was made before these runs.
    """

    median_seconds: float | None = None
    min_seconds: float | None = None
    max_seconds: float | None = None
    peak_memory_bytes: int | None = None
    processor_seconds: float | None = None
    repetitions: int = 0
    has_warm_up: bool = True


def iterate_fusions(request: ProfileRequest, timing: TimingOptions) -> Iterator[FusionCost]:
    """Load a method and fuse random images in the current process, which should be a new one.

    Yields:
        The cost of every fusion, until the limits are reached.

    Raises:
        UserError: If the method cannot be loaded or cannot fuse this size.
    """
    import torch

    if timing.threads is not None:
        torch.set_num_threads(timing.threads)
    plugin, options = request.load_method()
    uses_gpu = timing.device != "cpu" and plugin.load_network is not None
    rng, shape = np.random.default_rng(0), (request.height, request.width)
    infrared, visible = (rng.integers(0, 256, s, np.uint8) for s in (shape, (*shape, 3)))
    loaded: list[FusionFunction] = []
    times: list[tuple[float, float]] = []

    def fuse() -> None:
        if not loaded:
            loaded.append(plugin.load(options, timing.device))
        start = time.perf_counter(), time.process_time()
        loaded[0](infrared, visible)
        times.append((time.perf_counter() - start[0], time.process_time() - start[1]))

    with keep_freed_memory():  # as where images are fused for a run
        before, peak = peak_memory.measure_peak_memory(fuse)
        while True:
            memory = torch.cuda.max_memory_allocated(timing.device) if uses_gpu else peak - before
            seconds, processor_seconds = times[-1]
            yield FusionCost(seconds, None if uses_gpu else processor_seconds, memory)
            if timing.limits.is_reached([elapsed for elapsed, _ in times]):
                return
            peak = max(peak, peak_memory.measure_peak_memory(fuse)[1])


def measure_fusions(
    request: ProfileRequest,
    timing: TimingOptions,
    deadline: float | None,
    on_wait: Callable[[], object],
) -> Iterator[FusionCost]:
    """Run `iterate_fusions` in a new process.

    Args:
        request: Method and size.
        timing: Device, threads and number of runs.
        deadline: Time of the monotonic clock after which the process is ended; or None.
        on_wait: Called several times a second.

    Raises:
        UserError: See `iterate_fusions`; or if the first fusion does not end before the deadline.
        NotEnoughMemoryError: If memory runs out.
    """
    start = time.monotonic()
    count = 0
    for cost in new_process.iterate_results(
        iterate_fusions, request, timing, deadline=deadline, on_wait=on_wait
    ):
        count += 1
        yield cost
    if not count:
        seconds = time.monotonic() - start
        raise UserError(
            f"not measured: one fusion takes longer than the {seconds:.0f} s that were left for "
            f"it; without a limit: --source {request.source} --size "
            f"{request.width}x{request.height} --runs 1, or --thorough"
        )


def summarize(costs: Sequence[FusionCost]) -> MeasuredCost:
    """Summarize all fusions of a method; the first one is the warm-up if there are others."""
    runs = costs[1:] or costs
    seconds = [run.seconds for run in runs]
    processor = [run.processor_seconds for run in runs if run.processor_seconds is not None]
    return MeasuredCost(
        median(seconds),
        min(seconds),
        max(seconds),
        costs[-1].peak_memory_bytes,
        median(processor) if processor else None,
        len(runs),
        len(costs) > 1,
    )
