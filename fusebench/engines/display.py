"""Events of jobs in the terminal: a line per event, and one progress bar for all jobs."""

import sys
from collections.abc import Sequence
from pathlib import Path

from tqdm import tqdm

from fusebench.cli_status import EXIT_FAILED, EXIT_HELD
from fusebench.engines import states
from fusebench.engines.contract import JobEnd
from fusebench.engines.driver import Summary
from fusebench.engines.jobs import Job, Jobs
from fusebench.engines.status_table import format_duration
from fusebench.errors import escape_controls
from fusebench.experiments import failures
from fusebench.runtime import printable
from fusebench.storage.store import Store

MAX_NAMED_JOBS = 3  # beside the progress bar


class LostWorkerError(Exception):
    """The process of a job was lost; kept as the failure of the runs that need the job."""


class Display:
    """Prints events and keeps the states of jobs whose process was lost."""

    def __init__(self, jobs: Jobs, store: Store, program: str, device: str) -> None:
        self._store, self._program, self._device = store, program, device
        self._count, self._ended = len(jobs), 0
        self._bar = tqdm(
            total=len(jobs),
            desc="jobs",
            disable=not sys.stderr.isatty(),
            file=sys.stderr,
            dynamic_ncols=True,
        )

    def on_start(self, job: Job, attempt: int) -> None:
        """Print nothing for a first start: with many short jobs the ends are enough."""
        if attempt > 1:
            self._print(f"{job.title}: attempt {attempt}")

    def on_end(self, job: Job, end: JobEnd, *, is_retried: bool) -> str:
        """Print how a job ended; return the reason if it failed."""
        root, reason = self._store.root, end.reason
        part, state = _find_last_part(root, job)
        if end.status is None:
            states.end_job(root, part, "waiting" if is_retried else "failed", reason=reason)
            if not is_retried:
                for run in job.runs:
                    error = LostWorkerError(reason)
                    failures.keep_failure(run, self._store, self._device, self._program, error)
        elif state is not None:
            reason = state.reason
        if not is_retried:
            self._ended += 1
            self._bar.update()
            if end.status not in (0, EXIT_HELD):
                for later in job.parts[job.parts.index(part) + 1 :]:
                    states.end_job(root, later, "not started", reason=f"needs {part.id}")
        title = part.title if end.status != 0 else job.title
        self._print(f"[{self._ended}/{self._count}] {title}: {_describe(end, state, reason)}")
        return reason

    def on_poll(self, running: Sequence[Job]) -> None:
        """Show what is running."""
        titles = [escape_controls(job.title) for job in running[:MAX_NAMED_JOBS]]
        more = [f"{len(running) - len(titles)} more"] if len(running) > len(titles) else []
        self._bar.set_postfix_str(", ".join([*titles, *more]))

    def close(self) -> None:
        """Remove the progress bar."""
        self._bar.close()

    def _print(self, text: str) -> None:
        with tqdm.external_write_mode(file=sys.stdout):
            printable.print_text(text)


def _find_last_part(root: Path, job: Job) -> tuple[Job, states.JobState | None]:
    """Find the part of a job that was started last, and its state."""
    for part in reversed(job.parts):
        state = states.read_state(root, part.id)
        if state is not None and state.state != "waiting":
            return part, state
    return job.parts[0], states.read_state(root, job.parts[0].id)


def _describe(end: JobEnd, state: states.JobState | None, reason: str) -> str:
    if end.status == 0:
        return "done" if state is None else f"done in {format_duration(state.seconds)}"
    if end.status == EXIT_HELD:
        return "skipped, another process works on it"
    log = f" (log: {state.log})" if state is not None and state.log else ""
    if end.status in (None, EXIT_FAILED) or reason:
        return f"failed: {reason or 'see its log'}{log}"
    return f"failed with status {end.status}{log}"


def print_summary(program: str, summary: Summary, jobs: Jobs) -> None:
    """Print which jobs failed, which are held by other processes and which were not started."""
    if summary.failed:
        lines = [f"  {jobs[job_id].title}: {why}" for job_id, why in summary.failed.items()]
        printable.print_message(f"{program}: {len(lines)} failed:\n" + "\n".join(lines))
    if summary.not_started:
        lines = [
            f"  {jobs[job_id].title}, which needs {', '.join(needs) or 'nothing'}"
            for job_id, needs in summary.not_started.items()
        ]
        printable.print_message(f"{program}: {len(lines)} not started:\n" + "\n".join(lines))
    if summary.held:
        names = ", ".join(summary.held)
        printable.print_message(
            f"{program}: skipped, because other processes work on them: {names}; run the same "
            "command again when they have ended"
        )


def write_final_states(summary: Summary, jobs: Jobs, store: Store) -> None:
    """Write the state of the jobs that were not started."""
    for job_id, needs in summary.not_started.items():
        reason = f"needs {', '.join(needs)}" if needs else "the machine has a fault"
        for part in jobs[job_id].parts:
            states.end_job(store.root, part, "not started", reason=reason)
