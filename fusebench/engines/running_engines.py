"""Engines that execute jobs of a store now: one file each in ``.jobs/engines/``."""

import os
import shlex
import signal
import socket
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from datetime import datetime, timezone
from pathlib import Path

from pydantic import ValidationError

from fusebench.engines.states import JOBS_FOLDER
from fusebench.runtime import atomic_write
from fusebench.storage.records import StoredModel

ENGINES_FOLDER = "engines"


class RunningEngine(StoredModel):
    """An engine and the process that hands jobs to it.

    Attributes:
        name: E.g. ``2 workers on this machine``.
        host: Machine of the process.
        pid: Number of the process.
        start_ticks: Its start in ticks since the machine was started, so that another process
            with the same number is not taken for it; None where that is not known.
        utc_start: Time of its start, ISO 8601.
        command: What the user typed, without the program.
    """

    name: str
    host: str
    pid: int
    start_ticks: int | None
    utc_start: str
    command: str

    @property
    def is_on_this_machine(self) -> bool:
        """Whether the process is or was on this machine."""
        return self.host == socket.gethostname()

    @property
    def is_alive(self) -> bool:
        """Whether the process runs; always true for one on another machine."""
        if not self.is_on_this_machine:
            return True
        return _is_process(self.pid) and read_start_ticks(self.pid) == self.start_ticks


@contextmanager
def register_engine(root: Path, name: str, arguments: Sequence[str]) -> Iterator[None]:
    """Keep the file of an engine while the block is executed."""
    pid, host = os.getpid(), socket.gethostname()
    engine = RunningEngine(
        name=name,
        host=host,
        pid=pid,
        start_ticks=read_start_ticks(pid),
        utc_start=datetime.now(timezone.utc).isoformat(timespec="seconds"),
        command=shlex.join(arguments),
    )
    path = root / JOBS_FOLDER / ENGINES_FOLDER / f"{host}-{pid}.json"
    with suppress(OSError):
        path.parent.mkdir(parents=True, exist_ok=True)
        atomic_write.write_text_atomically(path, engine.model_dump_json(indent=1))
    try:
        yield
    finally:
        with suppress(OSError):
            path.unlink(missing_ok=True)


def list_engines(root: Path) -> list[RunningEngine]:
    """List the engines of a store; files that killed ones have left are removed."""
    engines = []
    for path in sorted((root / JOBS_FOLDER / ENGINES_FOLDER).glob("[!.]*.json")):
        with suppress(OSError, ValidationError):
            engine = RunningEngine.model_validate_json(path.read_bytes())
            if engine.is_alive:
                engines.append(engine)
            else:
                path.unlink(missing_ok=True)
    return engines


def stop_engine(engine: RunningEngine) -> bool:
    """Ask an engine on this machine to stop its jobs; return whether it was asked."""
    if not engine.is_on_this_machine or not engine.is_alive:
        return False
    with suppress(ProcessLookupError, PermissionError):
        os.kill(engine.pid, signal.SIGTERM)
        return True
    return False


def read_start_ticks(pid: int) -> int | None:
    """Read the start of a process in ticks since the machine was started."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="ascii", errors="replace")
        return int(text.rpartition(")")[2].split()[19])
    except (OSError, ValueError, IndexError):
        return None


def _is_process(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # it belongs to another user
        return True
    return True
