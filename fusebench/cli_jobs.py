"""Runs as jobs: ``--job`` executes single jobs, ``--workers`` all of them side by side."""

import argparse
import os
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import lru_cache

from fusebench.cli_arguments import build_parser, resolve_device
from fusebench.cli_selection import build_plan_from_args
from fusebench.cli_status import EXIT_HELD, report_error, report_failure, report_interrupt
from fusebench.config.engine_settings import (
    MAX_RETRIES,
    MAX_WORKERS,
    EngineSettings,
)
from fusebench.engines import (
    display,
    driver,
    durations,
    estimates,
    jobs,
    running_engines,
    states,
    submitted,
)
from fusebench.engines.contract import Engine, EngineRequest
from fusebench.engines.execution import execute_job, is_scored
from fusebench.engines.jobs import Job, Jobs
from fusebench.engines.kinds import factory
from fusebench.engines.kinds.local_worker import LOG_VARIABLE
from fusebench.errors import UserError
from fusebench.experiments import failures, preflight
from fusebench.experiments.plan import Plan
from fusebench.experiments.planning.run import Run
from fusebench.runtime import printable
from fusebench.storage.file_lock import LockHeldError
from fusebench.storage.store import Store


@dataclass(frozen=True)
class Command:
    """A program and what the user typed.

    Attributes:
        program: Module of the program, e.g. ``detection.run``.
        kinds: Kinds of tasks that it plans.
        arguments: Its arguments.
    """

    program: str
    kinds: tuple[str, ...]
    arguments: tuple[str, ...]

    @classmethod
    def create(cls, program: str, kinds: Sequence[str], argv: Sequence[str] | None) -> "Command":
        """Create it from the argument of a ``main``; None: the arguments of this process."""
        return cls(program, tuple(kinds), tuple(sys.argv[1:] if argv is None else argv))


def execute_single_jobs(command: Command, args: argparse.Namespace) -> int:
    """Execute the jobs of ``--job``, one after the other; stop at the first that does not succeed.

    Returns:
        0; 1 if a job failed; 2 if its input is wrong; 3 if the machine stopped it; 75 if another
        process works on it; 130 or 143 if it was interrupted.
    """
    store = Store(args.out, waits=False)
    for job_id in args.job:
        try:
            run_plan = _build_job_plan(command)
            job = jobs.find_job(jobs.build_jobs(run_plan, store), job_id)
            if job is None:
                raise UserError(
                    f"--job {job_id}: the plan has no such job; the data or the task file may have "
                    "changed since the command started: run it again"
                )
        except Exception as error:  # noqa: BLE001 - a bug is raised again
            return report_error(command.program, error)
        except KeyboardInterrupt:
            return report_interrupt(command.program)
        if jobs.is_done(job, store, lambda run: is_scored(run, store)):
            printable.print_text(f"{job.title} (done)")
            continue
        status = _execute_and_report(job, store, args.device, command.program)
        if status:
            return status
    return 0


@lru_cache(1)
def _build_job_plan(command: Command) -> Plan:
    """Plan once per process: a worker executes many jobs of one command."""
    parser = build_parser(command.program, "")
    args = parser.parse_args(command.arguments)
    return build_plan_from_args(args, command.kinds, generate=True)


def _execute_and_report(job: Job, store: Store, device: str, program: str) -> int:
    """Execute a job, print an error, keep state and failures; return the exit status."""
    start, root = time.monotonic(), store.root
    status, reason = 0, ""
    state: states.StateName = "done"
    before = states.read_state(root, job.id)
    with states.keep_running(root, job, os.environ.get(LOG_VARIABLE, "")):
        try:
            printable.print_text(job.title)
            preflight.check_inputs(job.runs[:1], store)
            execute_job(job, store, resolve_device(device))
            if job.kind == job.runs[0].task.kind:  # it has the record
                failures.remove_failure(job.runs[0], store)
        except LockHeldError as error:
            status, reason, state = EXIT_HELD, str(error), "held"
            printable.print_message(f"{job.title}: {error}; it is skipped")
        except KeyboardInterrupt:
            status, state = report_interrupt(program), "interrupted"
        except SystemExit as end:
            (status, reason), state = report_failure(job.title, end), "failed"
        except Exception as error:  # noqa: BLE001 - the worker goes on with other jobs
            (status, reason), state = report_failure(job.title, error), "failed"
            for run in job.runs:
                failures.keep_failure(run, store, device, program, error)
    if state == "held" and before is not None and before.state == "running":
        states.write_state(root, before)  # of the process that holds it
    else:
        states.end_job(root, job, state, time.monotonic() - start, reason=reason)
    return status


def get_engine_settings(args: argparse.Namespace, settings: EngineSettings) -> EngineSettings:
    """Return the settings of the task file, overridden by those of the command line.

    Raises:
        UserError: If a number is out of range, the engine has no such setting, or its package is
            not installed.
    """
    changes = {
        name: getattr(args, name)
        for name in ("workers", "retries")
        if getattr(args, name) is not None
    }
    for name, (low, high) in {"workers": (1, MAX_WORKERS), "retries": (0, MAX_RETRIES)}.items():
        if name in changes and not low <= changes[name] <= high:
            raise UserError(f"--{name} {changes[name]}: expected {low} to {high}")
    if "workers" in changes and "workers" not in type(settings).model_fields:
        raise UserError(
            f"--workers {changes['workers']}: the engine {settings.kind} has no workers; use "
            f"`--set engine.array={changes['workers']}`, or `--engine local` for this machine"
        )
    factory.check_package(settings.kind)
    return settings.model_copy(update=changes)


