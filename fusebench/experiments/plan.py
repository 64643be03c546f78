"""The plan: tasks expanded into runs, the units that are executed, resumed and reported.

A run is one task on one source with one seed. The plan is a pure function of the task file and
the data: the programs execute its runs, the report reads their records, and ``--plan`` prints
them. A record on disk that belongs to no run is out of date; it is ignored and not deleted.
"""

import json
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.config import schema
from fusebench.data.box_labels import label_notes
from fusebench.data.pairs import Split
from fusebench.data.split_builder import build_split
from fusebench.errors import DatasetNotFoundError
from fusebench.experiments import label_checks, resolution, specs
from fusebench.experiments.resolution import (
    ResolvedDataset,
    ResolvedFusionMetric,
    ResolvedMetric,
    ResolvedModel,
    ResolvedSource,
    ResolvedTask,
)
from fusebench.experiments.robustness.corrupted_pairs import CorruptedPairs, corrupt_split
from fusebench.experiments.sources import SourceImages
from fusebench.storage import hashing, records
from fusebench.storage.records import Record, Scalar
from fusebench.storage.splits.file_hashes import FileHashes
from fusebench.storage.splits.split_cache import SplitCache
from fusebench.storage.store import Store


@dataclass(frozen=True)
class Run:
    """One task on one source with one seed.

    Attributes:
        task_name: The task's name in the task file.
        task: Its configuration in the task file.
        train_images: Training images of the model; None if nothing is trained.
        test_images: Images that the model is tested on, or that are scored.
        seed: Random seed of the training; None if nothing is trained.
        specs: Spec of each folder of the store that the run fills: ``record``; with a model also
            ``trained`` and ``predicted``.
        model: The model; None for a quality task.
        metrics: Metrics of a detection or segmentation task.
        fusion_metrics: Metrics of a quality task.
        members: The runs whose predictions an ensemble combines; empty for other sources. An
            ensemble trains nothing itself: it has the model of its first member, and no
            ``train_images``.
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
    members: tuple["Run", ...] = ()

    @property
    def source(self) -> ResolvedSource:
        """The source that is tested."""
        return self.test_images.source

    @property
    def source_name(self) -> str:
        """Name of the source that is tested."""
        return self.test_images.source.name

    @property
    def test_split(self) -> Split:
        """The test pairs."""
        return self.test_images.split

    @property
    def corruption(self) -> CorruptedPairs | None:
        """How the test pairs are corrupted; None: not at all."""
        return self.test_images.corruption

    @property
    def _source_and_seed(self) -> str:
        """Name of the source, the corruption if there is one, and the seed."""
        name = self.source_name
        if self.corruption is not None:
            name = f"{name}-{self.corruption.level.label}"
        return _format_source_and_seed(name, self.seed)

    @property
    def table_name(self) -> str:
        """Name of the task in its record; of corrupted pairs with the corruption."""
        if self.corruption is None:
            return self.task_name
        return f"{self.task_name}, {self.corruption.level.label}"

    @property
    def label(self) -> str:
        """Readable part of the name of the record's folder."""
        return f"{self.task_name}-{self._source_and_seed}"

    @property
    def prediction_label(self) -> str:
        """Readable part of the name of the predictions' folder, which other tasks may share."""
        return f"{self.test_split.dataset}-{self._source_and_seed}"

    @property
    def trained_label(self) -> str:
        """Readable part of the name of the trained model's folder."""
        if self.train_images is None:
            assert isinstance(self.task, schema.ModelTaskBase)
            return self.task.model
        name = self.train_images.source.name
        return f"{self.test_split.dataset}-{_format_source_and_seed(name, self.seed)}"

    @property
    def required_images(self) -> tuple[SourceImages, ...]:
        """The training images, if any, then the test images; those of all members."""
        if self.members:
            required = (images for run in self.members for images in run.required_images)
            return tuple({id(images): images for images in required}.values())
        return (
            (self.test_images,)
            if self.train_images is None
            else (self.train_images, self.test_images)
        )

    @property
    def splits(self) -> tuple[Split, ...]:
        """The training split, if anything is trained, and the test split."""
        return tuple({images.split.name: images.split for images in self.required_images}.values())

    def get_record_folder(self, store: Store) -> Path:
        """Return the path of the record's folder, whether the run is finished or not."""
        return store.get_path(self.task.kind, self.label, self.specs["record"])

    def read_record(self, store: Store) -> Record | None:
        """Read the record after checking its folder; None if the run is not finished.

        Raises:
            UserError: If a file of the folder is damaged.
        """
        folder = store.find_finished(self.task.kind, self.label, self.specs["record"])
        return None if folder is None else records.read_record(folder / records.FILE_NAME)

    def build_protocol(self) -> dict[str, Scalar]:
        """Build the protocol entries about data and source, which every record has."""
        splits = self.splits
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
            **({} if self.corruption is None else {"corruption": self.corruption.describe()}),
            **_join_notes(splits),
            **self._describe_true_boxes(),
            **chosen,
            **self._describe_ensemble(),
        }

    def _describe_true_boxes(self) -> dict[str, str]:
        """Describe ignored boxes, and classes without boxes to train on, for detection."""
        if self.model is None or self.task.kind != "detection":
            return {}
        train = None
        if self.model.plugin.PROTOCOL == "retrained":
            train = next((split for split in self.splits if split.name == "train"), None)
        return {
            **label_notes.describe_ignored_boxes(train, self.test_split),
            **label_notes.describe_missing_boxes(train, self.test_split),
        }

    def _describe_ensemble(self) -> dict[str, str]:
        """Describe how predictions are combined, for an ensemble."""
        if self.source.ensemble is None:
            return {}
        members = [run.source_name for run in self.members]
        return {"ensemble": self.source.ensemble.describe(members)}


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
            splits = _load_splits(resolved, data, generate, cache)
        except _NotGeneratedError as reason:
            skipped.append(SkippedTask(name, resolved.task, str(reason), will_be_generated=True))
            continue
        except DatasetNotFoundError as reason:
            skipped.append(SkippedTask(name, resolved.task, reason.summary, str(reason)))
            continue
        train, test = (split and split.limit_pairs(limit) for split in splits)
        assert test is not None
        hashes = cache.file_hashes
        clean = _build_runs(resolved, train, test, hashes)
        runs += _list_runs(resolved, clean)
        where = f"tasks.{name}.corruptions"
        for pairs in corrupt_split(resolved.corruptions, splits[1], test, where, hashes):
            corrupted = _build_runs(resolved, train, test, hashes, pairs, clean)
            corrupted_runs += _list_runs(resolved, corrupted)
    return Plan(task_file, tuple(runs), tuple(skipped), tuple(corrupted_runs))


