"""The command line that fusion.run, detection.run, segmentation.run and reports.run share."""

import argparse
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from fusebench import cli_selection, plugins
from fusebench.config import schema
from fusebench.errors import DatasetNotFoundError, UserError
from fusebench.experiments import failures, plan, preflight
from fusebench.experiments.plan import Plan, Run
from fusebench.storage.store import Store

EXIT_INTERRUPTED = 130  # what a shell reports for Ctrl-C


@dataclass(frozen=True)
class Step:
    """One thing to do: said, skipped if it is done, else run."""

    label: str
    is_done: bool
    execute: Callable[[str], None]  # device


RunFunction = Callable[[Run, Store, str], None]  # (cell, store, device): bring one cell up to date
StepsFunction = Callable[[Plan, Store], list[Step]]


def execute_runs(
    kind: str, program: str, about: str, run: RunFunction, argv: Sequence[str] | None
) -> int:
    """Parse the command line, then bring every chosen cell of one kind up to date.

    Returns:
        0; 1 if a cell failed (the others were still run); 2 if the command, the task file or
        the data is wrong (nothing was run).
    """

    def jobs(found: Plan, store: Store) -> list[Step]:
        return [build_step(program, cell, store, run) for cell in found.runs]

    return main(program, about, (kind,), jobs, argv)


def build_step(program: str, cell: Run, store: Store, run: RunFunction) -> Step:
    """Bring a cell up to date; why that failed is kept in the store."""

    def work(device: str) -> None:
        with failures.record_failure(cell, store, device, program):
            run(cell, store, device)

    return Step(cell.label, cell.read_record(store) is not None, work)


