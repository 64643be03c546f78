"""Train a segmenter on each source's images, predict label maps, score them.

python -m segmentation.run                    everything in tasks.yaml
python -m segmentation.run --fmb              the tasks on one data set
python -m segmentation.run --source fused     every fusion; or ir, vis, a source's name
python -m segmentation.run --plan             what would be done, and what is done already

Under --out: trained/ the models, predicted/ one label map per test image, segmentation/ the
scores (record.json), the images (images.csv), per_image.csv, and per image a confusion matrix
(confusion.npz) and one of the pixels near outlines (boundary.npz). A stopped run resumes:
training from its last checkpoint, prediction with the first image that is missing.
"""

import csv
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from fusebench import cli, plugins
from fusebench.data import images, label_maps
from fusebench.data.images import LabelMap
from fusebench.data.pairs import Split
from fusebench.errors import UserError
from fusebench.evaluation.counts import ArrayCounts
from fusebench.experiments import runner, scoring, sources
from fusebench.experiments.plan import Plan
from fusebench.experiments.planning.run import Run
from fusebench.experiments.resolution import ResolvedMetric
from fusebench.runtime import progress
from fusebench.runtime.program import run_program
from fusebench.storage import image_index
from fusebench.storage.store import Store
from segmentation import agreement
from segmentation.metrics import iou

PACKAGES = ("torch", "onedl-mmsegmentation", "onedl-mmengine", "onedl-mmcv", "numpy", "pillow")


def execute_run(run: Run, store: Store, device: str) -> None:
    """Train, predict and score one run; finished parts are reused."""
    start_time = time.monotonic()
    runner.collect_protocol(run)  # raises on invalid options before hours of training
    trained = runner.get_or_train_model(run, store, device)
    predicted = predict_test_images(run, store, device, trained)

    def score(folder: Path) -> None:
        split = run.test_split
        confusion = ResolvedMetric(
            "iou", plugins.load_task_metric("segmentation", "iou"), iou.Options()
        )
        metrics = (confusion, *run.metrics)  # confusion matrices are always saved
        counts = scoring.count_images(metrics, read_label_maps(split, predicted), split.classes)
        image_index.write_image_index(folder, split)
        scoring.write_counts(folder, counts)
        matrices = counts[iou.COUNTS]
        assert isinstance(matrices, ArrayCounts)
        write_per_image(folder / "per_image.csv", split.classes, matrices)
        files = {} if run.members else {"training": trained / "time.json"}
        provenance = runner.collect_provenance(start_time, device, PACKAGES, files)
        protocol = runner.collect_protocol(run, trained)
        protocol |= agreement.find_cautions(matrices.values.sum(axis=0), split.classes)
        runner.build_record(run, counts, protocol, provenance).write(folder)

    store.get_or_create(run.task.kind, run.label, run.specs["record"], score)


def predict_test_images(run: Run, store: Store, device: str, trained: Path) -> Path:
    """Return the folder of predicted label maps ``<key>.png``; predict them if missing.

    Those of an ensemble are combined from class probabilities, which its members' trained models
    predict for it: kept for later, they would take hundreds of times the space of label maps.
    """
    model = run.model
    assert model is not None

    def predict(folder: Path) -> None:
        keys = run.test_split.keys
        missing = [key for key in keys if not (folder / f"{key}.png").exists()]
        if run.members:
            predictions = _combine_probabilities(run, missing, store, device)
        else:
            labeled = sources.get_labeled_images(run.test_images, store, device, missing)
            predictions = model.plugin.predict(
                trained, labeled, model.options, model.predict_options, device=device
            )
        for _ in progress.track_progress(missing, f"predict {run.prediction_label}"):
            key, labels = next(predictions)
            images.write_png(folder / f"{key}.png", labels)

    return store.get_or_create(
        "predicted", run.prediction_label, run.specs["predicted"], predict
    ).path


def _combine_probabilities(
    run: Run, keys: Sequence[str], store: Store, device: str
) -> Iterator[tuple[str, LabelMap]]:
    """Yield key and label map of an ensemble; one image of every member is held at a time."""
    ensemble = run.source.ensemble
    assert ensemble is not None
    streams = []
    for member in run.members:
        trained = runner.get_or_train_model(member, store, device)
        labeled = sources.get_labeled_images(member.test_images, store, device, keys)
        model = member.model
        assert model is not None
        assert model.plugin.predict_probabilities is not None  # the task was checked
        streams.append(
            model.plugin.predict_probabilities(
                trained, labeled, model.options, model.predict_options, device=device
            )
        )
    for parts in zip(*streams, strict=True):
        key = parts[0][0]
        if any(other != key for other, _ in parts):
            raise ValueError(f"members predicted different images: {[other for other, _ in parts]}")
        with plugins.name_failing_input(f"ensemble {run.source_name}, image {key}"):
            probabilities = [part for _, part in parts]
            labels = ensemble.plugin.combine(probabilities, ensemble.options)
            shape, dtype = getattr(labels, "shape", None), getattr(labels, "dtype", None)
            if shape != probabilities[0].shape[1:] or dtype != np.uint8:
                raise UserError(
                    f"combine returned {type(labels).__name__} of shape {shape} and dtype {dtype}; "
                    f"expected class ids, uint8 {probabilities[0].shape[1:]}"
                )
        yield key, labels


def read_label_maps(split: Split, predicted: Path) -> Iterator[tuple[str, LabelMap, LabelMap]]:
    """Yield key, ground truth and prediction of every test image."""
    for pair in progress.track_progress(split.pairs, f"count {split.dataset}-{split.name}"):
        assert pair.label_map is not None
        truth = label_maps.read_label_map(pair.label_map, split.classes)
        yield (
            pair.key,
            truth,
            label_maps.read_label_map(
                predicted / f"{pair.key}.png", split.classes, may_be_unlabeled=False
            ),
        )


def write_per_image(path: Path, classes: Sequence[str], counts: ArrayCounts) -> None:
    """Write pixel counts per image and class; omit classes in neither truth nor prediction."""
    with path.open("w", newline="", encoding="utf-8") as file:
        rows = csv.writer(file)
        rows.writerow(("key", "class", "truth", "predicted", "true_positives"))
        for key, matrix in zip(counts.keys, counts.values, strict=True):
            truth, predicted = matrix.sum(axis=1), matrix.sum(axis=0)
            true_positives = np.diag(matrix)
            for i, name in enumerate(classes):
                if truth[i] or predicted[i]:
                    rows.writerow((key, name, truth[i], predicted[i], true_positives[i]))


def main(argv: Sequence[str] | None = None, run_plan: Plan | None = None) -> int:
    """Run the command line; return the exit status. ``run_plan``: its plan, if there is one."""
    return cli.execute_runs(
        "segmentation", "segmentation.run", __doc__ or "", execute_run, argv, run_plan
    )


if __name__ == "__main__":
    run_program(main)
