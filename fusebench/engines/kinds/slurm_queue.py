"""States of submitted jobs, and their cancellation: in Slurm, or as processes of this machine.

squeue is asked once for all jobs, and not sacct: many clusters have no accounting database.
submitit's local executor has no queue; there the number of a job is that of a process.
"""

import os
import re
import signal
import socket
import subprocess
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fusebench.engines.running_engines import read_start_ticks
from fusebench.engines.submitted import SubmittedJob
from fusebench.errors import shorten

SLURM = "slurm"  # address of a job of Slurm; others are ``local/HOST/TICKS``
COMMAND_SECONDS = 60.0
CANCEL_BATCH = 100  # jobs of one scancel
FOLDER_HINT = "; do the nodes see the folder of the results at the same path?"
# States of a job that has ended: https://slurm.schedmd.com/job_state_codes.html
ENDED_STATES = {
    "BOOT_FAIL": "its node did not start",
    "CANCELLED": "it was canceled",
    "COMPLETED": f"it ended without a result{FOLDER_HINT}",
    "DEADLINE": "its deadline was reached",
    "FAILED": f"its process ended without a result{FOLDER_HINT}",
    "NODE_FAIL": "its node failed",
    "OUT_OF_MEMORY": "it used more memory than it was given; see engine.memory",
    "PREEMPTED": "another job took its place",
    "REVOKED": "another cluster executes it",
    "TIMEOUT": "its time limit was reached; see engine.time",
}


@dataclass(frozen=True)
class QueueEntry:
    """A job as the scheduler sees it.

    Attributes:
        state: E.g. ``PENDING``.
        reason: Why it is in this state, e.g. ``Resources``; may be empty.
    """

    state: str
    reason: str = ""

    @property
    def has_ended(self) -> bool:
        """Whether the job will not be executed any more."""
        return self.state in ENDED_STATES


GONE = QueueEntry("GONE")  # the scheduler does not know the job any more


class QueueError(Exception):
    """The scheduler cannot be asked."""


def read_queue(jobs: Sequence[SubmittedJob]) -> Mapping[str, QueueEntry]:
    """Read where jobs are, by number; a job that the scheduler does not know is left out.

    Raises:
        QueueError: If Slurm cannot be asked, or a job is on another machine.
    """
    entries: dict[str, QueueEntry] = {}
    if any(job.address == SLURM for job in jobs):
        entries = parse_queue(_ask_slurm())
    for job in jobs:
        if job.address != SLURM and is_local_process(job):
            entries[job.number] = QueueEntry("RUNNING")
    return entries


def _ask_slurm() -> str:
    # Ended jobs stay for some minutes (MinJobAge). A job array has a line for each job.
    command = ["squeue", "--array", "--states=all", f"--user={os.getuid()}", "--noheader"]
    return _run([*command, "--format=%i|%T|%r"])


def parse_queue(text: str) -> dict[str, QueueEntry]:
    """Parse the lines ``NUMBER|STATE|REASON`` of squeue."""
    entries = {}
    for line in text.splitlines():
        number, _, rest = line.strip().partition("|")
        state, _, reason = rest.partition("|")
        if number and state:
            entries[number] = QueueEntry(state, "" if reason == "None" else reason)
    return entries


def get_name(job: SubmittedJob) -> str:
    """Return the name of a job for people."""
    kind = "Slurm job" if job.address == SLURM else "submitit's process"
    return f"{kind} {job.number}"


def is_reachable(job: SubmittedJob) -> bool:
    """Return whether a job can be asked for here: it is one of Slurm or of this machine."""
    return job.address == SLURM or job.address.split("/")[1:2] == [socket.gethostname()]


def is_local_process(job: SubmittedJob) -> bool:
    """Return whether a job of submitit's local executor runs.

    Raises:
        QueueError: If it was started on another machine.
    """
    _, host, ticks = job.address.split("/") if job.address.count("/") == 2 else ("", "", "")
    if not is_reachable(job):
        raise QueueError(f"it was started on {host or 'an unknown machine'}")
    stat = Path("/proc", job.number, "stat")
    with suppress(OSError):
        if stat.read_text(encoding="ascii", errors="replace").rpartition(")")[2].split()[0] == "Z":
            return False
    return ticks == str(read_start_ticks(int(job.number)) if job.number.isdecimal() else "")


def build_local_address(pid: int) -> str:
    """Build the address of a job of submitit's local executor."""
    return f"local/{socket.gethostname()}/{read_start_ticks(pid)}"


def cancel_jobs(jobs: Sequence[SubmittedJob]) -> Mapping[str, str]:
    """Cancel jobs; return those that could not be canceled, by id, with the reason."""
    reasons: dict[str, str] = {}
    slurm_jobs = [job for job in jobs if job.address == SLURM]
    for start in range(0, len(slurm_jobs), CANCEL_BATCH):
        reasons |= _cancel_in_slurm(slurm_jobs[start : start + CANCEL_BATCH])
    for job in jobs:
        if job.address != SLURM:
            reason = _end_local_process(job)
            reasons |= {job.id: reason} if reason else {}
    return reasons


def _cancel_in_slurm(jobs: Sequence[SubmittedJob]) -> dict[str, str]:
    try:
        _run(["scancel", *(job.number for job in jobs)])
    except QueueError as error:
        message = str(error)
    else:
        return {}
    # scancel goes on after a job that has ended or belongs to somebody else, and names it.
    named = {
        job.id: line
        for job in jobs
        for line in message.splitlines()
        if re.search(rf"\b{re.escape(job.number)}\b", line)
    }
    if not named:
        return {job.id: message for job in jobs}
    ended = ("Invalid job id", "already completing or completed")
    return {id_: line for id_, line in named.items() if not any(end in line for end in ended)}


def _end_local_process(job: SubmittedJob) -> str:
    """End a job of submitit's local executor; return why it was not possible, or nothing."""
    try:
        if is_local_process(job):
            os.kill(int(job.number), signal.SIGTERM)
    except QueueError as error:
        return f"{error}; run `fusebench cancel` there"
    except (ProcessLookupError, PermissionError) as error:
        return "" if isinstance(error, ProcessLookupError) else "it belongs to another user"
    return ""


def _run(command: Sequence[str]) -> str:
    """Run a command of Slurm; return its output.

    Raises:
        QueueError: If it is missing, fails or takes too long.
    """
    try:
        result = subprocess.run(
            command, capture_output=True, text=True, timeout=COMMAND_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        name = type(error).__name__
        raise QueueError(f"{command[0]} cannot be executed here ({name})") from None
    if result.returncode:
        text = result.stderr.strip() or f"status {result.returncode}"
        raise QueueError(shorten(f"{command[0]}: {text}", 2000))
    return result.stdout
