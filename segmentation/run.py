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

from fusebench import cli
from fusebench.data import images, label_maps
from fusebench.data.labeled_images import LabeledImages
from fusebench.evaluation import confusion
from fusebench.evaluation.confusion import Counts
from fusebench.experiments import runner
from fusebench.experiments.plan import Run
from fusebench.experiments.runner import PreparedRun
from fusebench.runtime import progress
from fusebench.storage import image_index
from fusebench.storage.records import Scalar, Scores
from fusebench.storage.store import Store
from segmentation.metrics import iou

PACKAGES = ("torch", "onedl-mmsegmentation", "onedl-mmengine", "onedl-mmcv", "numpy", "pillow")


def execute_run(cell: Run, store: Store, device: str) -> None:
    """Bring one cell up to date."""
    this = runner.prepare_run(cell)
    facts = collect_protocol(this)
    trained = runner.get_or_train_model(this, store, device)
    predicted = predict_test_images(this, store, device, trained)

    def work(folder: Path) -> None:
        counts = compute_counts(this, predicted)
        image_index.write_image_index(folder, cell.test_split)
        for file, found in counts.items():
            confusion.write_counts(folder / file, found)
        write_per_image(folder / "per_image.csv", cell.test_split.classes, counts[iou.COUNTS])

        def scored(keys: Sequence[str]) -> Scores:
            return compute_scores(this, counts, keys)

        made = runner.collect_provenance(
            this, device, PACKAGES, {"training": trained / "time.json"}
        )
        runner.build_record(this, scored, facts, made).write(folder)

    store.get_or_create(cell.task.kind, cell.label, cell.specs["record"], work)


def predict_test_images(this: PreparedRun, store: Store, device: str, trained: Path) -> Path:
    """The folder of label maps, one ``<key>.png`` per test pair."""
    cell = this.run

    def work(folder: Path) -> None:
        shown = cell.get_images(cell.test_split, store, device)
        todo = [pair for pair in cell.test_split.pairs if not (folder / f"{pair.key}.png").exists()]
        examples = LabeledImages(
            {pair.key: shown.paths[pair.key] for pair in todo},
            replace(cell.test_split, pairs=tuple(todo)),
        )
        made = this.model.predict(
            trained, examples, this.options, this.predict_options, device=device
        )
        for _ in progress.track_progress(todo, f"predict {cell.prediction_label}"):
            key, labels = next(made)
            images.write_png(folder / f"{key}.png", labels)

    return store.get_or_create(
        "predicted", cell.prediction_label, cell.specs["predicted"], work
    ).path


def compute_counts(this: PreparedRun, predicted: Path) -> dict[str, dict[str, Counts]]:
    """What each metric counts in each image: by its file's name, then by key.

    The confusion matrices are there whatever the metrics.
    """
    counted: dict[str, tuple[ModuleType, BaseModel]] = {iou.COUNTS: (iou, iou.Options())}
    counted |= {metric.COUNTS: (metric, options) for metric, options in this.metrics}
    found: dict[str, dict[str, Counts]] = {file: {} for file in counted}
    split = this.run.test_split
    for pair in progress.track_progress(split.pairs, f"count {split.dataset}-{split.name}"):
        assert pair.label_map is not None
        truth = label_maps.read_label_map(pair.label_map, split.classes)
        labels = label_maps.read_label_map(predicted / f"{pair.key}.png", split.classes)
        for file, (metric, options) in counted.items():
            found[file][pair.key] = metric.count(truth, labels, len(split.classes), options)
    return found


def compute_scores(
    this: PreparedRun, counts: Mapping[str, Mapping[str, Counts]], keys: Sequence[str]
) -> Scores:
    """All metrics of the cell on the images of these keys, at least one."""
    found = Scores(values={}, counts={"images": len(keys)})
    for metric, options in this.metrics:
        total: Counts = np.sum([counts[metric.COUNTS][key] for key in keys], axis=0)
        found = found.merge(metric.measure(total, this.run.test_split.classes, options))
    return found


def collect_protocol(this: PreparedRun) -> dict[str, Scalar]:
    """The facts a reader needs to repeat the number: data, model, metric."""
    facts: dict[str, Scalar] = this.run.build_protocol() | this.model.protocol(
        this.options, this.predict_options
    )
    for metric, chosen in this.metrics:
        said = metric.protocol(this.run.test_split.classes, chosen)
        title = next(iter(metric.COLUMNS.values())).title
        for name, value in said.items():
            facts[name if facts.get(name, value) == value else f"{name}, {title}"] = value
    return facts


def write_per_image(path: Path, classes: Sequence[str], counts: Mapping[str, Counts]) -> None:
    """One row per image and class that is in its truth or prediction; pixels."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("key", "class", "truth", "predicted", "true_positives"))
        for key, matrix in counts.items():
            truth, predicted, hit = matrix.sum(axis=1), matrix.sum(axis=0), np.diag(matrix)
            for i, name in enumerate(classes):
                if truth[i] or predicted[i]:
                    rows.writerow((key, name, truth[i], predicted[i], hit[i]))


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    return cli.execute_runs("segmentation", "segmentation.run", __doc__ or "", execute_run, argv)


if __name__ == "__main__":
    sys.exit(main())
