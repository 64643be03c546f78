"""The command line that fusion.run, detection.run, segmentation.run and reports.run share."""

import argparse
import re
import sys
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from bench import check, failures, plan, plugins, selection, tasks
from bench.errors import BenchError, DataAbsent
from bench.plan import Cell, Plan
from bench.store import Store

STOPPED = 130  # what a shell reports for Ctrl-C


@dataclass(frozen=True)
class Job:
    """One thing to do: said, skipped if it is done, else run."""

    label: str
    done: bool
    run: Callable[[str], None]  # device


Run = Callable[[Cell, Store, str], None]  # (cell, store, device): bring one cell up to date
Jobs = Callable[[Plan, Store], list[Job]]


def work_through(kind: str, program: str, about: str, run: Run, argv: Sequence[str] | None) -> int:
    """Parse the command line, then bring every chosen cell of one kind up to date.

    Returns:
        0; 1 if a cell failed (the others were still run); 2 if the command, the task file or
        the data is wrong (nothing was run).
    """

    def jobs(found: Plan, store: Store) -> list[Job]:
        return [job(program, cell, store, run) for cell in found.cells]

    return main(program, about, (kind,), jobs, argv)


def job(program: str, cell: Cell, store: Store, run: Run) -> Job:
    """Bring a cell up to date; why that failed is kept in the store."""

    def work(device: str) -> None:
        with failures.kept(cell, store, device, program):
            run(cell, store, device)

    return Job(cell.label, cell.record(store) is not None, work)


def main(
    program: str, about: str, kinds: Sequence[str], jobs: Jobs, argv: Sequence[str] | None
) -> int:
    """Parse the command line, plan the tasks of some kinds, then do what the plan comes to."""
    args = parser(program, about).parse_args(argv)
    store = Store(args.out)
    try:
        found = planned(args, kinds, draw=not args.plan)
        todo = jobs(found, store)
        if args.plan:
            _show(found, todo, args.out)
            return 0
        device = args.device
        if not all(job.done for job in todo):
            check.everything(found.cells, store)
            device = resolved(args.device)
    except (BenchError, OSError) as fault:  # OSError: a folder that cannot be made or written
        print(f"{program}: {fault}", file=sys.stderr)
        return 2
    except KeyboardInterrupt:
        return stopped(program)
    for gone in found.absent:
        print(f"{program}: task {gone.name} is left out: {gone.reason}", file=sys.stderr)
    return _work(program, todo, device)


def parser(program: str, about: str) -> argparse.ArgumentParser:
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
    for name in plugins.available("bench.datasets"):
        flags.add_argument(
            f"--{name}",
            *([f"--{name.replace('_', '-')}"] if "_" in name else []),
            action="append_const",
            dest="datasets",
            const=name,
            help=f"only tasks on the data set {name}",
        )
    return flags


def planned(args: argparse.Namespace, kinds: Sequence[str], *, draw: bool) -> Plan:
    """The plan for the flags.

    Raises:
        BenchError: If the flags choose nothing, the file is wrong, data that was asked for by
            name is absent, or ``--out`` is a file.
    """
    check_device(args.device)
    if args.out.is_file():
        raise BenchError(f"--out {args.out}: is a file; name the folder of the results")
    if args.limit is not None and args.limit < 1:
        raise BenchError(f"--limit {args.limit}: expected at least 1")
    file = tasks.load(args.tasks, args.preset, args.set)
    if args.seed:
        file = selection.with_seeds(file, args.seed)
    chosen = names(args, file, kinds)
    if args.source:
        file = selection.with_source(file, chosen, args.source)
        chosen = list(file.tasks)
    found = plan.make(
        file, chosen, args.data, args.tasks.resolve().parent, limit=args.limit, draw=draw
    )
    missing = [gone for gone in found.absent if not gone.undrawn]
    if missing and (args.task or args.datasets or len(missing) == len(chosen)):
        raise DataAbsent("\n".join(f"task {gone.name}: {gone.reason}" for gone in missing))
    return found


def names(args: argparse.Namespace, file: tasks.TaskFile, kinds: Sequence[str]) -> list[str]:
    """The tasks that the flags choose, in the order of the file."""
    for name in args.task or []:
        if name not in file.tasks:
            raise BenchError(f"no task is called {name!r}; there is {', '.join(file.tasks)}")
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
        raise BenchError(f"{args.tasks} has no {' or '.join(kinds)} task for these flags")
    return chosen


def _show(found: Plan, todo: Sequence[Job], out: Path) -> None:
    for number, job in enumerate(todo, start=1):
        print(f"[{number}/{len(todo)}] {job.label}{' (done)' if job.done else ''}")
    for gone in found.absent:
        who = ", ".join(gone.task.sources)
        state = "to do" if gone.undrawn else "left out"
        print(f"{gone.name} on {who}: {state}: {gone.reason}")
    print(f"{sum(job.done for job in todo)} of {len(todo)} done, under {out}")


def _work(program: str, todo: Sequence[Job], device: str) -> int:
    failed = []
    for number, job in enumerate(todo, start=1):
        done = " (done)" if job.done else ""
        print(f"[{number}/{len(todo)}] {job.label}{done}", flush=True)
        try:
            if not job.done and not survived(job.label, partial(job.run, device)):
                failed.append(job.label)
        except KeyboardInterrupt:
            return stopped(program)
    if failed:
        print(f"{program}: {len(failed)} failed: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def survived(label: str, work: Callable[[], None]) -> bool:
    """Run one job. A night's other jobs must not be lost to it, so its failure is only shown."""
    try:
        work()
    except BenchError as fault:
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
        BenchError: If it is not.
    """
    if not re.fullmatch(r"auto|cpu|cuda(:\d+)?", device):
        raise BenchError(f"--device {device}: expected auto, cpu, cuda or cuda:N")


def resolved(device: str) -> str:
    """``auto`` is the first GPU, or the CPU where there is none.

    Raises:
        BenchError: If there is no such GPU.
    """
    if device == "cpu":
        return device
    import torch

    there = torch.cuda.device_count()
    if device == "auto":
        return "cuda:0" if there else "cpu"
    if int(device.partition(":")[2] or 0) >= there:
        raise BenchError(f"--device {device}: this machine has {there} CUDA GPU(s); try auto")
    return device


def stopped(program: str) -> int:
    """Say that Ctrl-C did no harm; return the exit status."""
    print(f"\n{program}: stopped; the same command goes on where this one was", file=sys.stderr)
    return STOPPED
