"""The plan: tasks expanded into runs, the units that are executed, resumed and reported.

A run is one task on one source with one seed. The plan is a pure function of the task file and
the data: the programs execute its runs, the report reads their records, and ``--plan`` prints
them. A record on disk that belongs to no run is out of date; it is ignored and not deleted.
"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from pathlib import Path

from fusebench.config import schema
from fusebench.errors import DatasetNotFoundError
from fusebench.experiments import resolution
from fusebench.experiments.planning.run import Run
from fusebench.experiments.planning.run_building import build_runs, list_runs
from fusebench.experiments.planning.split_loading import NotGeneratedError, load_splits
from fusebench.experiments.robustness.corrupted_pairs import corrupt_split
from fusebench.storage.splits.split_cache import SplitCache


@dataclass(frozen=True)
class SkippedTask:
    """A task that is left out of the plan because its data is not on this machine.

    Attributes:
        task_name: The task's name in the task file.
        task: Its configuration in the task file.
        reason: Why it is left out, for messages.
        advice: The reason and what to do, for who asks for the task by name.
        will_be_generated: Whether its data is simulated and will be rendered by the first run.
    """

    task_name: str
    task: schema.Task
    reason: str
    advice: str = ""
    will_be_generated: bool = False


@dataclass(frozen=True)
class Plan:
    """The runs of a task file, and the tasks whose data is not on this machine.

    Attributes:
        task_file: The task file.
        runs: On clean test pairs.
        skipped_tasks: Tasks whose data is not there.
        corrupted_runs: Tests of the same models on corrupted test pairs.
    """

    task_file: schema.TaskFile
    runs: tuple[Run, ...]
    skipped_tasks: tuple[SkippedTask, ...]
    corrupted_runs: tuple[Run, ...] = ()

    @property
    def all_runs(self) -> tuple[Run, ...]:
        """All runs, in the order of their execution."""
        return (*self.runs, *self.corrupted_runs)


def build_plan(  # noqa: PLR0913 - three of them are optional
    task_file: schema.TaskFile,
    names: Sequence[str],
    data: Path,
    base_folder: Path,
    *,
    limit: int | None = None,
    generate: bool = True,
    cache: SplitCache | None = None,
) -> Plan:
    """Expand the named tasks into runs, in the order given.

    Only the data of these tasks is read: one data set can be run where the others are not.

    Args:
        task_file: The task file.
        names: Names of tasks.
        data: The folder of the data sets.
        base_folder: Folder that relative paths of the task file are relative to.
        limit: Largest number of pairs per split; None: all pairs.
        generate: Render missing simulated scenes; otherwise their tasks are skipped.
        cache: Splits and file hashes of earlier calls; None: everything is read.

    Raises:
        UserError: If data or options are wrong.
    """
    cache = SplitCache() if cache is None else cache
    runs: list[Run] = []
    corrupted_runs: list[Run] = []
    skipped: list[SkippedTask] = []
    for name, resolved in resolution.resolve_tasks(task_file, names, data, base_folder).items():
        try:
            splits = load_splits(resolved, data, generate, cache)
        except NotGeneratedError as reason:
            skipped.append(SkippedTask(name, resolved.task, str(reason), will_be_generated=True))
            continue
        except DatasetNotFoundError as reason:
            skipped.append(SkippedTask(name, resolved.task, reason.summary, str(reason)))
            continue
        train, test = (split and split.limit_pairs(limit) for split in splits)
        assert test is not None
        hashes = cache.file_hashes
        clean = build_runs(resolved, train, test, hashes)
        runs += list_runs(resolved, clean)
        where = f"tasks.{name}.corruptions"
        for pairs in corrupt_split(resolved.corruptions, splits[1], test, where, hashes):
            corrupted = build_runs(resolved, train, test, hashes, pairs, clean)
            corrupted_runs += list_runs(resolved, corrupted)
    return Plan(task_file, tuple(runs), tuple(skipped), tuple(corrupted_runs))


def select_kinds(run_plan: Plan, kinds: Collection[str]) -> Plan:
    """Keep the runs and the skipped tasks of some kinds of tasks."""
    return Plan(
        run_plan.task_file,
        tuple(run for run in run_plan.runs if run.task.kind in kinds),
        tuple(skipped for skipped in run_plan.skipped_tasks if skipped.task.kind in kinds),
        tuple(run for run in run_plan.corrupted_runs if run.task.kind in kinds),
    )
