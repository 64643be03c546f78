"""Train a detector on each source's images, predict the test images, score the boxes.

python -m detection.run                    everything in tasks.yaml
python -m detection.run --m3fd             the tasks on one data set
python -m detection.run --source fused     every fusion; or ir, vis, a source's name
python -m detection.run --plan             what would be done, and what is done already

Under --out: trained/ the detectors, predicted/ the boxes (predictions.json, COCO's form),
detection/ the scores (record.json) and per_image.csv. A stopped run goes on where it was:
training after its last finished epoch.
"""

import csv
import json
import sys
import time
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path
from types import ModuleType
from typing import Any

from pydantic import BaseModel

from bench import boxes, cli, plugins, records
from bench.boxes import Boxes
from bench.errors import BenchError
from bench.examples import Examples
from bench.plan import Cell
from bench.records import Column, Record, Scalar, Slice
from bench.store import Store
from bench.tasks import Detection
from detection import matching
from detection.metrics import precision_recall

PACKAGES = ("torch", "torchvision", "ultralytics", "pycocotools", "numpy", "pillow")
PREDICTIONS = "predictions.json"


def run(cell: Cell, store: Store, device: str) -> None:
    """Bring one cell up to date."""
    assert isinstance(cell.task, Detection)
    start = time.monotonic()
    facts = protocol(cell)  # first, because it refuses options that do not fit before hours pass
    trained = train(cell, store, device)
    predicted = predict(cell, store, device, trained)

    def work(folder: Path) -> None:
        truth, found = true_boxes(cell), read(cell, predicted)
        write_per_image(folder / "per_image.csv", cell.test.classes, truth, found)
        whole = score(cell, truth, found)
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
            by_scene=by_scene(cell, truth, found),
            counts=whole.counts,
            spec=dict(cell.specs["record"]),
            made=records.made(time.monotonic() - start, device, PACKAGES) | effort(trained),
        ).write(folder)

    store.fill(cell.task.kind, cell.label, cell.specs["record"], work)


def train(cell: Cell, store: Store, device: str) -> Path:
    """The folder of the detector trained on this cell's source, trained now if it is not yet."""
    model, options, _ = detector(cell)
    assert cell.train is not None
    split = cell.train

    def work(folder: Path) -> None:
        examples = Examples(cell.images(split, store, device).paths, split)
        model.train(examples, options, seed=cell.seed, device=device, folder=folder)

    return store.fill("trained", cell.model_label, cell.specs["trained"], work).path


def predict(cell: Cell, store: Store, device: str, trained: Path) -> Path:
    """The file of boxes for the test images, COCO's form with scores."""
    model, options, how = detector(cell)

    def work(folder: Path) -> None:
        examples = Examples(cell.images(cell.test, store, device).paths, cell.test)
        found = model.predict(trained, examples, options, how, device=device)
        sizes = {pair.key: pair.size for pair in cell.test.pairs}
        document = boxes.to_coco(found, cell.test.classes, sizes)
        (folder / PREDICTIONS).write_text(json.dumps(document), encoding="utf-8")

    place = store.fill("predicted", cell.model_label, cell.specs["predicted"], work).path
    return place / PREDICTIONS


def true_boxes(cell: Cell) -> dict[str, Boxes]:
    """The true boxes of the test images by key."""
    found = {pair.key: pair.boxes for pair in cell.test.pairs if pair.boxes is not None}
    if len(found) != len(cell.test.pairs):
        raise BenchError(f"{cell.test.dataset}/{cell.test.name}: some images have no true boxes")
    return found


def read(cell: Cell, predictions: Path) -> dict[str, Boxes]:
    """The predicted boxes by key, from the file alone: what is scored is what was saved."""
    document = json.loads(predictions.read_text(encoding="utf-8"))
    return boxes.from_coco(document, cell.test.classes)


def score(cell: Cell, truth: Mapping[str, Boxes], found: Mapping[str, Boxes]) -> Slice:
    """All metrics of the cell on these images."""
    slices = [
        metric.measure(truth, found, cell.test.classes, options)
        for metric, options in metrics(cell)
    ]
    counts = {"images": len(truth), "boxes": sum(map(len, truth.values()))}
    return reduce(Slice.joined, slices, Slice(values={}, counts=counts))


def by_scene(
    cell: Cell, truth: Mapping[str, Boxes], found: Mapping[str, Boxes]
) -> dict[str, Slice]:
    """The same on the images of each condition alone; empty where conditions are not known."""
    scenes = {pair.key: pair.scene for pair in cell.test.pairs}
    return {
        scene: score(cell, *(_only(boxes, scenes, scene) for boxes in (truth, found)))
        for scene in sorted({s for s in scenes.values() if s is not None})
    }


def columns(cell: Cell) -> dict[str, Column]:
    """How the cell's metrics are headed."""
    return {name: head for metric, _ in metrics(cell) for name, head in metric.COLUMNS.items()}


def protocol(cell: Cell) -> dict[str, Scalar]:
    """The facts a reader needs to repeat the number: data, model, metric."""
    model, options, how = detector(cell)
    facts: dict[str, Scalar] = cell.protocol() | model.protocol(options, how)
    for metric, chosen in metrics(cell):
        facts |= metric.protocol(chosen)
    return facts


def detector(cell: Cell) -> tuple[ModuleType, BaseModel, BaseModel]:
    """The cell's model, its options, and how it is asked."""
    assert isinstance(cell.task, Detection)
    model = plugins.find("detection.models", cell.task.model)
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
        metric = plugins.find("detection.metrics", name)
        found.append((metric, plugins.options(metric, given, f"tasks.{cell.name}.metrics.{name}")))
    return found


def effort(trained: Path) -> dict[str, Any]:
    """How long training took, and what it started from, if the model's folder says so."""
    names = {"training": "time.json", "detector": "model.json"}
    files = {name: trained / file for name, file in names.items() if (trained / file).exists()}
    return {name: json.loads(file.read_text()) for name, file in files.items()}


def write_per_image(
    path: Path,
    classes: Sequence[str],
    truth: Mapping[str, Boxes],
    found: Mapping[str, Boxes],
) -> None:
    """One row per image and class that is in its truth or found in it; boxes.

    Boxes below the confidence of `precision_recall` are not counted as found.
    """
    matches = [matching.of_class(truth, found, index) for index in range(len(classes))]
    confidence = precision_recall.best_confidence(matches)
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("key", "class", "truths", "hits", "false_alarms", "confidence"))
        for number, key in enumerate(sorted(truth)):
            for name, those in zip(classes, matches, strict=True):
                mine = (those.images == number) & (those.scores >= confidence)
                hits, truths = int(those.hits[mine].sum()), int(those.truths[number])
                if truths or mine.any():
                    alarms = int(mine.sum()) - hits
                    rows.writerow((key, name, truths, hits, alarms, f"{confidence:g}"))


def _only(
    all_boxes: Mapping[str, Boxes], scenes: Mapping[str, str | None], scene: str
) -> dict[str, Boxes]:
    return {key: these for key, these in all_boxes.items() if scenes[key] == scene}


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    return cli.work_through("detection", "detection.run", __doc__ or "", run, argv)


if __name__ == "__main__":
    sys.exit(main())