def main(
    program: str, about: str, kinds: Sequence[str], jobs: StepsFunction, argv: Sequence[str] | None
) -> int:
    """Parse the command line, plan the tasks of some kinds, then do what the plan comes to."""
    args = build_parser(program, about).parse_args(argv)
    store = Store(args.out)
    try:
        found = build_plan_from_args(args, kinds, generate=not args.plan)
        todo = jobs(found, store)
        if args.plan:
            _print_plan(found, todo, args.out)
            return 0
        device = args.device
        if not all(job.is_done for job in todo):
            preflight.check_inputs(found.runs, store)
            device = resolve_device(args.device)
    except (UserError, OSError) as fault:  # OSError: a folder that cannot be made or written
        print(f"{program}: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return report_interrupt(program)
    for gone in found.skipped_tasks:
        print(f"{program}: task {gone.task_name} is left out: {gone.reason}", file=sys.stderr)
    return _execute_steps(program, todo, device)


def build_parser(program: str, about: str) -> argparse.ArgumentParser:
    """The flags that all programs understand."""
    flags = argparse.ArgumentParser(
        prog=f"python -m {program}",
        description=about,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    flags.add_argument("--tasks", type=Path, default=Path("tasks.yaml"), metavar="FILE")
    flags.add_argument("--data", type=Path, default=Path("data"), metavar="DIR")
    flags.add_argument("--out", type=Path, default=Path("runs"), metavar="DIR")
    flags.add_argument(
        "--to", type=Path, default=Path("report"), metavar="DIR", help="where the report goes"
    )
    flags.add_argument("--device", default="auto", help="auto, cpu, cuda, cuda:1 (default: auto)")
    flags.add_argument("--plan", action="store_true", help="print what would be done and stop")
    flags.add_argument("--preset", help="run the tasks of this preset, with its settings")
    flags.add_argument("--task", action="append", help="only this task (may be repeated)")
    flags.add_argument("--source", help="only this source; or ir, vis, fused (every fusion)")
    flags.add_argument("--seed", type=int, action="append", help="this seed instead of the task's")
    flags.add_argument("--limit", type=int, metavar="N", help="at most N pairs of every split")
    flags.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="tasks.NAME.option=value",
        help="change the task file for this run (may be repeated)",
    )
    for name in plugins.list_plugins("fusebench.datasets"):
        flags.add_argument(
            f"--{name}",
            *([f"--{name.replace('_', '-')}"] if "_" in name else []),
            action="append_const",
            dest="datasets",
            const=name,
            help=f"only tasks on the data set {name}",
        )
    return flags


def build_plan_from_args(args: argparse.Namespace, kinds: Sequence[str], *, generate: bool) -> Plan:
    """The plan for the flags.

    Raises:
        UserError: If the flags choose nothing, the file is wrong, data that was asked for by
            name is absent, or ``--out`` is a file.
    """
    check_device(args.device)
    if args.out.is_file():
        raise UserError(f"--out {args.out}: is a file; name the folder of the results")
    if args.limit is not None and args.limit < 1:
        raise UserError(f"--limit {args.limit}: expected at least 1")
    file = schema.load_task_file(args.tasks, args.preset, args.set)
    if args.seed:
        file = cli_selection.replace_seeds(file, args.seed)
    chosen = select_tasks(args, file, kinds)
    if args.source:
        file = cli_selection.select_source(file, chosen, args.source)
        chosen = list(file.tasks)
    found = plan.build_plan(
        file, chosen, args.data, args.tasks.resolve().parent, limit=args.limit, generate=generate
    )
    missing = [gone for gone in found.skipped_tasks if not gone.will_be_generated]
    if missing and (args.task or args.datasets or len(missing) == len(chosen)):
        raise DatasetNotFoundError(
            "\n".join(f"task {gone.task_name}: {gone.reason}" for gone in missing)
        )
    return found


def select_tasks(
    args: argparse.Namespace, file: schema.TaskFile, kinds: Sequence[str]
) -> list[str]:
    """The tasks that the flags choose, in the order of the file."""
    for name in args.task or []:
        if name not in file.tasks:
            raise UserError(f"no task is called {name!r}; there is {', '.join(file.tasks)}")
    asked = [*(args.task or []), *(file.presets[args.preset].tasks if args.preset else [])]
    chosen = [
        name
        for name, task in file.tasks.items()
        if task.kind in kinds and (not task.on_request or name in asked)
    ]
    if args.task:
        chosen = [name for name in chosen if name in args.task]
    if args.datasets:
        chosen = [name for name in chosen if file.tasks[name].dataset in args.datasets]
    elif args.preset and not args.task:
        chosen = [name for name in chosen if name in file.presets[args.preset].tasks]
    if not chosen:
        raise UserError(f"{args.tasks} has no {' or '.join(kinds)} task for these flags")
    return chosen


def _print_plan(found: Plan, todo: Sequence[Step], out: Path) -> None:
    for number, job in enumerate(todo, start=1):
        print(f"[{number}/{len(todo)}] {job.label}{' (done)' if job.is_done else ''}")
    for gone in found.skipped_tasks:
        who = ", ".join(gone.task.sources)
        state = "to do" if gone.will_be_generated else "left out"
        print(f"{gone.task_name} on {who}: {state}: {gone.reason}")
    print(f"{sum(job.is_done for job in todo)} of {len(todo)} done, under {out}")


def _execute_steps(program: str, todo: Sequence[Step], device: str) -> int:
    failed = []
    for number, job in enumerate(todo, start=1):
        done = " (done)" if job.is_done else ""
        print(f"[{number}/{len(todo)}] {job.label}{done}", flush=True)
        try:
            if not job.is_done and not run_and_report(job.label, partial(job.execute, device)):
                failed.append(job.label)
        except KeyboardInterrupt:
            return report_interrupt(program)
    if failed:
        print(f"{program}: {len(failed)} failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def run_and_report(label: str, work: Callable[[], None]) -> bool:
    """Run one job. A night's other jobs must not be lost to it, so its failure is only shown."""
    try:
        work()
    except UserError as fault:
        print(f"{label}: {fault}", file=sys.stderr)
        return False
    except Exception:  # noqa: BLE001 - the one place that may: see above
        print(f"{label}: failed", file=sys.stderr)
        traceback.print_exc()
        return False
    return True


def check_device(device: str) -> None:
    """Refuse what is not the name of a device.

    Raises:
        UserError: If it is not.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise UserError(f"--device {device}: expected auto, cpu, cuda or cuda:N")


def resolve_device(device: str) -> str:
    """``auto`` is the first GPU, or the CPU where there is none.

    Raises:
        UserError: If there is no such GPU.
    """
    if device == "cpu":
        return device
    import torch

    there = torch.cuda.device_count()
    if device == "auto":
        return "cuda:0" if there else "cpu"
    if int(device.partition(":")[2] or 0) >= there:
        raise UserError(f"--device {device}: this machine has {there} CUDA GPU(s); try auto")
    return device


def report_interrupt(program: str) -> int:
    """Say that Ctrl-C did no harm; return the exit status."""
    print(f"\n{program}: stopped; the same command goes on where this one was", file=sys.stderr)
    return EXIT_INTERRUPTED
