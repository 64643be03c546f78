"""Train a segmenter on each source's images, predict label maps, score them.

python -m segmentation.run                    everything in tasks.yaml
python -m segmentation.run --fmb              the tasks on one data set
python -m segmentation.run --source fused     every fusion; or ir, vis, a source's name
python -m segmentation.run --plan             what would be done, and what is done already

Under --out: trained/ the models, predicted/ one label map per test image, segmentation/ the
scores (record.json), a confusion matrix per image (confusion.npz) and per_image.csv. A stopped
run goes on where it was: training from its last checkpoint, prediction with the first image it
lacks.
"""

import csv
import json
import sys
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
from pydantic import BaseModel

from bench import cli, images, masks, plugins, progress, records
from bench.examples import Examples
from bench.pairs import Split
from bench.plan import Cell
from bench.records import Column, Record, Scalar, Slice
from bench.store import Store
from bench.tasks import Segmentation
from segmentation import confusion
from segmentation.confusion import Counts

PACKAGES = ("torch", "onedl-mmsegmentation", "onedl-mmengine", "onedl-mmcv", "numpy", "pillow")


def run(cell: Cell, store: Store, device: str) -> None:
    """Bring one cell up to date."""
    assert isinstance(cell.task, Segmentation)
    start = time.monotonic()
    facts = protocol(cell)  # first, because it refuses options that do not fit before hours pass
    trained = train(cell, store, device)
    predicted = predict(cell, store, device, trained)

    def work(folder: Path) -> None:
        counts = count(cell.test, predicted)
        confusion.write(folder / "confusion.npz", counts)
        write_per_image(folder / "per_image.csv", cell.test.classes, counts)
        whole = score(cell, counts)
        Record(
            task=cell.name,
            kind=cell.task.kind,
            dataset=cell.test.dataset,
            source=cell.source_name,
            source_kind=cell.source.kind,
            seed=cell.seed,
            protocol=facts,
            columns=columns(cell),
            values=whole.values,
            by_class=whole.by_class,
            by_scene=by_scene(cell, counts),
            counts=whole.counts,
            spec=dict(cell.specs["record"]),
            made=records.made(time.monotonic() - start, device, PACKAGES) | effort(trained),
        ).write(folder)

    store.fill(cell.task.kind, cell.label, cell.specs["record"], work)


def train(cell: Cell, store: Store, device: str) -> Path:
    """The folder of the model trained on this cell's source, trained now if it is not yet."""
    model, options, _ = segmenter(cell)
    assert cell.train is not None
    split = cell.train

    def work(folder: Path) -> None:
        shown = cell.images(split, store, device)
        examples = Examples(shown.paths, split)
        model.train(examples, options, seed=cell.seed, device=device, folder=folder)

    return store.fill("trained", cell.model_label, cell.specs["trained"], work).path


def predict(cell: Cell, store: Store, device: str, trained: Path) -> Path:
    """The folder of label maps, one ``<key>.png`` per test pair."""
    model, options, how = segmenter(cell)

    def work(folder: Path) -> None:
        shown = cell.images(cell.test, store, device)
        todo = [pair for pair in cell.test.pairs if not (folder / f"{pair.key}.png").exists()]
        examples = Examples(
            {pair.key: shown.paths[pair.key] for pair in todo},
            replace(cell.test, pairs=tuple(todo)),
        )
        made = model.predict(trained, examples, options, how, device=device)
        for _ in progress.each(todo, f"predict {cell.model_label}"):
            key, labels = next(made)
            images.write(folder / f"{key}.png", labels)

    return store.fill("predicted", cell.model_label, cell.specs["predicted"], work).path


def count(split: Split, predicted: Path) -> dict[str, Counts]:
    """A confusion matrix per pair, by key, int64 (C, C), rows are the truth."""
    found: dict[str, Counts] = {}
    for pair in progress.each(split.pairs, f"count {split.dataset}-{split.name}"):
        assert pair.mask is not None
        truth = masks.read_mask(pair.mask, split.classes)
        labels = masks.read_mask(predicted / f"{pair.key}.png", split.classes)
        found[pair.key] = confusion.count(truth, labels, len(split.classes))
    return found


def score(cell: Cell, counts: Mapping[str, Counts]) -> Slice:
    """All metrics of the cell on the images that are counted."""
    total: Counts = np.sum(list(counts.values()), axis=0)
    found = [metric.measure(total, cell.test.classes, options) for metric, options in metrics(cell)]
    return reduce(Slice.joined, found, Slice(values={}, counts={"images": len(counts)}))


def by_scene(cell: Cell, counts: Mapping[str, Counts]) -> dict[str, Slice]:
    """The same on the images of each condition alone; empty where conditions are not known."""
    scenes = sorted({pair.scene for pair in cell.test.pairs if pair.scene is not None})
    return {
        scene: score(cell, {p.key: counts[p.key] for p in cell.test.pairs if p.scene == scene})
        for scene in scenes
    }


def columns(cell: Cell) -> dict[str, Column]:
    """How the cell's metrics are headed."""
    return {name: head for metric, _ in metrics(cell) for name, head in metric.COLUMNS.items()}


def protocol(cell: Cell) -> dict[str, Scalar]:
    """The facts a reader needs to repeat the number: data, model, metric."""
    model, options, how = segmenter(cell)
    facts: dict[str, Scalar] = cell.protocol() | model.protocol(options, how)
    for metric, chosen in metrics(cell):
        facts |= metric.protocol(cell.test.classes, chosen)
    return facts


def segmenter(cell: Cell) -> tuple[ModuleType, BaseModel, BaseModel]:
    """The cell's model, its options, and how it is asked."""
    assert isinstance(cell.task, Segmentation)
    model = plugins.find("segmentation.models", cell.task.model)
    where = f"tasks.{cell.name}"
    return (
        model,
        plugins.options(model, cell.task.options, f"{where}.options"),
        plugins.options(model, cell.task.predict, f"{where}.predict", "Predict"),
    )


def metrics(cell: Cell) -> list[tuple[ModuleType, Any]]:
    """The cell's metrics and their options."""
    found = []
    for name, given in cell.task.metrics.items():
        metric = plugins.find("segmentation.metrics", name)
        found.append((metric, plugins.options(metric, given, f"tasks.{cell.name}.metrics.{name}")))
    return found


def effort(trained: Path) -> dict[str, Any]:
    """How long training took, if the model's folder says so."""
    place = trained / "time.json"
    return {"training": json.loads(place.read_text())} if place.exists() else {}


def write_per_image(path: Path, classes: Sequence[str], counts: Mapping[str, Counts]) -> None:
    """One row per image and class that is in its truth or prediction; pixels."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("key", "class", "truth", "predicted", "hit"))
        for key, matrix in counts.items():
            truth, predicted, hit = matrix.sum(axis=1), matrix.sum(axis=0), np.diag(matrix)
            for i, name in enumerate(classes):
                if truth[i] or predicted[i]:
                    rows.writerow((key, name, truth[i], predicted[i], hit[i]))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    return cli.work_through("segmentation", "segmentation.run", __doc__ or "", run, argv)


if __name__ == "__main__":
    sys.exit(main())
