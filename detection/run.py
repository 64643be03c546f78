"""Train a detector on each source's images, predict the test images, score the boxes.

python -m detection.run                    everything in tasks.yaml
python -m detection.run --m3fd             the tasks on one data set
python -m detection.run --source fused     every fusion; or ir, vis, a source's name
python -m detection.run --plan             what would be done, and what is done already

Under --out: trained/ the detectors, predicted/ the boxes (predictions.json, COCO format),
detection/ the scores (record.json), the counts they are computed from (matches.npz and others),
the images (images.csv) and tables: per_image.csv, curves.csv, confusion.csv, error_types.csv. A
stopped run resumes: training from its last checkpoint, which is written after an epoch.
"""

import time
from collections.abc import Sequence
from pathlib import Path

from detection import prediction_checks, result_tables
from detection.metrics.average_precision import COUNTS as MATCHES_FILE
from fusebench import cli, plugins
from fusebench.data.boxes import Boxes
from fusebench.data.pairs import Split
from fusebench.errors import UserError
from fusebench.evaluation.counts import DetectionCounts
from fusebench.experiments import runner, scoring, sources
from fusebench.experiments.plan import Plan
from fusebench.experiments.planning.run import Run
from fusebench.experiments.resolution import ResolvedMetric
from fusebench.runtime import progress
from fusebench.runtime.program import run_program
from fusebench.storage import image_index, predicted_boxes
from fusebench.storage.store import Store

PACKAGES = ("torch", "torchvision", "ultralytics", "pycocotools", "numpy", "pillow")
TABLE_METRICS = ("average_precision", "error_types")  # counted for the tables of every record


def execute_run(run: Run, store: Store, device: str) -> None:
    """Train, predict and score one run; finished parts are reused."""
    start_time = time.monotonic()
    runner.collect_protocol(run)  # raises on invalid options before hours of training
    trained = runner.get_or_train_model(run, store, device)
    predictions = predict_test_images(run, store, device, trained)

    def score(folder: Path) -> None:
        split = run.test_split
        truth = collect_true_boxes(split)
        predicted = predicted_boxes.read_predicted_boxes(predictions, split)
        table_metrics = [resolve_metric(name) for name in TABLE_METRICS]
        counts = scoring.count_images(
            (*run.metrics, *table_metrics),
            ((key, truth[key], predicted[key]) for key in sorted(truth)),
            split.classes,
        )
        image_index.write_image_index(folder, split)
        scoring.write_counts(folder, counts)
        matches, errors = counts[MATCHES_FILE], counts[table_metrics[1].plugin.counts_file]
        assert isinstance(matches, DetectionCounts)
        assert isinstance(errors, DetectionCounts)
        result_tables.write_tables(folder, split, (truth, predicted), matches, errors)
        protocol = runner.collect_protocol(run, trained)
        if run.model is not None and run.model.plugin.FILES:
            protocol |= prediction_checks.describe_predictions(predicted, split)
        for metric in run.metrics:
            protocol |= metric.plugin.warnings(predicted)
        files = {"training": trained / "time.json", "detector": trained / "model.json"}
        if run.members:  # an ensemble has no training of its own
            files = {}
        provenance = runner.collect_provenance(start_time, device, PACKAGES, files)
        runner.build_record(run, counts, protocol, provenance).write(folder)

    store.get_or_create(run.task.kind, run.label, run.specs["record"], score)


def resolve_metric(name: str) -> ResolvedMetric:
    """Load a detection metric with its default options."""
    plugin = plugins.load_task_metric("detection", name)
    return ResolvedMetric(name, plugin, plugin.Options())


def predict_test_images(run: Run, store: Store, device: str, trained: Path) -> Path:
    """Return the folder of the predicted boxes; predict them if missing.

    Those of an ensemble are combined from the saved predictions of its members.
    """
    model = run.model
    assert model is not None

    def predict(folder: Path) -> None:
        split = run.test_split
        if run.members:
            combined = _combine_predictions(run, store, device)
            predicted_boxes.write_predicted_boxes(folder, combined, split)
            return
        images = sources.get_labeled_images(run.test_images, store, device)
        predicted = model.plugin.predict(
            trained, images, model.options, model.predict_options, device=device
        )
        predicted_boxes.write_predicted_boxes(folder, predicted, split)

    label, spec = run.prediction_label, run.specs["predicted"]
    return store.get_or_create("predicted", label, spec, predict).path


def _combine_predictions(run: Run, store: Store, device: str) -> dict[str, Boxes]:
    """Combine the predicted boxes of an ensemble's members, image by image."""
    ensemble, split = run.source.ensemble, run.test_split
    assert ensemble is not None
    predictions = []
    for member in run.members:
        trained = runner.get_or_train_model(member, store, device)
        folder = predict_test_images(member, store, device, trained)
        predictions.append(predicted_boxes.read_predicted_boxes(folder, split))
    combined = {}
    for key in progress.track_progress(split.keys, f"combine {run.prediction_label}"):
        with plugins.name_failing_input(f"ensemble {run.source_name}, image {key}"):
            boxes = ensemble.plugin.combine([p[key] for p in predictions], ensemble.options)
            if not isinstance(boxes, Boxes) or len(boxes.scores) != len(boxes):
                raise UserError(f"combine returned {type(boxes).__name__}, not Boxes with scores")
        combined[key] = boxes
    return combined


def collect_true_boxes(split: Split) -> dict[str, Boxes]:
    """Collect the true boxes of the images by key.

    Raises:
        UserError: If an image is not annotated; an image without objects has empty boxes.
    """
    truth = {pair.key: pair.boxes for pair in split.pairs if pair.boxes is not None}
    if len(truth) != len(split.pairs):
        raise UserError(f"{split.dataset}/{split.name}: some images have no true boxes")
    return truth


def main(argv: Sequence[str] | None = None, run_plan: Plan | None = None) -> int:
    """Run the command line; return the exit status. ``run_plan``: its plan, if there is one."""
    return cli.execute_runs(
        "detection", "detection.run", __doc__ or "", execute_run, argv, run_plan
    )


if __name__ == "__main__":
    run_program(main)
