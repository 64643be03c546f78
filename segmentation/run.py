"""Train a segmenter on each source's images, predict label maps, score them.

python -m segmentation.run                    everything in tasks.yaml
python -m segmentation.run --fmb              the tasks on one data set
python -m segmentation.run --source fused     every fusion; or ir, vis, a source's name
python -m segmentation.run --plan             what would be done, and what is done already

Under --out: trained/ the models, predicted/ one label map per test image, segmentation/ the
scores (record.json), the images (images.csv), per_image.csv, and per image a confusion matrix
(confusion.npz) and one of the pixels near outlines (boundary.npz). A stopped run goes on where it
was: training from its last checkpoint, prediction with the first image it lacks.
"""

import csv
import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from types import ModuleType

import numpy as np
from pydantic import BaseModel

from bench import cli, evidence, experiment, images, masks, progress
from bench.examples import Examples
from bench.experiment import Experiment
from bench.plan import Cell
from bench.records import Scalar, Slice
from bench.store import Store
from segmentation import confusion
from segmentation.confusion import Counts
from segmentation.metrics import iou

PACKAGES = ("torch", "onedl-mmsegmentation", "onedl-mmengine", "onedl-mmcv", "numpy", "pillow")


def run(cell: Cell, store: Store, device: str) -> None:
    """Bring one cell up to date."""
    this = experiment.of(cell)
    facts = protocol(this)
    trained = experiment.train(this, store, device)
    predicted = predict(this, store, device, trained)

    def work(folder: Path) -> None:
        counts = count(this, predicted)
        evidence.write(folder, cell.test)
        for file, found in counts.items():
            confusion.write(folder / file, found)
        write_per_image(folder / "per_image.csv", cell.test.classes, counts[iou.COUNTS])

        def scored(keys: Sequence[str]) -> Slice:
            return score(this, counts, keys)

        made = experiment.made(this, device, PACKAGES, {"training": trained / "time.json"})
        experiment.record(this, scored, facts, made).write(folder)

    store.fill(cell.task.kind, cell.label, cell.specs["record"], work)


def predict(this: Experiment, store: Store, device: str, trained: Path) -> Path:
    """The folder of label maps, one ``<key>.png`` per test pair."""
    cell = this.cell

    def work(folder: Path) -> None:
        shown = cell.images(cell.test, store, device)
        todo = [pair for pair in cell.test.pairs if not (folder / f"{pair.key}.png").exists()]
        examples = Examples(
            {pair.key: shown.paths[pair.key] for pair in todo},
            replace(cell.test, pairs=tuple(todo)),
        )
        made = this.model.predict(trained, examples, this.options, this.how, device=device)
        for _ in progress.each(todo, f"predict {cell.model_label}"):
            key, labels = next(made)
            images.write(folder / f"{key}.png", labels)

    return store.fill("predicted", cell.model_label, cell.specs["predicted"], work).path


def count(this: Experiment, predicted: Path) -> dict[str, dict[str, Counts]]:
    """What each metric counts in each image: by its file's name, then by key.

    The confusion matrices are there whatever the metrics.
    """
    counted: dict[str, tuple[ModuleType, BaseModel]] = {iou.COUNTS: (iou, iou.Options())}
    counted |= {metric.COUNTS: (metric, options) for metric, options in this.metrics}
    found: dict[str, dict[str, Counts]] = {file: {} for file in counted}
    split = this.cell.test
    for pair in progress.each(split.pairs, f"count {split.dataset}-{split.name}"):
        assert pair.mask is not None
        truth = masks.read_mask(pair.mask, split.classes)
        labels = masks.read_mask(predicted / f"{pair.key}.png", split.classes)
        for file, (metric, options) in counted.items():
            found[file][pair.key] = metric.count(truth, labels, len(split.classes), options)
    return found


def score(
    this: Experiment, counts: Mapping[str, Mapping[str, Counts]], keys: Sequence[str]
) -> Slice:
    """All metrics of the cell on the images of these keys, at least one."""
    found = Slice(values={}, counts={"images": len(keys)})
    for metric, options in this.metrics:
        total: Counts = np.sum([counts[metric.COUNTS][key] for key in keys], axis=0)
        found = found.joined(metric.measure(total, this.cell.test.classes, options))
    return found


def protocol(this: Experiment) -> dict[str, Scalar]:
    """The facts a reader needs to repeat the number: data, model, metric."""
    facts: dict[str, Scalar] = this.cell.protocol() | this.model.protocol(this.options, this.how)
    for metric, chosen in this.metrics:
        said = metric.protocol(this.cell.test.classes, chosen)
        title = next(iter(metric.COLUMNS.values())).title
        for name, value in said.items():
            facts[name if facts.get(name, value) == value else f"{name}, {title}"] = value
    return facts


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
