"""The Slurm engine: jobs are submitted by submitit, several at once as a job array.

They continue when the command that submitted them has ended; the same command adopts them. Whether
a job has ended is a file in the store; squeue is asked now and then for jobs that never wrote one.

submitit: https://github.com/facebookincubator/submitit
"""

import shlex
import threading
import time
from collections.abc import Sequence
from concurrent.futures import Future
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from submitit import Job as SubmititJob
from submitit.core.utils import JobPaths

from fusebench.config.engine_settings import SlurmEngineSettings
from fusebench.engines import states, submitted
from fusebench.engines.contract import EngineRequest, JobEnd
from fusebench.engines.jobs import Job
from fusebench.engines.kinds import slurm_job, slurm_queue
from fusebench.engines.kinds.process_end import describe_process_end
from fusebench.engines.kinds.slurm_job import JobCommand
from fusebench.engines.kinds.slurm_queue import GONE, SLURM, QueueEntry, QueueError
from fusebench.engines.kinds.slurm_submission import defer_interrupts, submit_commands
from fusebench.engines.submitted import SubmittedJob
from fusebench.errors import UserError

KIND = "slurm"
LOOK_SECONDS = 1.0  # between two looks at the files of the jobs
QUEUE_SECONDS = 30.0  # between two questions to Slurm
GRACE_SECONDS = {SLURM: 60.0, "local": 2.0}  # until the file of an ended job is surely visible
MAX_NAMED_JOBS = 5


@dataclass
class _Pending:
    """A submitted job.

    Attributes:
        job: The job in the scheduler.
        future: Its end.
        ended: When its end was noticed without a file about it; None: it is not known to have
            ended.
        entry: What the scheduler said then.
    """

    job: SubmittedJob
    future: "Future[JobEnd]" = field(default_factory=Future)
    ended: float | None = None
    entry: QueueEntry = GONE