def select_kinds(run_plan: Plan, kinds: Collection[str]) -> Plan:
    """Keep the runs and the skipped tasks of some kinds of tasks."""
    return Plan(
        run_plan.task_file,
        tuple(run for run in run_plan.runs if run.task.kind in kinds),
        tuple(skipped for skipped in run_plan.skipped_tasks if skipped.task.kind in kinds),
        tuple(run for run in run_plan.corrupted_runs if run.task.kind in kinds),
    )


def _build_runs(
    resolved: ResolvedTask,
    train: Split | None,
    test: Split,
    file_hashes: FileHashes,
    corruption: CorruptedPairs | None = None,
    clean: Mapping[tuple[str, int | None], Run] | None = None,
) -> dict[tuple[str, int | None], Run]:
    """Build the runs of a task: one per source and seed.

    The members of an ensemble are the runs of the same task and seed, whether it lists their
    sources or not.

    With a corruption, sources are left out whose images it does not change, and those of images
    that were fused elsewhere. Members of an ensemble whose images stay are the runs on clean pairs.

    Args:
        resolved: The task.
        train: Training split; None if nothing is trained.
        test: Test split.
        file_hashes: Known content hashes of files.
        corruption: Corruption of the test pairs; None: clean pairs.
        clean: The runs on clean pairs, for a corruption.

    Returns:
        Runs by source and seed; also those of members that the task does not list.
    """
    members = [member for source in resolved.sources for member in source.members]
    with_images = {s.name: s for s in (*resolved.sources, *members) if s.ensemble is None}
    shared_training = (
        SourceImages(resolved.training_source, train, file_hashes)
        if resolved.training_source is not None and train is not None
        else None
    )
    runs: dict[tuple[str, int | None], Run] = {}
    for source in with_images.values():
        if corruption is not None and not corruption.changes_source(source.config):
            continue
        test_images = SourceImages(source, test, file_hashes, corruption)
        train_images = shared_training
        if train is not None and train_images is None:
            train_images = SourceImages(source, train, file_hashes)
        for run in _build_runs_of_source(resolved, train_images, test_images):
            runs[source.name, run.seed] = run
    for source in resolved.sources:
        if source.ensemble is None or not _can_combine(source, corruption):
            continue
        test_images = SourceImages(source, test, file_hashes, corruption)
        for seed in resolved.seeds:
            keys = [(member.name, seed) for member in source.members]
            parts = tuple(runs[key] if key in runs else (clean or {})[key] for key in keys)
            runs[source.name, seed] = _build_ensemble_run(resolved, test_images, seed, parts)
    return runs


