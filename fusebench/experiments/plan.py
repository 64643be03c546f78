"""The plan: tasks expanded into runs, the smallest things that are executed, resumed and reported.

A run is one task on one source with one seed. The plan is a pure function of the task file and
the data: the programs execute its runs, the report reads their records, and ``--plan`` prints
them. A record on disk that no run asks for is out of date and is left alone.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.config import schema
from fusebench.data.pairs import Split
from fusebench.errors import DatasetNotFoundError, UserError
from fusebench.experiments import resolution, specs
from fusebench.experiments.resolution import (
    ResolvedFusionMetric,
    ResolvedMetric,
    ResolvedModel,
    ResolvedSource,
    ResolvedTask,
)
from fusebench.experiments.sources import SourceImages
from fusebench.storage import hashing, records
from fusebench.storage.records import Record, Scalar
from fusebench.storage.store import Store


@dataclass(frozen=True)
class Run:
    """One task on one source with one seed.

    Attributes:
        task_name: The task's name in the task file.
        task: What the task file says.
        train_images: What the model is trained on; None where nothing is trained here.
        test_images: What it is tested on, or what is scored.
        seed: None where nothing is trained here.
        specs: What decides the contents of each folder of the store that the run fills:
            ``record``, and ``trained`` and ``predicted`` where there is a model.
        model: None for a quality task.
        metrics: Of a detection or segmentation task.
        fusion_metrics: Of a quality task.
    """

    task_name: str
    task: schema.Task
    train_images: SourceImages | None
    test_images: SourceImages
    seed: int | None
    specs: Mapping[str, Mapping[str, Any]]
    model: ResolvedModel | None = None
    metrics: tuple[ResolvedMetric, ...] = ()
    fusion_metrics: tuple[ResolvedFusionMetric, ...] = ()

    @property
    def source(self) -> ResolvedSource:
        """The source that is tested."""
        return self.test_images.source

    @property
    def source_name(self) -> str:
        """Its name."""
        return self.test_images.source.name

    @property
    def test_split(self) -> Split:
        """The pairs to test on."""
        return self.test_images.split

    @property
    def label(self) -> str:
        """The readable half of the name of the record's folder."""
        return f"{self.task_name}-{_format_source_and_seed(self.source_name, self.seed)}"

    @property
    def prediction_label(self) -> str:
        """The readable half of the names of folders that other tasks may share."""
        source_and_seed = _format_source_and_seed(self.source_name, self.seed)
        return f"{self.test_split.dataset}-{source_and_seed}"

    @property
    def trained_label(self) -> str:
        """The readable half of the name of the trained model's folder."""
        if self.train_images is None:
            assert isinstance(self.task, schema.ModelTaskBase)
            return self.task.model
        name = self.train_images.source.name
        return f"{self.test_split.dataset}-{_format_source_and_seed(name, self.seed)}"

    @property
    def required_images(self) -> tuple[SourceImages, ...]:
        """The images that the run needs: those to train on, then those to test on."""
        return (
            (self.test_images,)
            if self.train_images is None
            else (self.train_images, self.test_images)
        )

    def get_record_folder(self, store: Store) -> Path:
        """Where the folder of the finished record is, or would be."""
        return store.get_path(self.task.kind, self.label, self.specs["record"])

    def read_record(self, store: Store) -> Record | None:
        """The finished record; None if the run is not finished."""
        file = self.get_record_folder(store) / "record.json"
        return records.read_record(file) if file.exists() else None

    def build_protocol(self) -> dict[str, Scalar]:
        """The facts about data and source that every record carries."""
        splits = [images.split for images in self.required_images]
        record = self.specs["record"]
        protocol = {"protocol": record["protocol"]} if "protocol" in record else {}
        chosen = {"chosen": ", ".join(record["chosen"])} if "chosen" in record else {}
        return {
            **protocol,
            "data": self.test_split.dataset,
            "simulated": self.test_split.is_simulated,
            "images": " / ".join(f"{len(split.pairs)} {split.name}" for split in splits),
            "split": self.test_split.rule_description,
            "split leaks": any(split.has_leakage for split in splits),
            "split hash": hashing.content_hash(
                {split.name: hashing.hash_keys(split) for split in splits}
            ),
            "fingerprint": hashing.content_hash(
                {
                    split.name: [hashing.hash_images(split), hashing.hash_labels(split)]
                    for split in splits
                }
            ),
            "color": self.test_images.describe_color(),
            **chosen,
        }


