"""Execution of the command of one job in a Slurm job, as a child process.

submitit handles the signal that Slurm sends before the time limit or a preemption: it calls
`JobCommand.checkpoint`, requeues the job and ends the process with `SystemExit`. The command is
another process, so that nothing of this happens in the middle of a training; it is ended with
SIGTERM, and resumes from its own checkpoint when the job starts again.

submitit: https://github.com/facebookincubator/submitit/blob/main/docs/checkpointing.md
"""

import ctypes
import json
import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

from submitit import JobEnvironment
from submitit.helpers import DelayedSubmission

from fusebench.engines.kinds.local_worker import LOG_VARIABLE
from fusebench.engines.kinds.resources import Share
from fusebench.runtime import atomic_write

POLL_SECONDS = 0.2
SECONDS_TO_END = 45.0  # that the command gets after SIGTERM; Slurm's signal comes 90 s before
SECONDS_TO_KILL = 60.0  # after its SIGTERM, Slurm kills within its KillWait, by default 30 s
SET_PARENT_DEATH_SIGNAL = 1  # PR_SET_PDEATHSIG of prctl(2)

_children: list[int] = []  # process of the command, for the handler of a signal


@dataclass(frozen=True)
class JobCommand:
    """The command of a job; submitit calls it on the node.

    Attributes:
        command: The command.
        folder: Where it is executed.
        root: Folder of the store, absolute.
        log: Its output, relative to the store.
        threads: Threads of each of its computations, unless the user has set a number.
    """

    command: tuple[str, ...]
    folder: Path
    root: Path
    log: str
    threads: int

    def __call__(self) -> int:
        """Execute the command; write and return its exit status."""
        environment = JobEnvironment()
        is_local = environment.cluster == "local"
        Share((), self.threads).apply()
        log = self.root / self.log
        log.parent.mkdir(parents=True, exist_ok=True)
        with log.open("ab") as output:
            process = subprocess.Popen(
                self.command,
                cwd=self.folder,
                env={**os.environ, LOG_VARIABLE: self.log},
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=is_local,  # Ctrl-C in the terminal is not meant for it
                preexec_fn=_prepare_local_child if is_local else _prepare_child,
            )
        _children[:] = [process.pid]
        if is_local:
            signal.signal(signal.SIGTERM, _forward_to_child)
        while process.poll() is None:
            time.sleep(POLL_SECONDS)
        status: int = process.returncode
        if not is_local and status in (-signal.SIGTERM, 128 + signal.SIGTERM):
            time.sleep(SECONDS_TO_KILL)  # Slurm cancels, preempts or requeues: no result then
        write_status(self.root, environment.job_id, status)
        return status

    def checkpoint(self) -> DelayedSubmission:
        """End the command, because the job is about to be ended; return what is executed next."""
        end = time.monotonic() + SECONDS_TO_END
        number = signal.SIGTERM
        while _is_running() and _children:
            with suppress(ProcessLookupError):
                os.kill(_children[0], number)
            while _is_running() and time.monotonic() < end:
                time.sleep(POLL_SECONDS)
            number = signal.SIGKILL
        return DelayedSubmission(self)


def get_status_path(root: Path, number: str) -> Path:
    """Return the file of the exit status of a job."""
    return get_submitit_folder(root) / f"{number}_status.json"


def get_submitit_folder(root: Path) -> Path:
    """Return the folder of everything that submitit writes."""
    return root / ".jobs" / "submitit"


def write_status(root: Path, number: str, status: int) -> None:
    """Write the exit status of a job; the engine reads no pickle of submitit."""
    path = get_status_path(root, number)
    atomic_write.write_text_atomically(path, json.dumps({"status": status}))


def read_status(root: Path, number: str) -> int | None:
    """Read the exit status of a job; None if it has not ended, or did not end by itself."""
    try:
        status = json.loads(get_status_path(root, number).read_bytes())["status"]
    except (OSError, ValueError, KeyError, TypeError):
        return None
    return status if isinstance(status, int) else None


def _is_running() -> bool:
    """Return whether the child runs; it is not reaped, so that `Popen` can do that."""
    try:
        options = os.WEXITED | os.WNOHANG | os.WNOWAIT
        return os.waitid(os.P_PID, _children[0], options) is None
    except (ChildProcessError, IndexError):
        return False


def _prepare_child() -> None:
    """Ignore the signal of a checkpoint: Slurm sends it to all processes of the job."""
    signal.signal(signal.SIGUSR2, signal.SIG_IGN)


def _prepare_local_child() -> None:
    """Also end with the parent; Slurm ends all processes of a job itself."""
    _prepare_child()
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(SET_PARENT_DEATH_SIGNAL, signal.SIGTERM)


def _forward_to_child(number: int, frame: FrameType | None) -> None:
    for pid in _children:
        with suppress(ProcessLookupError):
            os.kill(pid, number)
