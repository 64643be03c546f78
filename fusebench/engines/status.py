"""Print the jobs of a store: waiting, running (place, progress), failed (reason, log).

python -m fusebench.engines.status               jobs of runs/
python -m fusebench.engines.status --out DIR     of another folder of results
python -m fusebench.engines.status --watch       print again every few seconds

Jobs that are done are counted only. Exit status: 0; 1 if a job failed; 2 if there are no jobs.
"""

import argparse
import math
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from fusebench.cli_status import EXIT_FAILED, report_error
from fusebench.config.paths import expand_home
from fusebench.engines import running_engines, states, status_table, submitted
from fusebench.engines.jobs import SHARD_ID
from fusebench.engines.kinds import factory
from fusebench.engines.states import JobState
from fusebench.engines.submitted import SubmittedJob
from fusebench.errors import UserError
from fusebench.runtime import command_name, interrupts, printable
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.program import run_program

PROGRAM = "fusebench.engines.status"
WATCH_SECONDS = 5.0
SCHEDULER_SECONDS = 30.0  # between two questions to a scheduler that many people use

DescribeJobs = Callable[[Sequence[SubmittedJob]], Mapping[str, str]]
CLEAR_SCREEN = "\033[H\033[2J"


def format_status(root: Path, describe: DescribeJobs = factory.describe_jobs) -> tuple[str, bool]:
    """Format the state of all jobs of a store; also return whether one failed.

    Args:
        root: Folder of the store.
        describe: Asks the schedulers for jobs that were submitted.

    Raises:
        UserError: If no jobs were started there.
    """
    all_states = states.list_states(root)
    if not all_states:
        raise UserError(f"{root}: no jobs; they are started with --workers N or --engine KIND")
    finished = {state.id: _is_finished(root, state) for state, _ in all_states}
    lines = [
        f"{engine.name}: process {engine.pid} on {engine.host} since {engine.utc_start}"
        for engine in running_engines.list_engines(root)
    ]
    unfinished = [job for job in submitted.list_submitted(root) if not finished.get(job.id, True)]
    scheduled = describe(unfinished)
    table = status_table.format_table(all_states, finished, scheduled)
    names = {
        status_table.get_state_name(
            state, age, finished[state.id], is_scheduled=state.id in scheduled
        )
        for state, age in all_states
    }
    return "\n".join([*lines, table]), "failed" in names


def build_describer(seconds: float) -> DescribeJobs:
    """Build a function that asks the schedulers at most once in so many seconds."""
    last: tuple[float, Sequence[SubmittedJob], Mapping[str, str]] = (-math.inf, (), {})

    def describe(jobs: Sequence[SubmittedJob]) -> Mapping[str, str]:
        nonlocal last
        if time.monotonic() - last[0] > seconds or set(jobs) - set(last[1]):
            last = (time.monotonic(), tuple(jobs), factory.describe_jobs(jobs))
        return last[2]

    return describe


def _is_finished(root: Path, state: JobState) -> bool:
    shard = SHARD_ID.fullmatch(state.id)
    if shard is not None:
        return state.state == "done" or (root / shard["folder"]).exists()
    return (root / state.id).exists()


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    args = build_parser(PROGRAM, __doc__ or "", watch=True).parse_args(argv)
    describe = build_describer(SCHEDULER_SECONDS)
    try:
        while True:
            text, has_failed = format_status(args.out, describe)
            if args.watch:
                print(CLEAR_SCREEN, end="", flush=True)  # noqa: T201 - `printable` would escape it
            printable.print_text(text)
            if not args.watch:
                return EXIT_FAILED if has_failed else 0
            time.sleep(WATCH_SECONDS)
    except UserError as error:
        return report_error("fusebench status", error)
    except KeyboardInterrupt:
        return interrupts.get_exit_status()


def build_parser(program: str, description: str, *, watch: bool) -> argparse.ArgumentParser:
    """Build the parser of a program about the jobs of a store."""
    parser = ArgumentParser(
        prog=command_name.get_command_name(program),
        description=command_name.format_description(program, description),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument(
        "--out", type=expand_home, default=Path("runs"), metavar="DIR", help="the results"
    )
    if watch:
        parser.add_argument("--watch", action="store_true", help="print again every few seconds")
    return parser


if __name__ == "__main__":
    run_program(main)
