"""Command line that fusion.run, detection.run, segmentation.run and reports.run share."""

import argparse
import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fusebench import cli_selection, plugins
from fusebench.config import schema, task_file_location
from fusebench.config.paths import expand_home
from fusebench.errors import DatasetNotFoundError, UserError
from fusebench.experiments import failures, plan, preflight
from fusebench.experiments.plan import Plan, Run
from fusebench.runtime import command_name, interrupts, printable, system_errors
from fusebench.runtime.printable import ArgumentParser
from fusebench.runtime.unknown_names import suggest_names
from fusebench.storage.splits.split_cache import SplitCache
from fusebench.storage.store import Store

EXIT_FAILED = 1  # a run failed; the others were executed
EXIT_WRONG_INPUT = 2  # the command, the task file or the data is wrong
EXIT_SYSTEM_FAULT = 3  # the machine stopped the program, e.g. a full disk; the command resumes


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
        return [build_step(program, run, store, execute) for run in run_plan.runs]

    return main(program, description, (kind,), build_steps, argv, run_plan)


def build_step(program: str, run: Run, store: Store, execute: RunFunction) -> Step:
    """Build the step of one run; if it fails, the reason is written into the store."""

    def execute_run(device: str) -> None:
        with failures.record_failure(run, store, device, program):
            execute(run, store, device)

    return Step(run.label, run.read_record(store) is not None, execute_run)


def main(
    program: str,
    description: str,
    kinds: Sequence[str],
    build_steps: StepsFunction,
    argv: Sequence[str] | None,
    run_plan: Plan | None = None,
) -> int:
    """Parse the command line, plan the tasks of the given kinds, and execute the steps.

    Args:
        program: Module of the program, e.g. ``detection.run``.
        description: Docstring of the module.
        kinds: Kinds of tasks to plan, e.g. ``detection``.
        build_steps: Returns the steps of a plan.
        argv: The arguments; None: those of the command line.
        run_plan: The plan for these arguments, if it was built already.

    Returns:
        The exit status, see `execute_runs`.
    """
    args = build_parser(program, description).parse_args(argv)
    store = Store(args.out)
    try:
        if run_plan is None:
            run_plan = build_plan_from_args(args, kinds, generate=not args.plan)
        run_plan = plan.select_kinds(run_plan, kinds)
        steps = build_steps(run_plan, store)
        if args.plan:
            _print_plan(run_plan, steps, args.out)
            return 0
        device = args.device
        if not all(step.is_done for step in steps):
            preflight.check_inputs(run_plan.runs, store)
            device = resolve_device(args.device)
    except Exception as error:  # noqa: BLE001 - a bug is raised again
        return report_error(program, error)
    except KeyboardInterrupt:
        return report_interrupt(program)
    for skipped in run_plan.skipped_tasks:
        printable.print_message(
            f"{program}: task {skipped.task_name} is left out: {skipped.reason}"
        )
    return _execute_steps(program, steps, device)


