"""What detection.run and segmentation.run share: a cell's plug-ins, its training and its record."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from fusebench.config import schema
from fusebench.data.labeled_images import LabeledImages
from fusebench.evaluation import class_means
from fusebench.experiments import sources, specs
from fusebench.experiments.plan import Run
from fusebench.storage import records
from fusebench.storage.records import Record, Scalar, Scores
from fusebench.storage.store import Store

PROTOCOL_FILE = "protocol.json"
ScoreFunction = Callable[[Sequence[str]], Scores]  # of the images with these keys


@dataclass(frozen=True)
class PreparedRun:
    """A cell with the plug-ins that it names, their options checked.

    Attributes:
        options: What the model learns by.
        how: How it is asked (the model's ``NoisePredictor``).
        metrics: Each with its options.
        began: `time.monotonic()` when the cell was started.
    """

    run: Run
    model: ModuleType
    options: BaseModel
    predict_options: BaseModel
    metrics: tuple[tuple[ModuleType, Any], ...]
    start_time: float


def prepare_run(cell: Run) -> PreparedRun:
    """The experiment of a cell of a task that trains.

    Raises:
        UserError: If a plug-in is unknown or an option wrong.
    """
    assert isinstance(cell.task, schema.ModelTaskBase)
    model, options, how = specs.load_model_for_source(
        cell.source_name, cell.test_split, cell.task_name, cell.task
    )
    metrics = tuple(
        specs.load_metric(cell.task.kind, name, given, f"tasks.{cell.task_name}.metrics.{name}")
        for name, given in cell.task.metrics.items()
    )
    return PreparedRun(cell, model, options, how, metrics, time.monotonic())


def get_or_train_model(experiment: PreparedRun, store: Store, device: str) -> Path:
    """The folder of the cell's trained model: trained now, or fetched, if it is not there yet."""
    cell = experiment.run

    def work(folder: Path) -> None:
        if cell.train_split is None:
            experiment.model.download(experiment.options, folder=folder)
            return
        source, split = cell.required_images[0]
        shown = sources.get_images(source, split, store, cell.base_folder, device)
        experiment.model.train(
            LabeledImages(shown.paths, split),
            experiment.options,
            seed=cell.seed,
            device=device,
            folder=folder,
        )

    return store.get_or_create("trained", cell.trained_label, cell.specs["trained"], work).path


def read_training_protocol(trained: Path) -> dict[str, Scalar]:
    """What a trained model alone can say for the protocol, if it left a file of it."""
    file = trained / PROTOCOL_FILE
    said: dict[str, Scalar] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return said


def build_record(
    experiment: PreparedRun,
    score: ScoreFunction,
    protocol: Mapping[str, Scalar],
    made: Mapping[str, Any],
) -> Record:
    """The record of a cell: scores on all test images, and on those of each condition alone."""
    cell = experiment.run

    def scored(keys: Sequence[str]) -> Scores:
        return order_classes(score(keys), cell.task)

    whole = scored(cell.test_split.keys)
    scenes = sorted(
        {pair.condition for pair in cell.test_split.pairs if pair.condition is not None}
    )
    return Record(
        task=cell.task_name,
        kind=cell.task.kind,
        dataset=cell.test_split.dataset,
        source=cell.source_name,
        source_kind=cell.source.kind,
        seed=cell.seed,
        protocol=dict(protocol),
        columns={
            name: head for metric, _ in experiment.metrics for name, head in metric.COLUMNS.items()
        },
        values=whole.values,
        by_class=whole.by_class,
        by_condition={
            scene: scored([pair.key for pair in cell.test_split.pairs if pair.condition == scene])
            for scene in scenes
        },
        counts=whole.counts,
        subset_means=whole.subset_means,
        by_convention=whole.by_convention,
        spec=dict(cell.specs["record"]),
        provenance=dict(made),
    )


def order_classes(scores: Scores, task: schema.Task) -> Scores:
    """The scores with the classes in the task's order, and their means without some of them.

    The mean is over the classes that have a score, as the metrics' own.
    """
    if not isinstance(task, schema.DetectionTask):
        return scores
    order = [*task.classes, *(name for name in scores.by_class if name not in task.classes)]
    by_class = {name: scores.by_class[name] for name in order}
    if not task.without:
        return scores.model_copy(update={"by_class": by_class})
    kept = [said for name, said in by_class.items() if name not in task.without]
    fewer = {
        metric: class_means.mean_of_defined([said.get(metric) for said in kept])
        for metric in scores.values
        if any(metric in said for said in kept)
    }
    others = {f"without {', '.join(task.without)}": fewer}
    return scores.model_copy(update={"by_class": by_class, "subset_means": others})


def collect_provenance(
    experiment: PreparedRun, device: str, packages: Iterable[str], files: Mapping[str, Path]
) -> dict[str, Any]:
    """When, how long, on what; and what the JSON files say that a model may leave, by name."""
    facts = records.build_provenance(time.monotonic() - experiment.start_time, device, packages)
    return facts | {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in files.items()
        if path.exists()
    }
