"""Selection of tasks, sources and seeds by command-line flags."""

from collections.abc import Collection, Sequence

from fusebench.config.schema import MAX_SEED, ModelTaskBase, Task, TaskFile
from fusebench.errors import UserError
from fusebench.runtime.unknown_names import suggest_names

SOURCE_GROUPS = {  # value of --source to kinds of sources
    "ir": ("infrared",),
    "vis": ("visible",),
    "fused": ("method", "folder"),
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
        selector: A source's name, or one of `SOURCE_GROUPS`: ``fused`` is every source but the
            sensors.

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
