"""tasks.yaml spread out into cells: the smallest things that are run, resumed and reported.

The plan is a pure function of the task file and the data. The programs work through its cells,
the report reads the records of the same cells, and `--plan` prints them. A record on disk that no
cell asks for is out of date and is left alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.config import schema
from fusebench.data.pairs import Split
from fusebench.errors import DatasetNotFoundError, UserError
from fusebench.experiments import sources, specs, validation
from fusebench.experiments.sources import SourceImages
from fusebench.storage import hashing, records
from fusebench.storage.records import Record, Scalar
from fusebench.storage.store import Store


@dataclass(frozen=True)
class Run:
    """One task on one source with one seed.

    Attributes:
        train: What the model is trained on; None where nothing is trained here.
        folder: What relative folders of the task file are relative to.
        specs: Everything that decides a result, for each folder of the store that the cell
            fills: ``record``, and ``trained`` and ``predicted`` where a model is.
        train_on: Name and source of the training images, where they are not this source's.
    """

    task_name: str
    task: schema.Task
    train_split: Split | None
    test_split: Split
    source_name: str
    source: schema.Source
    seed: int | None
    base_folder: Path
    specs: Mapping[str, Mapping[str, Any]]
    training_source: tuple[str, schema.Source] | None = None

    @property
    def label(self) -> str:
        """The readable half of the record's folder name."""
        return f"{self.task_name}-{_format_source_and_seed(self.source_name, self.seed)}"

    @property
    def prediction_label(self) -> str:
        """The readable half of the folder names of what other tasks may share."""
        return f"{self.test_split.dataset}-{_format_source_and_seed(self.source_name, self.seed)}"

    @property
    def trained_label(self) -> str:
        """The readable half of the trained model's folder name."""
        if self.train_split is None and isinstance(self.task, schema.ModelTaskBase):
            return self.task.model
        name = self.training_source[0] if self.training_source else self.source_name
        return f"{self.test_split.dataset}-{_format_source_and_seed(name, self.seed)}"

    @property
    def required_images(self) -> tuple[tuple[schema.Source, Split], ...]:
        """The sources whose images are needed, and of which split: to train on, to test on."""
        learned = self.training_source[1] if self.training_source else self.source
        tested = (self.source, self.test_split)
        return (tested,) if self.train_split is None else ((learned, self.train_split), tested)

    def get_record_folder(self, store: Store) -> Path:
        """Where the finished record's folder is, or would be."""
        return store.get_path(self.task.kind, self.label, self.specs["record"])

    def read_record(self, store: Store) -> Record | None:
        """The finished record, or None if this cell has not been run."""
        file = self.get_record_folder(store) / "record.json"
        return records.read_record(file) if file.exists() else None

    def get_images(self, split: Split, store: Store, device: str) -> SourceImages:
        """The images of this cell's source for its train or test split, made if need be."""
        return sources.get_images(self.source, split, store, self.base_folder, device)

    def build_protocol(self) -> dict[str, Scalar]:
        """The facts about data and source that every record carries."""
        splits = [split for split in (self.train_split, self.test_split) if split is not None]
        said = self.specs["record"]
        tag = {"protocol": said["protocol"]} if "protocol" in said else {}
        chosen = {"chosen": ", ".join(said["chosen"])} if "chosen" in said else {}
        return {
            **tag,
            "data": self.test_split.dataset,
            "simulated": self.test_split.is_simulated,
            "images": " / ".join(f"{len(s.pairs)} {s.name}" for s in splits),
            "split": self.test_split.rule_description,
            "split leaks": any(split.has_leakage for split in splits),
            "split hash": hashing.content_hash({s.name: hashing.hash_keys(s) for s in splits}),
            "fingerprint": hashing.content_hash(
                {s.name: [hashing.hash_images(s), hashing.hash_labels(s)] for s in splits}
            ),
            "color": sources.describe_color(self.source, self.test_split, self.base_folder),
            **chosen,
        }


def _format_source_and_seed(source: str, seed: int | None) -> str:
    return source if seed is None else f"{source}-seed{seed}"


@dataclass(frozen=True)
class SkippedTask:
    """A task that cannot be planned here: its data is not on this machine."""

    task_name: str
    task: schema.Task
    reason: str
    will_be_generated: bool = False  # simulated scenes that the first run will draw


@dataclass(frozen=True)
class Plan:
    """What a task file comes to on this machine."""

    task_file: schema.TaskFile
    runs: tuple[Run, ...]
    skipped_tasks: tuple[SkippedTask, ...]


def build_plan(
    file: schema.TaskFile,
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
        UserError: If data or options are wrong.
    """
    validation.validate_tasks(file, names)
    cells: list[Run] = []
    absent: list[SkippedTask] = []
    for name in names:
        task = file.tasks[name]
        try:
            splits = _load_splits(name, task, data, draw)
        except _NotGenerated as why:
            absent.append(SkippedTask(name, task, str(why), will_be_generated=True))
            continue
        except DatasetNotFoundError as why:
            absent.append(SkippedTask(name, task, str(why)))
            continue
        train, test = (split and split.limit_pairs(limit) for split in splits)
        assert test is not None
        teacher = file.get_training_source_name(name)
        train_on = (teacher, file.get_source(teacher)) if teacher else None
        for source_name in task.sources:
            source = file.get_source(source_name)
            shown = (train_on or (source_name, source), (source_name, source))
            for seed in specs.get_seeds(task):
                made = specs.build_specs(name, task, shown, (train, test), seed, folder)
                cells.append(
                    Run(name, task, train, test, source_name, source, seed, folder, made, train_on)
                )
    return Plan(file, tuple(cells), tuple(absent))


class _NotGenerated(Exception):  # noqa: N818 - not an error
    pass


def _load_splits(
    name: str, task: schema.Task, data: Path, draw: bool
) -> tuple[Split | None, Split]:
    """The train and test split of a task; there is no train split where nothing is trained."""
    dataset, options = specs.load_dataset_plugin(name, task)
    if not draw and hasattr(dataset, "is_generated") and not dataset.is_generated(data, options):
        raise _NotGenerated(f"the scenes of {task.dataset} are drawn by the first run")
    test: Split = dataset.load(data, "test", options)
    if isinstance(task, schema.QualityTask):
        return None, test
    untrained = specs.uses_pretrained_model(task)
    train: Split | None = None if untrained else dataset.load(data, "train", options)
    for split in (train, test):
        if split is None:
            continue
        unlabeled = [
            p for p in split.pairs if (p.boxes if task.kind == "detection" else p.label_map) is None
        ]
        if unlabeled:
            need = "boxes" if task.kind == "detection" else "label masks"
            raise UserError(
                f"tasks.{name}: {task.kind} needs {need}, and {task.dataset} has none "
                f"(first: {unlabeled[0].key})"
            )
    return train, test