def _can_combine(ensemble: ResolvedSource, corruption: CorruptedPairs | None) -> bool:
    """Return whether an ensemble has members whose images change, and none that cannot be made."""
    if corruption is None:
        return True
    configs = [member.config for member in ensemble.members]
    return any(map(corruption.changes_source, configs)) and not any(
        isinstance(config, schema.ExternalImagesSource) for config in configs
    )


def _list_runs(resolved: ResolvedTask, runs: Mapping[tuple[str, int | None], Run]) -> list[Run]:
    """List the runs of the sources that a task lists, in its order."""
    keys = [(source.name, seed) for source in resolved.sources for seed in resolved.seeds]
    return [runs[key] for key in keys if key in runs]


def _build_runs_of_source(
    resolved: ResolvedTask, train_images: SourceImages | None, test_images: SourceImages
) -> Iterator[Run]:
    """Yield the runs of a source that has images: one per seed."""
    model, test = resolved.model, test_images.split
    if model is not None:
        name = test_images.source.name
        values = {"source": name, "dataset": test.dataset, "split": test.name}
        model = model.for_source(values, f"tasks.{resolved.name}.options")
    for seed in resolved.seeds:
        yield Run(
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


def _build_ensemble_run(
    resolved: ResolvedTask, test_images: SourceImages, seed: int | None, members: tuple[Run, ...]
) -> Run:
    """Build the run that combines the predictions of its members."""
    ensemble = test_images.source.ensemble
    assert ensemble is not None
    return Run(
        resolved.name,
        resolved.task,
        None,
        test_images,
        seed,
        specs.build_ensemble_specs(
            resolved,
            ensemble.build_spec([run.specs["predicted"] for run in members]),
            members[0].splits,
        ),
        members[0].model,
        resolved.metrics,
        members=members,
    )


def _join_notes(splits: Iterable[Split]) -> dict[str, str]:
    """Join the notes of the splits by name, each text after the names of its splits.

    They are of the whole split, of which ``--limit`` may have selected a part.
    """
    joined: dict[str, dict[str, list[Split]]] = {}
    for split in splits:
        for name, text in split.notes:
            joined.setdefault(name, {}).setdefault(text, []).append(split)
    return {
        name: "; ".join(f"{_name_splits(noted)}: {text}" for text, noted in texts.items())
        for name, texts in joined.items()
    }


def _name_splits(splits: Sequence[Split]) -> str:
    whole = ", whole split" if any(split.excluded_keys for split in splits) else ""
    return " and ".join(split.name for split in splits) + whole


class _NotGeneratedError(Exception):
    """Simulated data is not on disk yet."""


def _format_source_and_seed(source: str, seed: int | None) -> str:
    return source if seed is None else f"{source}-seed{seed}"


def _load_splits(
    resolved: ResolvedTask, data: Path, generate: bool, cache: SplitCache
) -> tuple[Split | None, Split]:
    """Load the train and test split of a task; the train split is None if nothing is trained."""
    task, dataset = resolved.task, resolved.dataset
    if not generate and not dataset.plugin.is_generated(data, dataset.options):
        raise _NotGeneratedError(f"the scenes of {task.dataset} are generated by the first run")
    test = _load_split(dataset, data, "test", cache)
    if resolved.model is None:
        return None, test
    train = None
    if resolved.model.is_trained_here:
        train = _load_split(dataset, data, "train", cache)
    for split in (train, test):
        if split is not None:
            label_checks.check_complete(split, resolved.name, task)
    if task.kind == "detection":
        label_checks.check_any_box(test, resolved.name)
        if train is not None and resolved.model.plugin.PROTOCOL == "retrained":
            label_checks.check_any_box(train, resolved.name)
    return train, test


def _load_split(dataset: ResolvedDataset, data: Path, name: str, cache: SplitCache) -> Split:
    plugin, options = dataset.plugin, dataset.options
    identity = {
        "dataset": plugin.name,
        "version": plugin.VERSION,
        "options": options.model_dump(mode="json"),
        "data": str(data),
        "current folder": str(Path.cwd()),
    }

    def load() -> Split:
        index = cache.readings.get_index(
            json.dumps(identity, sort_keys=True), lambda: plugin.load(data, options)
        )
        return build_split(index, name, data, cache.readings)

    # A module of the user, and what it imports, may have changed: it is called every time.
    is_own_module = "." in plugin.name
    return cache.get_or_load(
        {**identity, "split": name},
        () if is_own_module else plugin.input_paths(data, options),
        load,
    )
