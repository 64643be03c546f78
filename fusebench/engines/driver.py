"""Hands jobs whose inputs exist to an engine, until no job is left that can be executed.

A failed job does not stop the others. It is executed again at most ``retries`` times, unless its
input is wrong: the same input fails again. Jobs that need a failed one are not started. A job that
another process works on is skipped; if that process finishes it in time, jobs that need it start.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, wait
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from typing import Protocol

from fusebench.cli_status import EXIT_FAILED, EXIT_HELD, EXIT_SYSTEM_FAULT, EXIT_WRONG_INPUT
from fusebench.engines.contract import Engine, JobEnd
from fusebench.engines.jobs import Job, Jobs

POLL_SECONDS = 1.0  # between two looks at jobs that other processes hold, and at the display

IsDone = Callable[[Job], bool]


@dataclass
class Summary:
    """How the jobs ended; every job is in exactly one of the lists in the end.

    Attributes:
        done: Finished jobs, also those that another process finished meanwhile.
        failed: Jobs that failed, with the reason.
        held: Jobs that another process works on.
        not_started: Jobs that need one of those, with the ids of the jobs that they wait for.
        has_system_fault: Whether a fault of the machine, e.g. a full disk, stopped the rest.
    """

    done: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    held: list[str] = field(default_factory=list)
    not_started: dict[str, tuple[str, ...]] = field(default_factory=dict)
    has_system_fault: bool = False

    @property
    def exit_status(self) -> int:
        """Exit status of the program."""
        if self.has_system_fault:
            return EXIT_SYSTEM_FAULT
        if self.failed:
            return EXIT_FAILED
        return EXIT_HELD if self.held else 0


class Watcher(Protocol):
    """Gets the events, e.g. to print them."""

    def on_start(self, job: Job, attempt: int) -> None:
        """A job was submitted, for the first, second, ... time."""

    def on_end(self, job: Job, end: JobEnd, *, is_retried: bool) -> str:
        """A job ended; returns the reason if it failed."""

    def on_poll(self, running: Sequence[Job]) -> None:
        """Called about once per second."""


def run_jobs(
    jobs: Jobs, engine: Engine, is_done: IsDone, retries: int, watcher: Watcher
) -> Summary:
    """Execute jobs; returns when none is running and none can be started.

    Args:
        jobs: The jobs to execute. What they need is either among them or finished.
        engine: Executes them.
        is_done: Whether the result of a job exists in the store.
        retries: How often a job that failed or was lost is executed again.
        watcher: Gets the events.
    """
    summary, attempts = Summary(), dict.fromkeys(jobs, 0)
    sorter = TopologicalSorter({id_: set(job.needs) & set(jobs) for id_, job in jobs.items()})
    sorter.prepare()
    ready: list[str] = []
    running: dict[Future[JobEnd], str] = {}
    while True:
        for job_id in [id_ for id_ in summary.held if is_done(jobs[id_])]:
            summary.held.remove(job_id)
            _finish(job_id, sorter, summary)
        ready += sorted(sorter.get_ready(), key=list(jobs).index)
        while ready and not summary.has_system_fault and len(running) < engine.capacity:
            batch, ready = _take_batch(ready, jobs, is_done, engine.capacity - len(running))
            for job_id in batch.finished:
                _finish(job_id, sorter, summary)
            for job_id in batch.to_start:
                attempts[job_id] += 1
                watcher.on_start(jobs[job_id], attempts[job_id])
            if batch.to_start:
                futures = engine.submit([jobs[id_] for id_ in batch.to_start])
                running |= dict(zip(futures, batch.to_start, strict=True))
            ready += sorted(sorter.get_ready(), key=list(jobs).index)
        if not running:
            break
        ended, _ = wait(running, POLL_SECONDS, FIRST_COMPLETED)
        for future in ended:
            job_id, end = running.pop(future), future.result()
            is_retried = _may_retry(end) and attempts[job_id] <= retries
            reason = watcher.on_end(jobs[job_id], end, is_retried=is_retried)
            if is_retried:
                ready.insert(0, job_id)
            else:
                _file_end(job_id, end, reason, sorter, summary)
        watcher.on_poll([jobs[job_id] for job_id in running.values()])
    _list_not_started(jobs, summary)
    return summary


@dataclass(frozen=True)
class _Batch:
    finished: list[str]
    to_start: list[str]


def _take_batch(
    ready: Sequence[str], jobs: Jobs, is_done: IsDone, free: int
) -> tuple[_Batch, list[str]]:
    """Take as many jobs as the engine has room for; those that are done by now need no room."""
    batch, rest = _Batch([], []), list(ready)
    while rest and len(batch.to_start) < free:
        job_id = rest.pop(0)
        (batch.finished if is_done(jobs[job_id]) else batch.to_start).append(job_id)
    return batch, rest


def _may_retry(end: JobEnd) -> bool:
    return not end.is_canceled and end.status not in (
        0,
        EXIT_WRONG_INPUT,
        EXIT_HELD,
        EXIT_SYSTEM_FAULT,
    )


def _file_end(
    job_id: str, end: JobEnd, reason: str, sorter: "TopologicalSorter[str]", summary: Summary
) -> None:
    if end.status == 0:
        _finish(job_id, sorter, summary)
    elif end.status == EXIT_HELD:
        summary.held.append(job_id)
    else:
        summary.failed[job_id] = reason
        summary.has_system_fault |= end.status == EXIT_SYSTEM_FAULT


def _finish(job_id: str, sorter: "TopologicalSorter[str]", summary: Summary) -> None:
    sorter.done(job_id)
    summary.done.append(job_id)


def _list_not_started(jobs: Jobs, summary: Summary) -> None:
    ended = {*summary.done, *summary.failed, *summary.held}
    summary.not_started = {
        job_id: tuple(need for need in job.needs if need in jobs and need not in summary.done)
        for job_id, job in jobs.items()
        if job_id not in ended
    }
