"""What the flags choose from the task file: tasks, sources, seeds."""

from collections.abc import Collection, Sequence

from fusebench.config.schema import MAX_SEED, ModelTaskBase, Task, TaskFile
from fusebench.errors import UserError

SOURCE_GROUPS = {
    "ir": ("infrared",),
    "vis": ("visible",),
    "fused": ("method", "folder"),
}  # of kinds


def replace_seeds(file: TaskFile, seeds: Sequence[int]) -> TaskFile:
    """The same file, every task that trains with these seeds instead of its own.

    Raises:
        UserError: If a seed is out of range.
    """
    for seed in seeds:
        if not 0 <= seed <= MAX_SEED:
            raise UserError(f"--seed {seed}: expected 0 to {MAX_SEED}")
    once = tuple(dict.fromkeys(seeds))
    changed: dict[str, Task] = {
        name: task.model_copy(update={"seeds": once}) if isinstance(task, ModelTaskBase) else task
        for name, task in file.tasks.items()
    }
    return file.model_copy(update={"tasks": changed})


def select_source(file: TaskFile, names: Collection[str], wanted: str) -> TaskFile:
    """The named tasks that list a source, and of their sources only this one.

    Args:
        file: The task file.
        names: The tasks looked at.
        wanted: A source's name, or one of `SOURCE_GROUPS`: ``fused`` is every source that is not raw.

    Raises:
        UserError: If there is no such source, or none of these tasks lists it.
    """
    if wanted in SOURCE_GROUPS and wanted not in file.sources:
        kinds = SOURCE_GROUPS[wanted]
        meant = {name for name, source in file.sources.items() if source.kind in kinds}
    else:
        file.get_source(wanted)
        meant = {wanted}
    kept: dict[str, Task] = {}
    for name in names:
        task = file.tasks[name]
        sources = tuple(source for source in task.sources if source in meant)
        if sources:
            kept[name] = task.model_copy(update={"sources": sources})
    if not kept:
        listed = sorted({source for name in names for source in file.tasks[name].sources})
        raise UserError(
            f"--source {wanted}: none of the chosen tasks lists it (they list "
            f"{', '.join(listed)}); add it to the task's sources"
        )
    return file.model_copy(update={"tasks": kept})