@dataclass(frozen=True)
class SkippedTask:
    """A task that cannot be planned here: its data is not on this machine.

    Attributes:
        will_be_generated: It is simulated data, which the first run makes.
    """

    task_name: str
    task: schema.Task
    reason: str
    will_be_generated: bool = False


@dataclass(frozen=True)
class Plan:
    """What a task file comes to on this machine."""

    task_file: schema.TaskFile
    runs: tuple[Run, ...]
    skipped_tasks: tuple[SkippedTask, ...]


def build_plan(
    task_file: schema.TaskFile,
    names: Sequence[str],
    data: Path,
    base_folder: Path,
    *,
    limit: int | None = None,
    generate: bool = True,
) -> Plan:
    """Expand the named tasks into runs, in the order given.

    Only the data of these tasks is read: one data set can be run where the others are not.

    Args:
        task_file: The task file.
        names: Names of tasks.
        data: The folder of the data sets.
        base_folder: What relative folders of the task file are relative to.
        limit: At most so many pairs of every split.
        generate: Make simulated scenes that are missing; otherwise their tasks are skipped.

    Raises:
        UserError: If data or options are wrong.
    """
    runs: list[Run] = []
    skipped: list[SkippedTask] = []
    for name, resolved in resolution.resolve_tasks(task_file, names, base_folder).items():
        try:
            splits = _load_splits(resolved, data, generate)
        except _NotGeneratedError as reason:
            skipped.append(SkippedTask(name, resolved.task, str(reason), will_be_generated=True))
            continue
        except DatasetNotFoundError as reason:
            skipped.append(SkippedTask(name, resolved.task, str(reason)))
            continue
        train, test = (split and split.limit_pairs(limit) for split in splits)
        assert test is not None
        runs += _build_runs(resolved, train, test)
    return Plan(task_file, tuple(runs), tuple(skipped))


def _build_runs(resolved: ResolvedTask, train: Split | None, test: Split) -> list[Run]:
    """The runs of a task: every source with every seed."""
    runs = []
    shared_training = (
        SourceImages(resolved.training_source, train)
        if resolved.training_source is not None and train is not None
        else None
    )
    for source in resolved.sources:
        test_images = SourceImages(source, test)
        train_images = shared_training
        if train is not None and train_images is None:
            train_images = SourceImages(source, train)
        model = resolved.model
        if model is not None:
            values = {"source": source.name, "dataset": test.dataset, "split": test.name}
            model = model.for_source(values, f"tasks.{resolved.name}.options")
        runs += [
            Run(
                resolved.name,
                resolved.task,
                train_images,
                test_images,
                seed,
                specs.build_specs(resolved, model, train_images, test_images, seed),
                model,
                resolved.metrics,
                resolved.fusion_metrics,
            )
            for seed in resolved.seeds
        ]
    return runs


class _NotGeneratedError(Exception):
    """Simulated data is not on disk yet."""


def _format_source_and_seed(source: str, seed: int | None) -> str:
    return source if seed is None else f"{source}-seed{seed}"


def _load_splits(resolved: ResolvedTask, data: Path, generate: bool) -> tuple[Split | None, Split]:
    """The train and test split of a task; there is no train split where nothing is trained."""
    task, dataset = resolved.task, resolved.dataset
    if not generate and not dataset.plugin.is_generated(data, dataset.options):
        raise _NotGeneratedError(f"the scenes of {task.dataset} are generated by the first run")
    test = dataset.plugin.load(data, "test", dataset.options)
    if resolved.model is None:
        return None, test
    train = None
    if resolved.model.is_trained_here:
        train = dataset.plugin.load(data, "train", dataset.options)
    for split in (train, test):
        if split is not None:
            _check_labels(resolved.name, task, split)
    return train, test


def _check_labels(name: str, task: schema.Task, split: Split) -> None:
    """Refuse pairs without the labels that a task needs."""
    is_detection = task.kind == "detection"
    unlabeled = [
        pair for pair in split.pairs if (pair.boxes if is_detection else pair.label_map) is None
    ]
    if unlabeled:
        need = "boxes" if is_detection else "label maps"
        raise UserError(
            f"tasks.{name}: {task.kind} needs {need}, and {task.dataset} has none "
            f"(first: {unlabeled[0].key})"
        )
