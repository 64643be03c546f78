"""What an engine has to do, and what it gets.

An engine executes jobs somewhere: in processes of this machine, on a Ray cluster, by Slurm. A job
is a command that can be executed anywhere and again, the user's own command with ``--job ID``:

    python -m detection.run --preset paper --out /shared/runs --job trained/m3fd-...

It plans again from the kept splits, executes this job, and says how it ended in its exit status.
Which job comes next, retries and messages are those of `fusebench.engines.driver`, the same for
every engine. An engine needs no results: they are in the store.
"""

import sys
from collections.abc import Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from fusebench.engines.jobs import Job


@dataclass(frozen=True)
class JobEnd:
    """How a job ended.

    Attributes:
        status: Exit status of its command (`fusebench.cli_status`); None if the process was lost,
            e.g. killed because memory ran out, or its machine went down.
        reason: Why it was lost, one line; empty where the job's own state says why.
        is_canceled: Whether somebody canceled it, so that it is not tried again.
    """

    status: int | None
    reason: str = ""
    is_canceled: bool = False


@dataclass(frozen=True)
class EngineRequest:
    """What an engine is started with.

    Attributes:
        program: Module whose jobs are executed, e.g. ``detection.run``.
        arguments: The arguments that the user gave to it.
        root: Folder of the store, which every worker has to see at this path.
        device: ``auto``, ``cpu``, ``cuda`` or ``cuda:N``.
    """

    program: str
    arguments: tuple[str, ...]
    root: Path
    device: str

    def build_job_arguments(self, *job_ids: str) -> list[str]:
        """Build the arguments of the command that executes jobs, one after the other."""
        return [*self.arguments, *(part for job_id in job_ids for part in ("--job", job_id))]

    def build_command(self, *job_ids: str) -> list[str]:
        """Build the command that executes jobs, one after the other."""
        return [sys.executable, "-m", self.program, *self.build_job_arguments(*job_ids)]


class Engine(Protocol):
    """One way of executing jobs.

    Attributes:
        name: For messages, e.g. ``2 workers on this machine``.
        capacity: Number of jobs that may be submitted and not ended at the same time.
    """

    name: str
    capacity: int

    def submit(self, jobs: Sequence[Job]) -> list["Future[JobEnd]"]:
        """Start jobs, all of which can be executed now; return their ends, in the same order.

        An engine whose jobs continue without this process keeps them in
        `fusebench.engines.submitted`. A job that is there and still queued or running is adopted,
        not started a second time.
        The futures raise nothing: whatever happens to a job is a `JobEnd`.

        Raises:
            UserError: If the first jobs are refused, e.g. because there is no such partition.
        """

    def close(self, *, interrupted: bool) -> str:
        """End the engine.

        Args:
            interrupted: Jobs may be running. An engine on this machine stops them; one on a
                cluster leaves them.

        Returns:
            A message to the user about jobs that continue; empty if there are none.
        """
