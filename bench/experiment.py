"""What detection.run and segmentation.run share: a cell's plug-ins, its training and its record."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from bench import averages, records, sources, specs, tasks
from bench.examples import Examples
from bench.plan import Cell
from bench.records import Record, Scalar, Slice
from bench.store import Store

FACTS = "protocol.json"
Score = Callable[[Sequence[str]], Slice]  # of the images with these keys


@dataclass(frozen=True)
class Experiment:
    """A cell with the plug-ins that it names, their options checked.

    Attributes:
        options: What the model learns by.
        how: How it is asked (the model's ``Predict``).
        metrics: Each with its options.
        began: `time.monotonic()` when the cell was started.
    """

    cell: Cell
    model: ModuleType
    options: BaseModel
    how: BaseModel
    metrics: tuple[tuple[ModuleType, Any], ...]
    began: float


def of(cell: Cell) -> Experiment:
    """The experiment of a cell of a task that trains.

    Raises:
        BenchError: If a plug-in is unknown or an option wrong.
    """
    assert isinstance(cell.task, tasks.Trained)
    model, options, how = specs.model_on(cell.source_name, cell.test, cell.name, cell.task)
    metrics = tuple(
        specs.metric(cell.task.kind, name, given, f"tasks.{cell.name}.metrics.{name}")
        for name, given in cell.task.metrics.items()
    )
    return Experiment(cell, model, options, how, metrics, time.monotonic())


def train(experiment: Experiment, store: Store, device: str) -> Path:
    """The folder of the cell's trained model: trained now, or fetched, if it is not there yet."""
    cell = experiment.cell

    def work(folder: Path) -> None:
        if cell.train is None:
            experiment.model.fetch(experiment.options, folder=folder)
            return
        source, split = cell.shown[0]
        shown = sources.find(source, split, store, cell.folder, device)
        experiment.model.train(
            Examples(shown.paths, split),
            experiment.options,
            seed=cell.seed,
            device=device,
            folder=folder,
        )

    return store.fill("trained", cell.trained_label, cell.specs["trained"], work).path


def facts(trained: Path) -> dict[str, Scalar]:
    """What a trained model alone can say for the protocol, if it left a file of it."""
    file = trained / FACTS
    said: dict[str, Scalar] = json.loads(file.read_text(encoding="utf-8")) if file.exists() else {}
    return said


def record(
    experiment: Experiment, score: Score, protocol: Mapping[str, Scalar], made: Mapping[str, Any]
) -> Record:
    """The record of a cell: scores on all test images, and on those of each condition alone."""
    cell = experiment.cell

    def scored(keys: Sequence[str]) -> Slice:
        return arranged(score(keys), cell.task)

    whole = scored(cell.test.keys)
    scenes = sorted({pair.scene for pair in cell.test.pairs if pair.scene is not None})
    return Record(
        task=cell.name,
        kind=cell.task.kind,
        dataset=cell.test.dataset,
        source=cell.source_name,
        source_kind=cell.source.kind,
        seed=cell.seed,
        protocol=dict(protocol),
        columns={
            name: head for metric, _ in experiment.metrics for name, head in metric.COLUMNS.items()
        },
        values=whole.values,
        by_class=whole.by_class,
        by_scene={
            scene: scored([pair.key for pair in cell.test.pairs if pair.scene == scene])
            for scene in scenes
        },
        counts=whole.counts,
        other_means=whole.other_means,
        conventions=whole.conventions,
        spec=dict(cell.specs["record"]),
        made=dict(made),
    )


def arranged(scores: Slice, task: tasks.Task) -> Slice:
    """The scores with the classes in the task's order, and their means without some of them.

    The mean is over the classes that have a score, as the metrics' own.
    """
    if not isinstance(task, tasks.Detection):
        return scores
    order = [*task.classes, *(name for name in scores.by_class if name not in task.classes)]
    by_class = {name: scores.by_class[name] for name in order}
    if not task.without:
        return scores.model_copy(update={"by_class": by_class})
    kept = [said for name, said in by_class.items() if name not in task.without]
    fewer = {
        metric: averages.mean([said.get(metric) for said in kept])
        for metric in scores.values
        if any(metric in said for said in kept)
    }
    others = {f"without {', '.join(task.without)}": fewer}
    return scores.model_copy(update={"by_class": by_class, "other_means": others})


def made(
    experiment: Experiment, device: str, packages: Iterable[str], files: Mapping[str, Path]
) -> dict[str, Any]:
    """When, how long, on what; and what the JSON files say that a model may leave, by name."""
    facts = records.made(time.monotonic() - experiment.began, device, packages)
    return facts | {
        name: json.loads(path.read_text(encoding="utf-8"))
        for name, path in files.items()
        if path.exists()
    }
