"""Train a detector on each source's images, predict the test images, score the boxes.

python -m detection.run                    everything in tasks.yaml
python -m detection.run --m3fd             the tasks on one data set
python -m detection.run --source fused     every fusion; or ir, vis, a source's name
python -m detection.run --plan             what would be done, and what is done already

Under --out: trained/ the detectors, predicted/ the boxes (predictions.json, COCO's form),
detection/ the scores (record.json), what became of every box (matches.npz), the images
(images.csv) and tables: per_image.csv, curves.csv, confusion.csv, error_types.csv. A stopped run
goes on where it was: training after its last finished epoch.
"""

import json
import sys
from collections.abc import Mapping, Sequence
from functools import reduce
from pathlib import Path

from detection import coco_matching, result_tables
from fusebench import cli
from fusebench.data import boxes
from fusebench.data.boxes import Boxes
from fusebench.data.labeled_images import LabeledImages
from fusebench.data.pairs import Split
from fusebench.errors import UserError
from fusebench.evaluation import match_table
from fusebench.evaluation.match_table import MatchTable
from fusebench.experiments import runner
from fusebench.experiments.plan import Run
from fusebench.experiments.runner import PreparedRun
from fusebench.storage import image_index
from fusebench.storage.records import Scalar, Scores
from fusebench.storage.store import Store

PACKAGES = ("torch", "torchvision", "ultralytics", "pycocotools", "numpy", "pillow")
PREDICTIONS_FILE = "predictions.json"


def execute_run(cell: Run, store: Store, device: str) -> None:
    """Bring one cell up to date."""
    this = runner.prepare_run(cell)
    facts = collect_protocol(
        this
    )  # first, because it refuses options that do not fit before hours pass
    trained = runner.get_or_train_model(this, store, device)
    facts |= runner.read_training_protocol(trained)
    predicted = predict_test_images(this, store, device, trained)

    def work(folder: Path) -> None:
        truth, found = (
            collect_true_boxes(cell.test_split),
            read_predictions(cell.test_split, predicted),
        )
        image_index.write_image_index(folder, cell.test_split)
        matched = coco_matching.build_match_table(truth, found, cell.test_split.classes)
        match_table.write_match_table(folder / "matches.npz", matched)
        result_tables.write_tables(folder, cell.test_split, truth, found, matched)

        def scored(keys: Sequence[str]) -> Scores:
            true, seen = ({key: these[key] for key in keys} for these in (truth, found))
            return compute_scores(this, true, seen, coco_matching.select_images(matched, keys))

        left = {"training": trained / "time.json", "detector": trained / "model.json"}
        made = runner.collect_provenance(this, device, PACKAGES, left)
        runner.build_record(this, scored, facts | collect_warnings(this, found), made).write(folder)

    store.get_or_create(cell.task.kind, cell.label, cell.specs["record"], work)


def predict_test_images(this: PreparedRun, store: Store, device: str, trained: Path) -> Path:
    """The file of boxes for the test images, COCO's form with scores."""
    cell = this.run

    def work(folder: Path) -> None:
        examples = LabeledImages(
            cell.get_images(cell.test_split, store, device).paths, cell.test_split
        )
        found = this.model.predict(
            trained, examples, this.options, this.predict_options, device=device
        )
        sizes = {pair.key: pair.size for pair in cell.test_split.pairs}
        document = boxes.to_coco(found, cell.test_split.classes, sizes)
        (folder / PREDICTIONS_FILE).write_text(json.dumps(document), encoding="utf-8")

    place = store.get_or_create(
        "predicted", cell.prediction_label, cell.specs["predicted"], work
    ).path
    return place / PREDICTIONS_FILE


def collect_true_boxes(split: Split) -> dict[str, Boxes]:
    """The true boxes of the images by key.

    Raises:
        UserError: If an image has none: no boxes in it would be an empty list.
    """
    found = {pair.key: pair.boxes for pair in split.pairs if pair.boxes is not None}
    if len(found) != len(split.pairs):
        raise UserError(f"{split.dataset}/{split.name}: some images have no true boxes")
    return found


def read_predictions(split: Split, predictions: Path) -> dict[str, Boxes]:
    """The predicted boxes by key, from the file alone: what is scored is what was saved."""
    document = json.loads(predictions.read_text(encoding="utf-8"))
    return boxes.from_coco(document, split.classes)


def compute_scores(
    this: PreparedRun, truth: Mapping[str, Boxes], found: Mapping[str, Boxes], matched: MatchTable
) -> Scores:
    """All metrics of the cell on these images; one that can takes the matches made once."""
    slices = [
        metric.measure_matches(matched, options)
        if hasattr(metric, "measure_matches")
        else metric.measure(truth, found, this.run.test_split.classes, options)
        for metric, options in this.metrics
    ]
    counts = {"images": len(truth), "boxes": sum(map(len, truth.values()))}
    return reduce(Scores.merge, slices, Scores(values={}, counts=counts))


def collect_protocol(this: PreparedRun) -> dict[str, Scalar]:
    """The facts a reader needs to repeat the number: data, model, metric."""
    facts: dict[str, Scalar] = this.run.build_protocol() | this.model.protocol(
        this.options, this.predict_options
    )
    for metric, chosen in this.metrics:
        facts |= metric.protocol(chosen)
    return facts


def collect_warnings(this: PreparedRun, found: Mapping[str, Boxes]) -> dict[str, Scalar]:
    """What the metrics have to say about these predictions, for the protocol."""
    said: dict[str, Scalar] = {}
    for metric, _ in this.metrics:
        if hasattr(metric, "warnings"):
            said |= metric.warnings(found)
    return said


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    return cli.execute_runs("detection", "detection.run", __doc__ or "", execute_run, argv)


if __name__ == "__main__":
    sys.exit(main())
