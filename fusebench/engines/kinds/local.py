"""The local engine: worker processes on this machine, each with its share of cores and a GPU.

A worker executes one job after the other, so that torch is imported once per worker. It is a
process pool of one process: if it dies, no other worker is affected, and it is replaced.
"""

from collections.abc import Sequence
from concurrent.futures import Future, ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from functools import partial
from multiprocessing.process import BaseProcess
from pathlib import Path

from fusebench.engines import states
from fusebench.engines.contract import EngineRequest, JobEnd
from fusebench.engines.jobs import Job
from fusebench.engines.kinds import local_worker
from fusebench.engines.kinds.process_end import describe_process_end
from fusebench.engines.kinds.resources import Share, divide_machine
from fusebench.runtime import process_pool

SECONDS_TO_END = 5.0  # that a worker gets between SIGTERM and SIGKILL


class LocalEngine:
    """Engine of worker processes; see `fusebench.engines.contract.Engine`."""

    def __init__(
        self, request: EngineRequest, workers: int, shares: Sequence[Share] | None = None
    ) -> None:
        """Create it; a process is started with its first job.

        Args:
            request: What is executed.
            workers: Number of processes.
            shares: What each of them uses; None: this machine is divided.
        """
        self.name = f"{workers} worker{'s' if workers > 1 else ''} on this machine"
        self.capacity = workers
        self._request = request
        shares = divide_machine(workers, request.device) if shares is None else shares
        self._idle = [_Worker(share) for share in shares]
        self._busy: list[_Worker] = []

    def submit(self, jobs: Sequence[Job]) -> list["Future[JobEnd]"]:
        """Give each job to an idle worker; there are never more jobs than those."""
        return [self._start(job) for job in jobs]

    def _start(self, job: Job) -> "Future[JobEnd]":
        worker = self._idle.pop(0)
        self._busy.append(worker)
        result: Future[JobEnd] = Future()

        def end(running: "Future[int]") -> None:
            job_end = worker.describe_end(running)
            self._busy.remove(worker)
            self._idle.insert(0, worker)  # it has what the next job imports
            result.set_result(job_end)

        log = states.get_log_path(job.id)
        worker.start_job(self._request, job.id, log).add_done_callback(end)
        return result

    def close(self, *, interrupted: bool) -> str:
        """Stop all workers; what they were doing is resumed by the same command."""
        processes = [process for worker in (*self._idle, *self._busy) for process in worker.stop()]
        for process in processes:
            process.join(SECONDS_TO_END)
            if process.exitcode is None:
                process.kill()
        return ""


class _Worker:
    """One worker process, started with its first job and again after it died."""

    def __init__(self, share: Share) -> None:
        self._share = share
        self._pool: ProcessPoolExecutor | None = None
        self._process: BaseProcess | None = None

    def start_job(self, request: EngineRequest, job_id: str, log: str) -> "Future[int]":
        if self._pool is None:
            folder = str(Path.cwd())
            initializer = partial(local_worker.initialize_worker, self._share, folder)
            self._pool = process_pool.start_pool(1, initializer)
            (self._process,) = process_pool.list_workers(self._pool)
        try:
            return self._pool.submit(local_worker.run_job, request, job_id, log)
        except BrokenProcessPool:  # it died while it was idle
            self._drop()
            return self.start_job(request, job_id, log)

    def describe_end(self, running: "Future[int]") -> JobEnd:
        """Describe how a job ended; a process that died is dropped."""
        if running.cancelled():
            return JobEnd(None, "stopped")
        error = running.exception()
        if error is None:
            return JobEnd(running.result())
        reason = self._describe_death()
        self._drop()
        return JobEnd(None, reason)

    def _describe_death(self) -> str:
        process = self._process
        if process is None:
            return "the worker process ended"
        process.join(SECONDS_TO_END)
        return describe_process_end(f"worker process {process.pid}", process.exitcode)

    def _drop(self) -> None:
        if self._pool is not None:
            self._pool.shutdown(wait=False, cancel_futures=True)
        self._pool = self._process = None

    def stop(self) -> list[BaseProcess]:
        """Ask the process to end; return it, if there is one."""
        pool, process = self._pool, self._process  # its death is noticed in another thread
        if pool is not None:
            process_pool.kill_pool(pool)
        return [] if process is None else [process]
