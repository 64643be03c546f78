"""States of jobs: one file per job in ``.jobs/states/`` of the store, for ``fusebench status``.

They are information only: whether a job is done, the store decides. Every process that executes a
job writes its state again and again while it works. How long ago that was is the difference of two
times of the same file system, because the clock of another machine may differ from this one's.
"""

import json
import os
import socket
import tempfile
import threading
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import Literal

from pydantic import ValidationError
from tqdm import tqdm

from fusebench.engines.jobs import Job, Jobs
from fusebench.runtime import atomic_write
from fusebench.storage.records import StoredModel

JOBS_FOLDER = ".jobs"
STATES_FOLDER, LOGS_FOLDER = "states", "logs"  # below it
HEARTBEAT_SECONDS = 5.0
LOST_SECONDS = 60.0  # without a heartbeat: the process is probably gone

StateName = Literal["waiting", "running", "done", "failed", "held", "not started", "interrupted"]


class Progress(StoredModel):
    """Progress bar of a job.

    Attributes:
        title: What is counted.
        done: Finished steps.
        total: All steps; None if that is not known.
        seconds_left: At the present rate; None if that is not known.
    """

    title: str
    done: int
    total: int | None = None
    seconds_left: float | None = None


class JobState(StoredModel):
    """State of a job.

    Attributes:
        id: Id of the job.
        title: What it does.
        state: ``not started`` is a job that needs a failed one; ``held`` is one that another
            process works on.
        attempts: How often it was started.
        host: Machine of the last start; empty before.
        pid: Process of the last start.
        utc_start: Time of the last start, ISO 8601, by the clock of that machine.
        seconds: Time since then; of a finished job, its duration.
        progress: Of a running job.
        reason: Why it is in this state, one line.
        log: Its output: a file, relative to the store; empty if the caller of the job has it.
    """

    id: str
    title: str
    state: StateName = "waiting"
    attempts: int = 0
    host: str = ""
    pid: int = 0
    utc_start: str = ""
    seconds: float = 0.0
    progress: Progress | None = None
    reason: str = ""
    log: str = ""


def write_state(root: Path, state: JobState) -> None:
    """Write the state of a job; errors are ignored, because nothing depends on it."""
    path = _get_state_path(root, state.id)
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        with atomic_write.replace_atomically(path, sync=False) as temporary:
            temporary.write_text(state.model_dump_json(indent=1), encoding="utf-8")


def read_state(root: Path, job_id: str) -> JobState | None:
    """Read the state of a job; None if there is none, or its file is damaged."""
    return _read_state_file(_get_state_path(root, job_id))


def list_states(root: Path) -> list[tuple[JobState, float | None]]:
    """List the states of all jobs, sorted by id, with the seconds since each was written.

    The seconds are None where no file can be created to compare with.
    """
    folder = root / JOBS_FOLDER / STATES_FOLDER
    now = _read_clock_of(folder)
    states = []
    for path in sorted(folder.glob("*/[!.]*.json")):
        with suppress(FileNotFoundError):  # removed a moment ago
            state, written = _read_state_file(path), path.stat().st_mtime
            if state is not None:
                states.append((state, None if now is None else max(0.0, now - written)))
    return states


def remove_state(root: Path, job_id: str) -> None:
    """Remove the state of a job."""
    with suppress(OSError):
        _get_state_path(root, job_id).unlink(missing_ok=True)


def get_log_path(job_id: str) -> str:
    """Return the log of a job, relative to the store."""
    return f"{JOBS_FOLDER}/{LOGS_FOLDER}/{job_id}.log"


@contextmanager
def keep_running(root: Path, job: Job, log: str) -> Iterator[None]:
    """Write the state ``running`` at the start of the block and every few seconds in it.

    Args:
        root: Folder of the store.
        job: The job.
        log: See `JobState`.
    """
    before = read_state(root, job.id)
    state = JobState(
        id=job.id,
        title=job.title,
        state="running",
        attempts=1 if before is None else before.attempts + 1,
        host=socket.gethostname(),
        pid=os.getpid(),
        utc_start=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        log=log,
    )
    write_state(root, state)
    start = time.monotonic()
    stopped = threading.Event()

    def beat() -> None:
        while not stopped.wait(HEARTBEAT_SECONDS):
            seconds = round(time.monotonic() - start, 1)
            write_state(
                root, state.model_copy(update={"seconds": seconds, "progress": read_progress()})
            )

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        stopped.set()
        thread.join()


def end_job(
    root: Path, job: Job, state: StateName, seconds: float | None = None, *, reason: str = ""
) -> None:
    """Write how a job ended; the rest of its state is kept.

    Args:
        root: Folder of the store.
        job: The job.
        state: Its new state.
        seconds: Its duration; None: as it was.
        reason: See `JobState`.
    """
    before = read_state(root, job.id) or JobState(id=job.id, title=job.title)
    values = {"state": state, "reason": reason, "progress": None}
    duration = {} if seconds is None else {"seconds": round(seconds, 3)}
    write_state(root, before.model_copy(update=values | duration))


def start_waiting(root: Path, jobs: Jobs, submitted: Collection[str] = ()) -> None:
    """Write ``waiting`` for every job that no other process executes.

    States of jobs of other commands are removed unless they are running, submitted or done.

    Args:
        root: Folder of the store.
        jobs: The jobs.
        submitted: Ids of jobs that were submitted to a scheduler.
    """
    parts = {part.id: part for job in jobs.values() for part in job.parts}
    running = set()
    for state, age in list_states(root):
        if state.state == "running" and age is not None and age < LOST_SECONDS:
            running.add(state.id)
        elif state.id not in parts and state.id not in submitted and state.state != "done":
            remove_state(root, state.id)
    for part in parts.values():
        if part.id not in running:
            write_state(root, JobState(id=part.id, title=part.title))


def read_progress() -> Progress | None:
    """Read the innermost progress bar of this process; None if there is none."""
    with suppress(AttributeError, RuntimeError):  # a bar is opened or closed at this moment
        bars = sorted(getattr(tqdm, "_instances", ()), key=lambda bar: abs(bar.pos))
        for bar in reversed([bar for bar in bars if not bar.disable]):
            values = bar.format_dict
            done, total, rate = int(values["n"]), values["total"], values["rate"]
            steps = done - int(values["initial"])
            rate = rate or (steps / values["elapsed"] if values["elapsed"] else 0)
            left = (total - done) / rate if total is not None and rate else None
            return Progress(
                title=str(values["prefix"]),
                done=done,
                total=None if total is None else int(total),
                seconds_left=None if left is None else round(left, 1),
            )
    return None


def _get_state_path(root: Path, job_id: str) -> Path:
    return root / JOBS_FOLDER / STATES_FOLDER / f"{job_id}.json"


def _read_state_file(path: Path) -> JobState | None:
    try:
        return JobState.model_validate(json.loads(path.read_bytes()))
    except (OSError, ValueError, ValidationError):
        return None


def _read_clock_of(folder: Path) -> float | None:
    """Return the time that the file system of a folder gives to a file that is written now."""
    try:
        with tempfile.NamedTemporaryFile(dir=folder, prefix=".clock-") as file:
            file.write(b"0")
            file.flush()
            os.fsync(file.fileno())
            return os.fstat(file.fileno()).st_mtime
    except OSError:
        return None
