"""Command line that fusion.run, detection.run, segmentation.run and reports.run share."""

import argparse
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fusebench import cli_jobs
from fusebench.cli_arguments import (
    add_dataset_flags,
    add_selection_arguments,
    add_task_file_arguments,
    build_parser,
    check_device,
    resolve_device,
)
from fusebench.cli_selection import build_plan_from_args, select_tasks
from fusebench.cli_status import (
    EXIT_FAILED,
    EXIT_SYSTEM_FAULT,
    EXIT_WRONG_INPUT,
    report_error,
    report_interrupt,
    run_and_report,
)
from fusebench.config.engine_settings import EngineSettings
from fusebench.experiments import failures, plan, preflight
from fusebench.experiments.plan import Plan
from fusebench.experiments.planning.run import Run
from fusebench.runtime import printable
from fusebench.storage.store import Store

__all__ = [
    "EXIT_FAILED",
    "EXIT_SYSTEM_FAULT",
    "EXIT_WRONG_INPUT",
    "Step",
    "add_dataset_flags",
    "add_selection_arguments",
    "add_task_file_arguments",
    "build_parser",
    "build_plan_from_args",
    "build_step",
    "check_device",
    "execute_runs",
    "main",
    "print_remaining_cost",
    "report_error",
    "report_interrupt",
    "resolve_device",
    "run_and_report",
    "select_tasks",
]


@dataclass(frozen=True)
class Step:
    """One step of a program: printed, and executed unless it is done already.

    Attributes:
        label: Text printed for the step.
        is_done: Whether its result is in the store.
        execute: Executes the step on a device.
    """

    label: str
    is_done: bool
    execute: Callable[[str], None]


RunFunction = Callable[[Run, Store, str], None]  # (run, store, device): execute one run
StepsFunction = Callable[[Plan, Store], list[Step]]


def execute_runs(
    kind: str,
    program: str,
    description: str,
    execute: RunFunction,
    argv: Sequence[str] | None,
    run_plan: Plan | None = None,
) -> int:
    """Parse the command line and execute every selected run of one kind of task; see `main`.

    Returns:
        0; 1 if a run failed (the others were executed); 2 if the command, the task file or the
        data is wrong (nothing was executed); 3 if the machine stopped the program, e.g. because
        the disk is full (later runs were not started); 130 after Ctrl-C, 143 after SIGTERM.
    """

    def build_steps(run_plan: Plan, store: Store) -> list[Step]:
        return [build_step(program, run, store, execute) for run in run_plan.all_runs]

    return main(program, description, (kind,), build_steps, argv, run_plan, job_kinds=(kind,))


def build_step(program: str, run: Run, store: Store, execute: RunFunction) -> Step:
    """Build the step of one run; if it fails, the reason is written into the store."""

    def execute_run(device: str) -> None:
        with failures.record_failure(run, store, device, program):
            execute(run, store, device)

    return Step(run.label, run.read_record(store) is not None, execute_run)


def main(  # noqa: PLR0913 - two of them are optional
    program: str,
    description: str,
    kinds: Sequence[str],
    build_steps: StepsFunction,
    argv: Sequence[str] | None,
    run_plan: Plan | None = None,
    *,
    job_kinds: Collection[str] = (),
) -> int:
    """Parse the command line, plan the tasks of the given kinds, and execute the steps.

    Args:
        program: Module of the program, e.g. ``detection.run``.
        description: Docstring of the module.
        kinds: Kinds of tasks to plan, e.g. ``detection``.
        build_steps: Returns the steps of a plan.
        argv: The arguments; None: those of the command line.
        run_plan: The plan for these arguments, if it was built already.
        job_kinds: Kinds of the jobs whose results are wanted for themselves, see
            `fusebench.engines.jobs`.

    Returns:
        The exit status, see `execute_runs`.
    """
    args = build_parser(program, description).parse_args(argv)
    command = cli_jobs.Command.create(program, kinds, argv)
    if args.job:
        return cli_jobs.execute_single_jobs(command, args)
    store, is_only_program = Store(args.out), run_plan is None
    try:
        if run_plan is None:
            run_plan = build_plan_from_args(args, kinds, generate=not args.plan)
        run_plan = plan.select_kinds(run_plan, kinds)
        engine = cli_jobs.get_engine_settings(args, run_plan.task_file.engine)
        steps = build_steps(run_plan, store)
        if args.plan:
            _print_plan(run_plan, steps, args.out)
            if is_only_program:
                print_remaining_cost(args, run_plan, engine, job_kinds)
            return 0
        device = args.device
        if not all(step.is_done for step in steps):
            preflight.check_inputs(run_plan.all_runs, store)
            device = device if engine.jobs_at_once else resolve_device(args.device)
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return report_error(program, error)
    except KeyboardInterrupt:
        return report_interrupt(program)
    for skipped in run_plan.skipped_tasks:
        printable.print_message(
            f"{program}: task {skipped.task_name} is left out: {skipped.reason}"
        )
    if engine.jobs_at_once:
        return cli_jobs.execute_with_engine(
            command, args, run_plan, engine, lambda job: job.kind in job_kinds
        )
    return _execute_steps(program, steps, device)


def print_remaining_cost(
    args: argparse.Namespace,
    run_plan: Plan,
    engine: EngineSettings,
    job_kinds: Collection[str],
) -> None:
    """Print what the runs that are left cost, if any are."""
    text = cli_jobs.format_remaining_cost(args, run_plan, engine, lambda job: job.kind in job_kinds)
    if text:
        printable.print_text(text)


def _print_plan(run_plan: Plan, steps: Sequence[Step], out: Path) -> None:
    for number, step in enumerate(steps, start=1):
        printable.print_text(
            f"[{number}/{len(steps)}] {step.label}{' (done)' if step.is_done else ''}"
        )
    for skipped in run_plan.skipped_tasks:
        source_names = ", ".join(skipped.task.sources)
        state = "to do" if skipped.will_be_generated else "left out"
        printable.print_text(f"{skipped.task_name} on {source_names}: {state}: {skipped.reason}")
    printable.print_text(f"{sum(step.is_done for step in steps)} of {len(steps)} done, under {out}")


def _execute_steps(program: str, steps: Sequence[Step], device: str) -> int:
    failed = []
    for number, step in enumerate(steps, start=1):
        done = " (done)" if step.is_done else ""
        printable.print_text(f"[{number}/{len(steps)}] {step.label}{done}")
        try:
            if not step.is_done and not run_and_report(step.label, partial(step.execute, device)):
                failed.append(step.label)
        except KeyboardInterrupt:
            return report_interrupt(program)
        except OSError as error:  # a disk fault: what comes next could not be written either
            return report_error(f"{program}: {step.label}", error)
    if failed:
        printable.print_message(f"{program}: {len(failed)} failed: {', '.join(failed)}")
    return EXIT_FAILED if failed else 0
