"""Cost of jobs that are left: pure functions on a graph of durations.

A duration is in seconds and may be None, which means unknown. Sums are then those of what is known,
and the number of unknown jobs is stated beside them.
"""

import heapq
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from graphlib import TopologicalSorter

from fusebench.engines.status_table import format_duration

Durations = Mapping[str, float | None]  # by job
Needs = Mapping[str, Sequence[str]]  # job to the jobs that it needs, all of them in the graph


@dataclass(frozen=True)
class Estimate:
    """What the jobs that are left cost.

    Attributes:
        jobs: Number of jobs.
        unknown: How many of them have an unknown duration; they count as 0 seconds below.
        seconds: Sum of the durations.
        critical_path: Duration of the longest chain of jobs that need each other: no number of
            workers is faster.
        makespan: Time that the workers take.
        workers: Number of workers.
        bytes: Size of what will be written; None if nothing is known.
    """

    jobs: int
    unknown: int
    seconds: float
    critical_path: float
    makespan: float
    workers: int
    bytes: int | None


def estimate(
    durations: Durations, needs: Needs, sizes: Mapping[str, int | None], workers: int
) -> Estimate:
    """Estimate the cost of jobs.

    Args:
        durations: Seconds of each job.
        needs: What each job needs; jobs that are not in ``durations`` are done.
        sizes: Bytes that each job writes.
        workers: Number of jobs that are executed at the same time.
    """
    known_sizes = [size for size in sizes.values() if size is not None]
    return Estimate(
        jobs=len(durations),
        unknown=sum(seconds is None for seconds in durations.values()),
        seconds=sum(seconds or 0.0 for seconds in durations.values()),
        critical_path=compute_critical_path(durations, needs),
        makespan=compute_makespan(durations, needs, workers),
        workers=workers,
        bytes=sum(known_sizes) if known_sizes else None,
    )


def compute_critical_path(durations: Durations, needs: Needs) -> float:
    """Compute the duration of the longest chain of jobs that need each other.

    Raises:
        graphlib.CycleError: If jobs need each other in a circle.
    """
    ends: dict[str, float] = {}
    for job in TopologicalSorter(_restrict(needs, durations)).static_order():
        start = max((ends[need] for need in needs.get(job, ()) if need in durations), default=0.0)
        ends[job] = start + (durations[job] or 0.0)
    return max(ends.values(), default=0.0)


def compute_makespan(durations: Durations, needs: Needs, workers: int) -> float:
    """Compute the time that workers take that always start the first job that can be started.

    Raises:
        ValueError: If there is no worker.
        graphlib.CycleError: If jobs need each other in a circle.
    """
    if workers < 1:
        raise ValueError(f"{workers} workers: expected at least 1")
    order = {job: number for number, job in enumerate(durations)}
    sorter = TopologicalSorter(_restrict(needs, durations))
    sorter.prepare()
    ready: list[tuple[int, str]] = []
    running: list[tuple[float, str]] = []  # end and job
    now = 0.0
    while sorter.is_active():
        for job in sorter.get_ready():
            heapq.heappush(ready, (order[job], job))
        while ready and len(running) < workers:
            _, job = heapq.heappop(ready)
            heapq.heappush(running, (now + (durations[job] or 0.0), job))
        now, job = heapq.heappop(running)
        sorter.done(job)
    return now


def _restrict(needs: Needs, durations: Durations) -> dict[str, set[str]]:
    return {job: set(needs.get(job, ())) & set(durations) for job in durations}


def format_estimate(result: Estimate, unit: str) -> str:
    """Format an estimate in one line.

    Args:
        result: The estimate.
        unit: What an hour is one of: ``GPU`` or ``CPU``.
    """
    jobs = f"{result.jobs} job{'' if result.jobs == 1 else 's'} left"
    if result.unknown == result.jobs:
        text = f"{jobs}: unknown duration, because nothing like them is finished"
    else:
        least = "at least " if result.unknown else ""
        parts = [
            f"{least}{format_hours(result.seconds)} {unit} hours",
            f"critical path {format_duration(result.critical_path)}",
            f"{format_duration(result.makespan)} with {result.workers} "
            f"worker{'' if result.workers == 1 else 's'}",
        ]
        if result.unknown:
            parts.append(f"{result.unknown} of unknown duration")
        text = f"{jobs}: {', '.join(parts)}"
    return text if result.bytes is None else f"{text}; disk {format_bytes(result.bytes)}"


def format_hours(seconds: float) -> str:
    """Format seconds as hours with two significant digits below ten."""
    hours = seconds / 3600
    return f"{hours:.2g}" if hours < 10 else f"{hours:.0f}"


def format_bytes(count: int) -> str:
    """Format a number of bytes in MB or GB (powers of 1000)."""
    return f"{count / 1e9:.1f} GB" if count >= 1e9 else f"{count / 1e6:.1f} MB"