def execute_with_engine(
    command: Command,
    args: argparse.Namespace,
    run_plan: Plan,
    settings: EngineSettings,
    is_target: Callable[[Job], bool],
) -> int:
    """Execute the jobs of a plan side by side; return the exit status.

    Args:
        command: The program.
        args: Its parsed arguments.
        run_plan: Its plan, whose inputs were checked.
        settings: The engine.
        is_target: Whether a job's result is wanted for itself.
    """
    store = Store(args.out)

    def is_run_scored(run: Run) -> bool:
        return is_scored(run, store)

    def is_done(job: Job) -> bool:
        return jobs.is_done(job, store, is_run_scored)

    graph = jobs.build_jobs(run_plan, store)
    remaining = jobs.select_remaining(graph, store, is_target, is_run_scored)
    _forget_finished_jobs(store, graph, is_done)
    if not remaining:
        printable.print_text(f"{command.program}: everything is done, under {args.out}")
        return 0
    ids = {job.id for job in submitted.list_submitted(store.root)}
    remaining = jobs.add_shards(remaining, store, settings.jobs_at_once or 1, ids)
    if settings.merges_chains:
        remaining = jobs.merge_chains(remaining)
    adopted_first = sorted(remaining, key=lambda job_id: job_id not in ids)
    remaining = {job_id: remaining[job_id] for job_id in adopted_first}
    request = EngineRequest(command.program, command.arguments, store.root, args.device)
    try:
        engine = factory.start_engine(settings, request, len(remaining))
    except UserError as error:
        return report_error(command.program, error)
    except KeyboardInterrupt:
        return report_interrupt(command.program)
    printable.print_text(f"{len(remaining)} jobs on {engine.name}; see `fusebench status`")
    states.start_waiting(store.root, remaining, ids)
    view = display.Display(remaining, store, command.program, args.device)

    def run() -> driver.Summary:
        with closing(view):
            summary = driver.run_jobs(remaining, engine, is_done, settings.retries, view)
        _forget_finished_jobs(store, graph, is_done)
        return summary

    return _run_and_close(command, store, remaining, engine, run)


def _forget_finished_jobs(store: Store, graph: Jobs, is_done: Callable[[Job], bool]) -> None:
    """Forget jobs that were submitted to a scheduler and ended while no command was watching."""
    for submission in submitted.list_submitted(store.root):
        job = jobs.find_job(graph, submission.id)
        if job is not None and is_done(job):
            submitted.remove_submitted(store.root, submission)


def _run_and_close(
    command: Command,
    store: Store,
    remaining: Jobs,
    engine: Engine,
    run: Callable[[], driver.Summary],
) -> int:
    """Run jobs, close the engine and report; return the exit status."""
    interrupted = True
    try:
        with running_engines.register_engine(store.root, engine.name, command.arguments):
            summary = run()
            interrupted = False
    except UserError as error:  # e.g. no such partition
        return report_error(command.program, error)
    except KeyboardInterrupt:
        return report_interrupt(command.program)
    finally:
        message = engine.close(interrupted=interrupted)
        if message:
            printable.print_message(message)
        elif interrupted:
            _write_interrupted_states(store, remaining)
    display.write_final_states(summary, remaining, store)
    display.print_summary(command.program, summary, remaining)
    return summary.exit_status


def _write_interrupted_states(store: Store, remaining: Jobs) -> None:
    """Write the state of the jobs whose processes were stopped."""
    for part in (part for job in remaining.values() for part in job.parts):
        state = states.read_state(store.root, part.id)
        if state is not None and state.state == "running":
            states.end_job(store.root, part, "interrupted", reason="the command was interrupted")


def format_remaining_cost(
    args: argparse.Namespace,
    run_plan: Plan,
    settings: EngineSettings,
    is_target: Callable[[Job], bool],
) -> str:
    """Format what the jobs that are left cost; empty if there are none.

    Args:
        args: Parsed arguments.
        run_plan: The plan.
        settings: The engine.
        is_target: Whether a job's result is wanted for itself.
    """
    store, workers = Store(args.out), settings.jobs_at_once or 1
    graph = jobs.build_jobs(run_plan, store)
    remaining = jobs.select_remaining(graph, store, is_target, lambda run: is_scored(run, store))
    if not remaining:
        return ""
    remaining = jobs.add_shards(remaining, store, workers)
    measurements = durations.measure_finished_jobs(graph, store)
    profiles = durations.read_profiles(remaining.values(), store.root)
    result = estimates.estimate(
        durations.estimate_seconds(remaining.values(), measurements, profiles),
        {job.id: job.needs for job in remaining.values()},
        durations.estimate_bytes(remaining.values(), measurements),
        workers,
    )
    devices = {measurement.device for measurement in measurements}
    is_gpu = any(device.startswith("cuda") for device in (args.device, *devices))
    return estimates.format_estimate(result, "GPU" if is_gpu else "CPU")