def build_parser(program: str, description: str) -> argparse.ArgumentParser:
    """Build the parser of the arguments that all programs share.

    Args:
        program: Module of the program, e.g. ``detection.run``.
        description: Docstring of the module.
    """
    parser = ArgumentParser(
        prog=command_name.get_command_name(program),
        description=command_name.format_description(program, description),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add_selection_arguments(parser)
    parser.add_argument(
        "--to", type=expand_home, default=Path("report"), metavar="DIR", help="the report"
    )
    parser.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    parser.add_argument("--plan", action="store_true", help="print what would be done and stop")
    return parser


def add_selection_arguments(parser: argparse.ArgumentParser) -> None:
    """Add the arguments that say where tasks, data and results are, and which tasks are meant."""
    add_task_file_arguments(parser)
    parser.add_argument(
        "--data", type=expand_home, default=Path("data"), metavar="DIR", help="the data sets"
    )
    parser.add_argument(
        "--out", type=expand_home, default=Path("runs"), metavar="DIR", help="the results"
    )
    parser.add_argument("--preset", help="run the tasks of this preset, with its settings")
    parser.add_argument("--task", action="append", help="only this task (may be repeated)")
    parser.add_argument("--source", help="only this source; or ir, vis, fused (every fusion)")
    parser.add_argument("--seed", type=int, action="append", help="this seed instead of the task's")
    parser.add_argument("--limit", type=int, metavar="N", help="at most N pairs of every split")
    add_dataset_flags(parser, "only tasks on the data set {name}")


def add_task_file_arguments(parser: argparse.ArgumentParser) -> None:
    """Add ``--tasks`` and ``--set``: the task file and changes of it."""
    parser.add_argument(
        "--tasks",
        type=expand_home,
        default=task_file_location.TASK_FILE,
        metavar="FILE",
        help="the task file (default: tasks.yaml, or that of the package if there is none)",
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="tasks.NAME.option=value",
        help="change the task file for this run (may be repeated)",
    )


def add_dataset_flags(parser: argparse.ArgumentParser, help_text: str) -> None:
    """Add a flag for every data set, which appends its name to ``datasets``.

    Args:
        parser: Gets the flags.
        help_text: Help of a flag, with ``{name}`` for the name of the data set.
    """
    for name in plugins.list_plugins(plugins.DATASETS):
        parser.add_argument(
            f"--{name}",
            *([f"--{name.replace('_', '-')}"] if "_" in name else []),
            action="append_const",
            dest="datasets",
            const=name,
            help=help_text.format(name=name),
        )


def build_plan_from_args(args: argparse.Namespace, kinds: Sequence[str], *, generate: bool) -> Plan:
    """Build the plan for parsed arguments.

    Args:
        args: Arguments parsed by `build_parser`.
        kinds: Kinds of tasks to plan, e.g. ``detection``.
        generate: Render missing simulated scenes; otherwise their tasks are skipped.

    Raises:
        UserError: If no task is selected, the task file is wrong, data of a selected data set or
            task is missing, or ``--out`` is a file.
    """
    check_device(args.device)
    if args.out.is_file():
        raise UserError(f"--out {args.out}: is a file; name the folder of the results")
    if args.limit is not None and args.limit < 1:
        raise UserError(f"--limit {args.limit}: expected at least 1")
    task_file = schema.load_task_file(
        task_file_location.find_task_file(args.tasks), args.preset, args.set
    )
    if args.seed:
        task_file = cli_selection.replace_seeds(task_file, args.seed)
    names = select_tasks(args, task_file, kinds)
    if args.source is not None:
        task_file = cli_selection.select_source(task_file, names, args.source)
        names = list(task_file.tasks)
    # Also with the default task file, relative folders are relative to the current folder.
    base_folder = args.tasks.resolve().parent
    run_plan = plan.build_plan(
        task_file,
        names,
        args.data,
        base_folder,
        limit=args.limit,
        generate=generate,
        cache=SplitCache(args.out),
    )
    missing = [skipped for skipped in run_plan.skipped_tasks if not skipped.will_be_generated]
    with_runs = {run.task.dataset for run in run_plan.runs}
    absent = {skipped.task.dataset for skipped in missing} - with_runs
    # A data set can have one kind of its labels only, e.g. boxes and no label maps.
    if missing and (args.task or (args.datasets and absent) or len(missing) == len(names)):
        raise DatasetNotFoundError(
            "\n".join(f"task {skipped.task_name}: {skipped.advice}" for skipped in missing)
        )
    return run_plan


def select_tasks(
    args: argparse.Namespace, task_file: schema.TaskFile, kinds: Sequence[str]
) -> list[str]:
    """Select the names of the tasks that the arguments call for, in the order of the file.

    Raises:
        UserError: If there is no such task, or none is selected.
    """
    for name in args.task or []:
        if name not in task_file.tasks:
            raise UserError(f"no task is called {name!r}{suggest_names(name, task_file.tasks)}")
    preset_tasks = task_file.presets[args.preset].tasks if args.preset else ()
    requested = {*(args.task or []), *preset_tasks}  # these run even if they are `on_request`
    names = [
        name
        for name, task in task_file.tasks.items()
        if task.kind in kinds and (not task.on_request or name in requested)
    ]
    if args.task:
        names = [name for name in names if name in args.task]
    if args.datasets:
        names = [name for name in names if task_file.tasks[name].dataset in args.datasets]
    elif args.preset and not args.task:
        names = [name for name in names if name in preset_tasks]
    if not names:
        raise UserError(f"{args.tasks} has no {' or '.join(kinds)} task for these flags")
    return names


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


def run_and_report(label: str, work: Callable[[], None]) -> bool:
    """Call ``work`` and return whether it succeeded; an exception is printed, not raised.

    The steps after a failed one are still executed: they may be a night's work.

    Raises:
        OSError: If the disk is full or has another fault that stops later steps too.
    """
    try:
        work()
    except UserError as error:
        printable.print_message(f"{label}: {error}")
        return False
    except SystemExit as end:  # a plug-in's; it would end the program as if all were done
        printable.print_message(f"{label}: failed: a plug-in ended the program (exit {end.code})")
        return False
    except Exception as error:  # noqa: BLE001 - the one place that may: see the docstring
        if system_errors.is_disk_fault(error):
            raise system_errors.convert_disk_fault(error) from None
        fault = system_errors.describe_fault(error)
        printable.print_message(f"{label}: {fault or 'failed'}")
        if fault is None:
            printable.print_traceback()
        return False
    return True


def report_error(program: str, error: Exception) -> int:
    """Print an error that is no bug; return the exit status.

    Args:
        program: Start of the message.
        error: The exception that ended the program.

    Raises:
        Exception: The error itself, if it is a bug.
    """
    fault = system_errors.describe_fault(error)
    if fault is not None:
        printable.print_message(f"{program}: {fault}")
        return EXIT_SYSTEM_FAULT
    if not isinstance(error, (UserError, OSError)):
        raise error
    message = system_errors.describe_os_error(error) if isinstance(error, OSError) else error
    printable.print_message(f"{program}: {message}")
    return EXIT_WRONG_INPUT


def check_device(device: str) -> None:
    """Check the form of a device's name.

    Raises:
        UserError: If it is not auto, cpu, cuda or cuda:N.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise UserError(f"--device {device}: expected auto, cpu, cuda or cuda:N")


def resolve_device(device: str) -> str:
    """Return the device to use: ``auto`` is the first GPU, or the CPU if there is no GPU.

    Raises:
        UserError: If there is no such GPU.
    """
    if device == "cpu":
        return device
    import torch

    gpu_count = torch.cuda.device_count()
    if device == "auto":
        return "cuda:0" if gpu_count else "cpu"
    if int(device.partition(":")[2] or 0) >= gpu_count:
        raise UserError(f"--device {device}: this machine has {gpu_count} CUDA GPU(s); try auto")
    return device


def report_interrupt(program: str, consequence: str = "the same command resumes") -> int:
    """Print that the program was interrupted and what follows; return the exit status."""
    printable.print_message(f"\n{program}: interrupted; {consequence}")
    return interrupts.get_exit_status()
