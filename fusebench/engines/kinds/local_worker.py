"""What happens in a worker process of the local engine: job after job, output into log files."""

import importlib
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fusebench.engines.contract import EngineRequest
from fusebench.engines.kinds.resources import Share
from fusebench.runtime import printable

LOG_VARIABLE = "FUSEBENCH_JOB_LOG"  # tells the job where its output goes


def initialize_worker(share: Share, folder: str) -> None:
    """Restrict this process to its share; let it import the user's own modules."""
    share.apply()
    if folder not in sys.path:
        sys.path.append(folder)


def run_job(request: EngineRequest, job_id: str, log: str) -> int:
    """Execute a job in this process; return the exit status of its command.

    Args:
        request: The program and its arguments.
        job_id: The job.
        log: Its output, relative to the store.
    """
    os.environ[LOG_VARIABLE] = log
    with redirect_output(request.root / log):
        try:
            program = importlib.import_module(request.program)
            status: int = program.main(request.build_job_arguments(job_id))
        except Exception:  # noqa: BLE001 - a bug; the worker goes on with other jobs
            printable.print_traceback()
            return 1
    return status


@contextmanager
def redirect_output(path: Path) -> Iterator[None]:
    """Append stdout and stderr of this process, and of what it starts, to a file."""
    path.parent.mkdir(parents=True, exist_ok=True)
    sys.stdout.flush()
    sys.stderr.flush()
    saved = [os.dup(number) for number in (1, 2)]
    with path.open("ab") as file:
        for number in (1, 2):
            os.dup2(file.fileno(), number)
    try:
        yield
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        for number, copy in zip((1, 2), saved, strict=True):
            os.dup2(copy, number)
            os.close(copy)
