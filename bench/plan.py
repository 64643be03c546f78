"""tasks.yaml spread out into cells: the smallest things that are run, resumed and reported.

The plan is a pure function of the task file and the data. The programs work through its cells,
the report reads the records of the same cells, and `--plan` prints them. A record on disk that no
cell asks for is out of date and is left alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from bench import digest, fitting, records, sources, specs, tasks
from bench.errors import BenchError, DataAbsent
from bench.pairs import Split
from bench.records import Record, Scalar
from bench.sources import Images
from bench.store import Store


@dataclass(frozen=True)
class Cell:
    """One task on one source with one seed.

    Attributes:
        train: What the model is trained on; None where nothing is trained here.
        folder: What relative folders of the task file are relative to.
        specs: Everything that decides a result, for each folder of the store that the cell
            fills: ``record``, and ``trained`` and ``predicted`` where a model is.
        train_on: Name and source of the training images, where they are not this source's.
    """

    name: str
    task: tasks.Task
    train: Split | None
    test: Split
    source_name: str
    source: tasks.Source
    seed: int | None
    folder: Path
    specs: Mapping[str, Mapping[str, Any]]
    train_on: tuple[str, tasks.Source] | None = None

    @property
    def label(self) -> str:
        """The readable half of the record's folder name."""
        return f"{self.name}-{_who(self.source_name, self.seed)}"

    @property
    def model_label(self) -> str:
        """The readable half of the folder names of what other tasks may share."""
        return f"{self.test.dataset}-{_who(self.source_name, self.seed)}"

    @property
    def trained_label(self) -> str:
        """The readable half of the trained model's folder name."""
        if self.train is None and isinstance(self.task, tasks.Trained):
            return self.task.model
        name = self.train_on[0] if self.train_on else self.source_name
        return f"{self.test.dataset}-{_who(name, self.seed)}"

    @property
    def shown(self) -> tuple[tuple[tasks.Source, Split], ...]:
        """The sources whose images are needed, and of which split: to train on, to test on."""
        learned = self.train_on[1] if self.train_on else self.source
        tested = (self.source, self.test)
        return (tested,) if self.train is None else ((learned, self.train), tested)

    def place(self, store: Store) -> Path:
        """Where the finished record's folder is, or would be."""
        return store.path(self.task.kind, self.label, self.specs["record"])

    def record(self, store: Store) -> Record | None:
        """The finished record, or None if this cell has not been run."""
        file = self.place(store) / "record.json"
        return records.read(file) if file.exists() else None

    def images(self, split: Split, store: Store, device: str) -> Images:
        """The images of this cell's source for its train or test split, made if need be."""
        return sources.find(self.source, split, store, self.folder, device)

    def protocol(self) -> dict[str, Scalar]:
        """The facts about data and source that every record carries."""
        splits = [split for split in (self.train, self.test) if split is not None]
        said = self.specs["record"]
        tag = {"protocol": said["protocol"]} if "protocol" in said else {}
        chosen = {"chosen": ", ".join(said["chosen"])} if "chosen" in said else {}
        return {
            **tag,
            "data": self.test.dataset,
            "simulated": self.test.simulated,
            "images": " / ".join(f"{len(s.pairs)} {s.name}" for s in splits),
            "split": self.test.rule,
            "split leaks": any(split.leaks for split in splits),
            "split hash": digest.digest({s.name: digest.keys(s) for s in splits}),
            "fingerprint": digest.digest(
                {s.name: [digest.images(s), digest.labels(s)] for s in splits}
            ),
            "colour": sources.colour(self.source, self.test, self.folder),
            **chosen,
        }


def _who(source: str, seed: int | None) -> str:
    return source if seed is None else f"{source}-seed{seed}"


@dataclass(frozen=True)
class Absent:
    """A task that cannot be planned here: its data is not on this machine."""

    name: str
    task: tasks.Task
    reason: str
    undrawn: bool = False  # simulated scenes that the first run will draw


@dataclass(frozen=True)
class Plan:
    """What a task file comes to on this machine."""

    file: tasks.TaskFile
    cells: tuple[Cell, ...]
    absent: tuple[Absent, ...]


def make(
    file: tasks.TaskFile,
    names: Sequence[str],
    data: Path,
    folder: Path,
    *,
    limit: int | None = None,
    draw: bool = True,
) -> Plan:
    """Spread the named tasks out, in the order given.

    Only the data of these tasks is touched: one data set can be run where the others are not.

    Args:
        file: The task file.
        names: Tasks.
        data: Where the data sets are.
        folder: What relative folders of the task file are relative to.
        limit: At most so many pairs of every split.
        draw: Draw simulated scenes that are not there yet; otherwise they count as absent.

    Raises:
        BenchError: If data or options are wrong.
    """
    fitting.refuse_wrong_options(file, names)
    cells: list[Cell] = []
    absent: list[Absent] = []
    for name in names:
        task = file.tasks[name]
        try:
            splits = _splits(name, task, data, draw)
        except _Undrawn as why:
            absent.append(Absent(name, task, str(why), undrawn=True))
            continue
        except DataAbsent as why:
            absent.append(Absent(name, task, str(why)))
            continue
        train, test = (split and split.limited(limit) for split in splits)
        assert test is not None
        teacher = file.trained_on(name)
        train_on = (teacher, file.source(teacher)) if teacher else None
        for source_name in task.sources:
            source = file.source(source_name)
            shown = (train_on or (source_name, source), (source_name, source))
            for seed in specs.seeds(task):
                made = specs.of(name, task, shown, (train, test), seed, folder)
                cells.append(
                    Cell(name, task, train, test, source_name, source, seed, folder, made, train_on)
                )
    return Plan(file, tuple(cells), tuple(absent))


class _Undrawn(Exception):  # noqa: N818 - not an error
    pass


def _splits(name: str, task: tasks.Task, data: Path, draw: bool) -> tuple[Split | None, Split]:
    """The train and test split of a task; there is no train split where nothing is trained."""
    dataset, options = specs.dataset(name, task)
    if not draw and hasattr(dataset, "ready") and not dataset.ready(data, options):
        raise _Undrawn(f"the scenes of {task.dataset} are drawn by the first run")
    test: Split = dataset.load(data, "test", options)
    if isinstance(task, tasks.Quality):
        return None, test
    untrained = specs.is_trained_elsewhere(task)
    train: Split | None = None if untrained else dataset.load(data, "train", options)
    for split in (train, test):
        if split is None:
            continue
        unlabelled = [
            p for p in split.pairs if (p.boxes if task.kind == "detection" else p.mask) is None
        ]
        if unlabelled:
            need = "boxes" if task.kind == "detection" else "label masks"
            raise BenchError(
                f"tasks.{name}: {task.kind} needs {need}, and {task.dataset} has none "
                f"(first: {unlabelled[0].key})"
            )
    return train, test
