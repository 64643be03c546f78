"""What a Ray actor does: it checks its machine, and executes job after job in a child process.

The child process is that of a local engine with one worker. So torch is imported once and not for
every job; a DataLoader forks a process without the threads of Ray, which do not survive a fork; and
if the child is killed, e.g. because memory ran out, the actor is there to say so.
"""

import os
import socket
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from typing import NoReturn

from fusebench.cli_status import EXIT_HELD
from fusebench.engines.contract import EngineRequest, JobEnd
from fusebench.engines.jobs import Job
from fusebench.engines.kinds.local import LocalEngine
from fusebench.engines.kinds.resources import GPU_VARIABLE, THREAD_VARIABLES, Share

IDLE_SECONDS = 30.0  # without a job; a worker then ends, because its command is gone
HELD_POLL_SECONDS = 2.0


@dataclass(frozen=True)
class WorkerSettings:
    """What a worker may use, and what its command has set.

    Attributes:
        threads: Number of threads of a computation, and of CPUs that a job may use.
        has_gpu: Whether Ray gives it a GPU, or a share of one, in ``CUDA_VISIBLE_DEVICES``.
        environment: Variables of the command's environment that decide about results.
    """

    threads: int
    has_gpu: bool
    environment: Mapping[str, str]


class JobExecutor:
    """Executes one job at a time; its methods are called in several threads."""

    def __init__(self, request: EngineRequest, settings: WorkerSettings) -> None:
        apply_environment(settings)
        self._engine = LocalEngine(request, 1, [Share((), settings.threads)])
        self._thread = ThreadPoolExecutor(1)
        self._lock = threading.Lock()
        self._job_id, self._running = "", Future[JobEnd]()
        self._running.set_result(JobEnd(0))
        self._is_canceled = False
        self._last_use = time.monotonic()

    def end_process_when_idle(self) -> None:
        """End this process, that of an actor, when it has had no job for `IDLE_SECONDS`."""
        threading.Thread(target=self._exit_when_idle, name="idle", daemon=True).start()

    def execute(self, job_id: str, seconds_to_wait: float) -> JobEnd:
        """Execute a job, or wait for its end if it is being executed.

        Args:
            job_id: The job.
            seconds_to_wait: How long it may wait for a process that holds its folder.

        Raises:
            RuntimeError: If it executes another job.
        """
        with self._lock:
            if self._running.done():
                self._job_id = job_id
                self._running = self._thread.submit(self._execute, job_id, seconds_to_wait)
            elif self._job_id != job_id:
                raise RuntimeError(f"the worker on {socket.gethostname()} has another job")
            running = self._running
        return running.result()

    def _execute(self, job_id: str, seconds_to_wait: float) -> JobEnd:
        job = Job(job_id, job_id.partition("/")[0], ())
        deadline = time.monotonic() + seconds_to_wait
        while True:
            (future,) = self._engine.submit([job])
            end = future.result()
            if end.status != EXIT_HELD or time.monotonic() > deadline:
                break
            time.sleep(HELD_POLL_SECONDS)
        self._last_use = time.monotonic()
        if self._is_canceled:
            return JobEnd(None, "canceled", is_canceled=True)
        return JobEnd(end.status, f"{end.reason} on {socket.gethostname()}" if end.reason else "")

    def get_job(self) -> str:
        """Return the job that is being executed; empty if there is none. A sign of life, too."""
        self._last_use = time.monotonic()
        with self._lock:
            return "" if self._running.done() else self._job_id

    def cancel(self) -> None:
        """Stop the job; it is not executed again."""
        self._is_canceled = True
        self._engine.close(interrupted=True)

    def _exit_when_idle(self) -> NoReturn:
        while True:
            time.sleep(IDLE_SECONDS / 10)
            with self._lock:
                idle_seconds = time.monotonic() - self._last_use
                if self._running.done() and idle_seconds > IDLE_SECONDS:
                    self._engine.close(interrupted=False)
                    os._exit(0)


def apply_environment(settings: WorkerSettings) -> None:
    """Set the environment of this process as if the command had started it."""
    for name in THREAD_VARIABLES:
        os.environ.pop(name, None)  # of whoever started the cluster
    os.environ.update(settings.environment)
    if not settings.has_gpu:
        os.environ[GPU_VARIABLE] = ""


def select_environment(environment: Mapping[str, str]) -> dict[str, str]:
    """Select the variables that a job needs on another machine."""
    names = (*THREAD_VARIABLES, "PYTHONPATH")
    return {name: environment[name] for name in names if name in environment}


def read_version() -> str:
    """Read the version of fusebench that is installed here; empty: it is not installed."""
    try:
        return version("fusebench")
    except PackageNotFoundError:
        return ""
