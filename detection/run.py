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

from bench import boxes, cli, evidence, experiment, matches
from bench.boxes import Boxes
from bench.errors import BenchError
from bench.examples import Examples
from bench.experiment import Experiment
from bench.matches import Matches
from bench.pairs import Split
from bench.plan import Cell
from bench.records import Scalar, Slice
from bench.store import Store
from detection import coco, tables

PACKAGES = ("torch", "torchvision", "ultralytics", "pycocotools", "numpy", "pillow")
PREDICTIONS = "predictions.json"


def run(cell: Cell, store: Store, device: str) -> None:
    """Bring one cell up to date."""
    this = experiment.of(cell)
    facts = protocol(this)  # first, because it refuses options that do not fit before hours pass
    trained = experiment.train(this, store, device)
    facts |= experiment.facts(trained)
    predicted = predict(this, store, device, trained)

    def work(folder: Path) -> None:
        truth, found = true_boxes(cell.test), read(cell.test, predicted)
        evidence.write(folder, cell.test)
        matched = coco.match(truth, found, cell.test.classes)
        matches.write(folder / "matches.npz", matched)
        tables.write(folder, cell.test, truth, found, matched)

        def scored(keys: Sequence[str]) -> Slice:
            true, seen = ({key: these[key] for key in keys} for these in (truth, found))
            return score(this, true, seen, coco.on(matched, keys))

        left = {"training": trained / "time.json", "detector": trained / "model.json"}
        made = experiment.made(this, device, PACKAGES, left)
        experiment.record(this, scored, facts | cautions(this, found), made).write(folder)

    store.fill(cell.task.kind, cell.label, cell.specs["record"], work)


def predict(this: Experiment, store: Store, device: str, trained: Path) -> Path:
    """The file of boxes for the test images, COCO's form with scores."""
    cell = this.cell

    def work(folder: Path) -> None:
        examples = Examples(cell.images(cell.test, store, device).paths, cell.test)
        found = this.model.predict(trained, examples, this.options, this.how, device=device)
        sizes = {pair.key: pair.size for pair in cell.test.pairs}
        document = boxes.to_coco(found, cell.test.classes, sizes)
        (folder / PREDICTIONS).write_text(json.dumps(document), encoding="utf-8")

    place = store.fill("predicted", cell.model_label, cell.specs["predicted"], work).path
    return place / PREDICTIONS


def true_boxes(split: Split) -> dict[str, Boxes]:
    """The true boxes of the images by key.

    Raises:
        BenchError: If an image has none: no boxes in it would be an empty list.
    """
    found = {pair.key: pair.boxes for pair in split.pairs if pair.boxes is not None}
    if len(found) != len(split.pairs):
        raise BenchError(f"{split.dataset}/{split.name}: some images have no true boxes")
    return found


def read(split: Split, predictions: Path) -> dict[str, Boxes]:
    """The predicted boxes by key, from the file alone: what is scored is what was saved."""
    document = json.loads(predictions.read_text(encoding="utf-8"))
    return boxes.from_coco(document, split.classes)


def score(
    this: Experiment, truth: Mapping[str, Boxes], found: Mapping[str, Boxes], matched: Matches
) -> Slice:
    """All metrics of the cell on these images; one that can takes the matches made once."""
    slices = [
        metric.of(matched, options)
        if hasattr(metric, "of")
        else metric.measure(truth, found, this.cell.test.classes, options)
        for metric, options in this.metrics
    ]
    counts = {"images": len(truth), "boxes": sum(map(len, truth.values()))}
    return reduce(Slice.joined, slices, Slice(values={}, counts=counts))


def protocol(this: Experiment) -> dict[str, Scalar]:
    """The facts a reader needs to repeat the number: data, model, metric."""
    facts: dict[str, Scalar] = this.cell.protocol() | this.model.protocol(this.options, this.how)
    for metric, chosen in this.metrics:
        facts |= metric.protocol(chosen)
    return facts


def cautions(this: Experiment, found: Mapping[str, Boxes]) -> dict[str, Scalar]:
    """What the metrics have to say about these predictions, for the protocol."""
    said: dict[str, Scalar] = {}
    for metric, _ in this.metrics:
        if hasattr(metric, "cautions"):
            said |= metric.cautions(found)
    return said


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line; return the exit status."""
    return cli.work_through("detection", "detection.run", __doc__ or "", run, argv)


if __name__ == "__main__":
    sys.exit(main())
