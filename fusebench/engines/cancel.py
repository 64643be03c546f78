"""Stop the jobs of a store, also those that a scheduler has; the same command resumes them.

python -m fusebench.engines.cancel               jobs of runs/
python -m fusebench.engines.cancel --out DIR     of another folder of results

Exit status: 0 if they were asked to stop, 1 if some cannot be stopped here, 2 if there are none.
"""

import shlex
import time
from collections.abc import Sequence
from pathlib import Path

from fusebench.cli_status import EXIT_FAILED, report_error
from fusebench.engines import running_engines, submitted
from fusebench.engines.kinds import factory
from fusebench.engines.status import build_parser
from fusebench.engines.submitted import SubmittedJob
from fusebench.errors import UserError
from fusebench.runtime import printable
from fusebench.runtime.program import run_program

PROGRAM = "fusebench.engines.cancel"
SECONDS_TO_END = 20.0  # that an engine on this machine gets


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = build_parser(PROGRAM, __doc__ or "", watch=False).parse_args(argv)
    engines, jobs = running_engines.list_engines(args.out), submitted.list_submitted(args.out)
    if not engines and not jobs:
        return report_error("fusebench cancel", UserError(f"{args.out}: no jobs are running"))
    status = 0
    for engine in engines:
        where = f"{engine.name} (process {engine.pid} on {engine.host})"
        if running_engines.stop_engine(engine):
            printable.print_text(f"{where}: stopping")
        else:
            status = EXIT_FAILED
            command = f"fusebench cancel --out {shlex.quote(str(args.out))}"
            printable.print_message(f"{where}: cannot be stopped from here; run `{command}` there")
    return cancel_submitted(args.out, jobs) or status if jobs else status


def cancel_submitted(root: Path, jobs: Sequence[SubmittedJob]) -> int:
    """Cancel jobs that were submitted to schedulers; return the exit status.

    A process on this machine that submits jobs is given time to end first.
    """
    end = time.monotonic() + SECONDS_TO_END
    while time.monotonic() < end and any(
        engine.is_on_this_machine for engine in running_engines.list_engines(root)
    ):
        time.sleep(0.1)
    unfinished = factory.describe_jobs(jobs)  # and those that cannot be asked for
    reasons = factory.cancel_jobs([job for job in jobs if job.id in unfinished])
    for job in jobs:
        if job.id in reasons:
            printable.print_message(
                f"{job.id}: {job.kind} job {job.number} cannot be canceled: {reasons[job.id]}"
            )
        else:
            submitted.remove_submitted(root, job)
    count = len(unfinished) - len(reasons)
    printable.print_text(f"{count} job{'' if count == 1 else 's'} canceled in the scheduler")
    return EXIT_FAILED if reasons else 0


if __name__ == "__main__":
    run_program(main)
