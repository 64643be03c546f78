"""What detection.run and segmentation.run share: a cell's plug-ins, its training and its record."""

import json
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from bench import records, specs, tasks
from bench.examples import Examples
from bench.plan import Cell
from bench.records import Record, Scalar, Slice
from bench.store import Store

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
    model, options, how = specs.model(cell.name, cell.task)
    metrics = tuple(
        specs.metric(cell.task.kind, name, given, f"tasks.{cell.name}.metrics.{name}")
        for name, given in cell.task.metrics.items()
    )
    return Experiment(cell, model, options, how, metrics, time.monotonic())


def train(experiment: Experiment, store: Store, device: str) -> Path:
    """The folder of the model trained on the cell's source, trained now if it is not yet."""
    cell = experiment.cell
    assert cell.train is not None
    split = cell.train

    def work(folder: Path) -> None:
        examples = Examples(cell.images(split, store, device).paths, split)
        experiment.model.train(
            examples, experiment.options, seed=cell.seed, device=device, folder=folder
        )

    return store.fill("trained", cell.model_label, cell.specs["trained"], work).path


def record(
    experiment: Experiment, score: Score, protocol: Mapping[str, Scalar], made: Mapping[str, Any]
) -> Record:
    """The record of a cell: scores on all test images, and on those of each condition alone."""
    cell = experiment.cell
    whole = score(cell.test.keys)
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
            scene: score([pair.key for pair in cell.test.pairs if pair.scene == scene])
            for scene in scenes
        },
        counts=whole.counts,
        conventions=whole.conventions,
        spec=dict(cell.specs["record"]),
        made=dict(made),
    )


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