class SlurmEngine:
    """Engine of Slurm jobs; see `fusebench.engines.contract.Engine`."""

    def __init__(
        self, settings: SlurmEngineSettings, request: EngineRequest, capacity: int
    ) -> None:
        is_local = settings.cluster == "local"
        self._place = "submitit on this machine" if is_local else "Slurm"
        self.name = f"{self._place}, at most {capacity} at once"
        self.capacity = capacity
        self._settings, self._request = settings, request
        self._root = request.root.absolute()
        self._pending: list[_Pending] = []
        self._processes: list[SubmititJob[int]] = []  # of the local executor, to be reaped
        self._has_submitted = False
        self._lock, self._stopped = threading.Lock(), threading.Event()
        self._last_question = time.monotonic()
        self._watcher = threading.Thread(target=self._watch, name="slurm watcher", daemon=True)
        self._watcher.start()

    def submit(self, jobs: Sequence[Job]) -> list["Future[JobEnd]"]:
        """Submit jobs, except those that an earlier command submitted."""
        adopted = self._find_adoptable(jobs)
        ends = {job_id: self._add(job) for job_id, job in adopted.items()}
        new = [job for job in jobs if job.id not in adopted]
        try:
            with defer_interrupts():
                ends |= {job.id: self._add(job) for job in self._submit_new(new)}
        except Exception as error:  # noqa: BLE001 - submitit raises several types
            if not self._has_submitted:
                raise UserError(f"engine {KIND}: {_describe_refusal(error)}") from None
            ends |= {job.id: _build_refused(error) for job in new}
        self._has_submitted = True
        return [ends[job.id] for job in jobs]

    def close(self, *, interrupted: bool) -> str:
        """Stop watching; submitted jobs continue."""
        self._stopped.set()
        self._watcher.join()
        if not interrupted or not self._pending:
            return ""
        numbers = [pending.job.number for pending in self._pending]
        names = ", ".join(numbers[:MAX_NAMED_JOBS])
        names += (
            f" and {len(numbers) - MAX_NAMED_JOBS} more" if len(numbers) > MAX_NAMED_JOBS else ""
        )
        out = shlex.quote(str(self._request.root))
        verb = "jobs continue" if len(numbers) > 1 else "job continues"
        return (
            f"{len(numbers)} {verb} in {self._place} ({names}). "
            f"See them: `fusebench status --out {out}`; cancel them: `fusebench cancel --out "
            f"{out}`; the same command adopts them"
        )

    def _find_adoptable(self, jobs: Sequence[Job]) -> dict[str, SubmittedJob]:
        """Find the jobs that an earlier command submitted and that have not ended."""
        earlier = [submitted.read_submitted(self._root, job.id) for job in jobs]
        reachable = [
            job
            for job in earlier
            if job is not None and job.kind == KIND and slurm_queue.is_reachable(job)
        ]
        if not reachable:
            return {}
        try:
            entries = slurm_queue.read_queue(reachable)
        except QueueError:
            return {job.id: job for job in reachable}  # asking twice is better than starting twice
        return {
            job.id: job
            for job in reachable
            if slurm_job.read_status(self._root, job.number) is None
            and job.number in entries
            and not entries[job.number].has_ended
        }

    def _submit_new(self, jobs: Sequence[Job]) -> list[SubmittedJob]:
        if not jobs:
            return []
        folder = slurm_job.get_submitit_folder(self._root)
        folder.mkdir(parents=True, exist_ok=True)
        commands = [self._build_command(job) for job in jobs]
        submissions = submit_commands(commands, folder, self._settings, self._request.device)
        result = []
        for job, submission in zip(jobs, submissions, strict=True):
            address = SLURM
            if self._settings.cluster == "local":
                address = slurm_queue.build_local_address(int(submission.job_id))
                self._processes.append(submission)
            result.append(
                SubmittedJob(id=job.id, kind=KIND, number=submission.job_id, address=address)
            )
            submitted.write_submitted(self._root, result[-1])
        return result

    def _build_command(self, job: Job) -> JobCommand:
        command = tuple(self._request.build_command(*(part.id for part in job.parts)))
        log = states.get_log_path(job.id)
        return JobCommand(command, Path.cwd(), self._root, log, self._settings.cpus_per_run)

    def _add(self, job: SubmittedJob) -> "Future[JobEnd]":
        pending = _Pending(job)
        with self._lock:
            self._pending.append(pending)
        return pending.future

    def _watch(self) -> None:
        while not self._stopped.wait(LOOK_SECONDS):
            with self._lock:
                pending_jobs = list(self._pending)
            self._ask_scheduler(pending_jobs)
            for pending in pending_jobs:
                end = self._find_end(pending)
                if end is not None:
                    submitted.remove_submitted(self._root, pending.job)
                    with self._lock:
                        self._pending.remove(pending)
                    pending.future.set_result(end)

    def _ask_scheduler(self, pending_jobs: Sequence[_Pending]) -> None:
        """Note which jobs have ended; Slurm is asked now and then, processes can be each time."""
        now = time.monotonic()
        is_local = self._settings.cluster == "local"
        if not pending_jobs or (not is_local and now - self._last_question < QUEUE_SECONDS):
            return
        self._last_question = now
        try:
            entries = slurm_queue.read_queue([pending.job for pending in pending_jobs])
        except QueueError:  # e.g. the controller is restarted: nothing is known
            return
        for process in self._processes:
            process.done()  # reaps it
        for pending in pending_jobs:
            entry = entries.get(pending.job.number, GONE)
            if entry is not GONE and not entry.has_ended:
                pending.ended = None  # it was requeued
            elif pending.ended is None:
                pending.ended, pending.entry = now, entry

    def _find_end(self, pending: _Pending) -> JobEnd | None:
        """Return how a job ended; None if it has not."""
        number = pending.job.number
        status = slurm_job.read_status(self._root, number)
        is_canceled = submitted.is_removed(self._root, pending.job.id)
        if status is not None and status >= 0:
            return JobEnd(status, is_canceled=is_canceled)
        if status is not None:
            return JobEnd(None, describe_process_end("its process", status), is_canceled)
        grace = GRACE_SECONDS[self._settings.cluster]
        if pending.ended is None or time.monotonic() - pending.ended < grace:
            return None
        return JobEnd(
            None,
            f"{slurm_queue.get_name(pending.job)}: {self._explain_loss(pending)}",
            is_canceled or pending.entry.state == "CANCELLED",
        )

    def _explain_loss(self, pending: _Pending) -> str:
        entry = pending.entry
        text = "it has gone" if entry is GONE else slurm_queue.ENDED_STATES[entry.state]
        text = text if entry is GONE else f"{entry.state}, {text}"
        folder = slurm_job.get_submitit_folder(self._root)
        log = JobPaths(folder, pending.job.number).stderr
        with suppress(OSError):  # the file system may be what failed
            return f"{text} (see {log})" if log.exists() else text
        return text


def _build_refused(error: Exception) -> "Future[JobEnd]":
    future: Future[JobEnd] = Future()
    future.set_result(JobEnd(None, _describe_refusal(error)))
    return future


def _describe_refusal(error: Exception) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    text = "; ".join(lines) or type(error).__name__
    hint = "; without GPUs, add `--device cpu` or set gpus_per_run: 0" if "gres" in text else ""
    return f"the jobs were refused: {text}{hint}"
