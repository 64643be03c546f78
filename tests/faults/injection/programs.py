"""Runs of the programs under fault injection, through `tests.faults.injection.fork_server`."""

import json
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

REPOSITORY = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Faults:
    """What is done to a run.

    Attributes:
        time_limit: Seconds after which the run counts as hanging and is killed.
        memory_limit: Bytes of address space; None: no limit.
        file_size_limit: Bytes that a file may have, as ``ulimit -f`` sets it; None: no limit.
        kill_at: Number of the operation on files of its folder at which the process is killed.
        kill_delay: Seconds between that operation and the kill; 0 kills before it.
        environment: Variables that are set.
    """

    time_limit: float = 120
    memory_limit: int | None = None
    file_size_limit: int | None = None
    kill_at: int | None = None
    kill_delay: float = 0
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Outcome:
    """How a run ended.

    Attributes:
        status: Exit status, or minus the number of the signal that ended it.
        stdout: What it printed.
        stderr: What it printed there.
        seconds: Duration.
        peak_megabytes: Peak of its resident memory, in MiB.
        timed_out: It was killed at the time limit.
        operations: Number of operations that changed files of its folder; 0 if it was killed.
        forbidden: Connections that it opened and commands that it started.
    """

    status: int
    stdout: str
    stderr: str
    seconds: float
    peak_megabytes: int
    timed_out: bool
    operations: int
    forbidden: list[str]


class ForkServer:
    """A server process; its children run the programs."""

    def __init__(self, *, heavy: bool) -> None:
        command = [sys.executable, "-m", "tests.faults.injection.fork_server"]
        self._process = subprocess.Popen(
            [*command, *(["--heavy"] if heavy else [])],
            cwd=REPOSITORY,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            encoding="utf-8",
        )

    def run(
        self, module: str, arguments: Sequence[object], folder: Path, faults: Faults | None = None
    ) -> Outcome:
        """Run ``python -m module arguments`` in a folder."""
        request = {
            "module": module,
            "arguments": [str(argument) for argument in arguments],
            "folder": str(folder),
            **vars(faults or Faults()),
        }
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        print(json.dumps(request), file=self._process.stdin, flush=True)
        return Outcome(**json.loads(self._process.stdout.readline()))

    def close(self) -> None:
        """End the server."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.close()
        self._process.wait()
        self._process.stdout.close()
