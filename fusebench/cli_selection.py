"""Selection of tasks, sources and seeds by command-line flags, and the plan of the selection."""

import argparse
from collections.abc import Collection, Sequence

from fusebench.cli_arguments import check_device
from fusebench.config import schema, task_file_location
from fusebench.config.schema import MAX_SEED, ModelTaskBase, Task, TaskFile
from fusebench.errors import DatasetNotFoundError, UserError
from fusebench.experiments import plan
from fusebench.experiments.plan import Plan
from fusebench.runtime.unknown_names import suggest_names
from fusebench.storage.splits.split_cache import SplitCache

SOURCE_GROUPS = {  # value of --source to kinds of sources
    "ir": ("infrared",),
    "vis": ("visible",),
    "fused": ("method", "folder"),
    "reference": ("ensemble", "channels", "replace"),
}


def replace_seeds(file: TaskFile, seeds: Sequence[int]) -> TaskFile:
    """Replace the seeds of every task that trains a model.

    Raises:
        UserError: If a seed is out of range.
    """
    for seed in seeds:
        if not 0 <= seed <= MAX_SEED:
            raise UserError(f"--seed {seed}: expected 0 to {MAX_SEED}")
    unique = tuple(dict.fromkeys(seeds))
    tasks: dict[str, Task] = {
        name: task.model_copy(update={"seeds": unique}) if isinstance(task, ModelTaskBase) else task
        for name, task in file.tasks.items()
    }
    return file.model_copy(update={"tasks": tasks})


def select_source(file: TaskFile, names: Collection[str], selector: str) -> TaskFile:
    """Keep the named tasks that list a source, and of their sources only that one.

    Args:
        file: The task file.
        names: Names of tasks.
        selector: A source's name, or one of `SOURCE_GROUPS`: ``fused`` is every fused image,
            ``reference`` what is compared with them beside the sensors.

    Raises:
        UserError: If there is no such source, or none of these tasks lists it.
    """
    if selector in SOURCE_GROUPS and selector not in file.sources:
        kinds = SOURCE_GROUPS[selector]
        selected = {name for name, source in file.sources.items() if source.kind in kinds}
    elif selector not in file.sources:
        names_and_groups = dict.fromkeys([*file.sources, *SOURCE_GROUPS])
        hint = suggest_names(selector, names_and_groups)
        raise UserError(f"--source: no source is called {selector!r}{hint}")
    else:
        selected = {selector}
    tasks: dict[str, Task] = {}
    for name in names:
        task = file.tasks[name]
        sources = tuple(source for source in task.sources if source in selected)
        if sources:
            tasks[name] = task.model_copy(update={"sources": sources})
    if not tasks:
        listed = sorted({source for name in names for source in file.tasks[name].sources})
        raise UserError(
            f"--source {selector}: none of the chosen tasks lists it (they list "
            f"{', '.join(listed)}); add it to the task's sources"
        )
    return file.model_copy(update={"tasks": tasks})


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
        task_file_location.find_task_file(args.tasks),
        args.preset,
        args.set,
        getattr(args, "engine", None),  # programs that execute no runs have no such flag
    )
    if args.seed:
        task_file = replace_seeds(task_file, args.seed)
    names = select_tasks(args, task_file, kinds)
    if args.source is not None:
        task_file = select_source(task_file, names, args.source)
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
