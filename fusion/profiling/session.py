"""One call of the profiler: count all requests, then measure one after the other."""

import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import NoReturn

from tqdm import tqdm

from fusebench import cli
from fusebench.errors import NotEnoughMemoryError, UserError
from fusebench.runtime import printable, progress
from fusion.profiling import files, measurement, new_process, operation_counts
from fusion.profiling.files import CostRow
from fusion.profiling.measurement import FusionCost, MeasuredCost
from fusion.profiling.operation_counts import OperationCounts
from fusion.profiling.request import TILE, ProfileRequest, RunLimits, TimingOptions

MIN_SECONDS = 15.0  # for measurements, however long counting took on a busy machine


@dataclass(frozen=True)
class ProfileSettings:
    """How the methods are measured.

    Attributes:
        device: ``auto``, ``cpu``, ``cuda``, ...
        threads: CPU threads of torch.
        limits: When the runs of a method at a size end; None: nothing is timed.
        deadline: Time of the monotonic clock at which all measurements end, but `MIN_SECONDS`
            after their start at the earliest; or None.
        uses_tiles: Measure a network in tiles where the whole image does not fit into memory.
        store: Folder of the store in which profiles are saved; or None.
    """

    device: str
    threads: int
    limits: RunLimits | None
    deadline: float | None = None
    uses_tiles: bool = False
    store: Path | None = None


def profile_requests(
    requests: Sequence[ProfileRequest], settings: ProfileSettings, rows: list[CostRow]
) -> None:
    """Count all requests, then measure them; those with the fewest operations first.

    Args:
        requests: Methods and sizes.
        settings: How they are measured.
        rows: The results are appended one by one, so that an interrupt loses none; they are in the
            order of the requests at the end.

    Raises:
        UserError: If weights or the device are wrong; nothing is measured then.
    """
    device, counts = _count_requests(requests, settings.device)
    timing = TimingOptions(device, settings.threads, settings.limits or RunLimits(0, 0, 0))
    if settings.limits is None:
        rows += [
            CostRow(request, timing, count, MeasuredCost())
            for request, count in zip(requests, counts, strict=True)
        ]
        return
    if settings.deadline is not None:
        deadline = max(settings.deadline, time.monotonic() + MIN_SECONDS)
        settings = replace(settings, deadline=deadline)
    # In a limited time as many methods as possible are measured.
    pairs = sorted(
        zip(requests, counts, strict=True),
        key=lambda pair: (pair[0].width * pair[0].height, pair[1].macs or 0),
    )
    order = {(r.source, r.width, r.height): index for index, r in enumerate(requests)}
    try:
        with progress.open_bar(len(pairs)) as bar:
            for index, (request, count) in enumerate(pairs):
                limits = _share_time(settings, len(pairs) - index)
                row = CostRow(request, replace(timing, limits=limits), count, MeasuredCost())
                _measure_and_report(row, settings, rows, bar)
                bar.update()
    finally:
        rows.sort(key=lambda row: order[row.request.source, row.request.width, row.request.height])


def _count_requests(
    requests: Sequence[ProfileRequest], device: str
) -> tuple[str, list[OperationCounts]]:
    """Select the device and count the operations of all requests, in new processes."""
    counts = []
    with progress.open_bar(len(requests)) as bar:
        refresh = partial(bar.update, 0)
        bar.set_description_str("count operations")
        if device != "cpu":  # torch is imported to look for a GPU
            device = new_process.call(cli.resolve_device, device, on_wait=refresh)
        for count in new_process.iterate_results(
            operation_counts.iterate_counts, requests, on_wait=refresh
        ):
            counts.append(count)
            bar.update()
    return device, counts


def _share_time(settings: ProfileSettings, remaining: int) -> RunLimits:
    """Return the limits of the next measurement, which leaves time for the remaining ones."""
    assert settings.limits is not None
    if settings.deadline is None:
        return settings.limits
    share = (settings.deadline - time.monotonic()) / remaining
    return replace(settings.limits, seconds=min(settings.limits.seconds, share))


def _measure_and_report(
    row: CostRow, settings: ProfileSettings, rows: list[CostRow], bar: "tqdm[NoReturn]"
) -> None:
    """Measure one row and append it to ``rows``; if that fails, print why and append the reason."""
    reason = "failed: its traceback was printed"

    def work() -> None:
        nonlocal reason
        try:
            _measure_with_tiles(row, settings, rows, bar)
        except Exception as error:
            bar.clear()
            if isinstance(error, UserError):
                reason = str(error)
            raise

    if not cli.run_and_report(row.request.label, work):
        rows.append(replace(row, reason=reason))


def _measure_with_tiles(
    row: CostRow, settings: ProfileSettings, rows: list[CostRow], bar: "tqdm[NoReturn]"
) -> None:
    """Measure one row; in tiles if the settings allow them and the whole image does not fit."""
    try:
        _measure(row, settings, rows, bar)
    except NotEnoughMemoryError as error:
        tiled = row.request.build_tiled() if settings.uses_tiles else None
        if tiled is None:
            raise
        bar.clear()
        printable.print_message(f"{row.request.label}: {error}; measured with tile: {TILE}")
        counts = new_process.call(operation_counts.count_operations, tiled)
        _measure(replace(row, request=tiled, counts=counts), settings, rows, bar)


def _measure(
    row: CostRow, settings: ProfileSettings, rows: list[CostRow], bar: "tqdm[NoReturn]"
) -> None:
    """Measure one row, save its profile and append it to ``rows``; also after an interrupt."""
    costs: list[FusionCost] = []

    def record() -> None:
        measured = replace(row, cost=measurement.summarize(costs))
        if settings.store is not None:
            files.store_profile(settings.store, measured)
        rows.append(measured)  # last: a row that cannot be saved is reported instead

    bar.set_description_str(row.request.label, refresh=False)
    try:
        for cost in measurement.measure_fusions(
            row.request, row.timing, settings.deadline, partial(bar.update, 0)
        ):
            costs.append(cost)
            bar.set_postfix_str(f"{len(costs)} fused", refresh=False)
            bar.update(0)
    except KeyboardInterrupt:
        if costs:
            record()
        raise
    record()
