"""Synthetic records, data sets and stores for the tests of the report."""

import json
from pathlib import Path

import numpy as np

from detection import coco_matching
from fusebench import cli
from fusebench.config import schema
from fusebench.data import boxes, images
from fusebench.data.boxes import Boxes
from fusebench.data.pairs import Pair, Split
from fusebench.evaluation.counts import write_counts
from fusebench.experiments import resolution
from fusebench.experiments.plan import Plan
from fusebench.experiments.planning.run import Run
from fusebench.experiments.sources import SourceImages, get_images
from fusebench.storage import image_index
from fusebench.storage.cost_profiles import CostProfile
from fusebench.storage.records import Column, Record, Scores
from fusebench.storage.store import Store
from reports.results.task_results import SourceResults, TaskResults

AP50 = Column(title="AP@.5", mean_title="mAP@.5")
AP = Column(title="AP@.5:.95", mean_title="mAP@.5:.95")
CLASSES = ("person", "car")
IMAGE_SIZE = (64, 48)
PROTOCOL = {
    "data": "toy",
    "simulated": False,
    "split": "official",
    "split leaks": False,
    "split hash": "abc123",
    "model": "tiny",
}
PUBLISHED_TAGS = """  tags:
    kind: detection
    dataset: toy
    protocol: retrained
    model: tiny
    split: official
    ap style: coco
"""  # of a published table with the protocol `PROTOCOL`
PROVENANCE = {
    "at": "2026-01-01T00:00:00+00:00",
    "device": "cpu",
    "versions": {"fusebench": "0.1.0"},
}


METRIC_SPECS = {  # of the metrics whose counts are written beside a record
    "detection": {"average_precision": {"version": 2, "options": {}}},
    "segmentation": {"iou": {"version": 1, "options": {}}},
}


def make_record(source, kind, seed, scores, **changes):
    """Make a record with ``scores`` (person, car) of AP@.5 and their mean."""
    defined = [score for score in scores if score is not None]
    mean = sum(defined) / len(defined) if defined else None
    fields = {
        "task": "toy-detection",
        "kind": "detection",
        "dataset": "toy",
        "source": source,
        "source_kind": kind,
        "seed": seed,
        "classes": CLASSES,
        "protocol": PROTOCOL,
        "columns": {"ap50": AP50},
        "values": {"ap50": mean},
        "by_class": {name: {"ap50": score} for name, score in zip(CLASSES, scores, strict=True)},
        "counts": {"images": 4},
        "spec": {},
        "provenance": PROVENANCE,
    }
    return Record(**fields | changes)


def make_source_results(source, kind, scores, *, planned=None):
    """Make a source with one record per seed.

    Args:
        source: Its name.
        kind: Its kind.
        scores: (person, car) per seed; None for a seed without a record.
        planned: Planned seeds, by default as many as ``scores``.
    """
    seeds = planned or tuple(range(len(scores)))
    records = [
        make_record(source, kind, seed, pair)
        for seed, pair in enumerate(scores)
        if pair is not None
    ]
    return SourceResults(source, kind, seeds, tuple(records), f"run {source}")


def make_task_results(*sources):
    """Make the results of a detection task."""
    return TaskResults("toy-detection", "detection", "toy", sources)


def write_split(folder: Path, *, masks: bool = False, count: int = 4) -> Split:
    """Write pairs of noise with one person and one car each, by day and by night in turn."""
    folder.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(0)
    pairs = []
    for number in range(count):
        key = f"{number:02}"
        infrared, visible = folder / f"{key}-ir.png", folder / f"{key}-vis.png"
        images.write_png(infrared, rng.integers(0, 256, IMAGE_SIZE[::-1], dtype=np.uint8))
        images.write_png(visible, rng.integers(0, 256, (*IMAGE_SIZE[::-1], 3), dtype=np.uint8))
        label_map = folder / f"{key}-mask.png"
        labels = np.zeros(IMAGE_SIZE[::-1], np.uint8)
        labels[10:20], labels[20:40] = 1, 2
        images.write_png(label_map, labels)
        pairs.append(
            Pair(
                key,
                infrared,
                visible,
                IMAGE_SIZE,
                boxes.make_boxes([[4, 4, 24, 34], [30, 10, 60, 30]], [0, 1]),
                label_map if masks else None,
                condition="day" if number % 2 else "night",
            )
        )
    classes = ("unlabelled", *CLASSES) if masks else CLASSES
    return Split("toy", "test", classes, tuple(pairs), rule_description="official")


def make_runs(kind, split: Split, folder: Path, seeds=(0,), fused=("average",)) -> list[Run]:
    """Make the runs of infrared, visible and averages named ``fused``, as the plan would."""
    sources = {
        "infrared": schema.SensorSource(kind="infrared"),
        "visible": schema.SensorSource(kind="visible"),
        **{name: schema.FusionMethodSource(kind="method", method="average") for name in fused},
    }
    task = schema.TASK_CLASSES[kind](kind=kind, dataset="toy", sources=tuple(sources), seeds=seeds)
    runs = []
    for name, source in sources.items():
        for seed in seeds:
            spec = {"kind": kind, "source": name, "seed": seed}
            specs = {"record": {"of": spec}, "predicted": spec, "trained": spec}
            images = make_source_images(name, source, split, folder)
            runs.append(Run(f"toy-{kind}", task, images, images, seed, specs))
    return runs


def make_source_images(name, config, split: Split, folder: Path) -> SourceImages:
    """Make the images of a source of a task file in ``folder``."""
    return SourceImages(resolution.resolve_source(name, config, folder), split)


def finish_run(run: Run, store: Store, scores, **changes) -> None:
    """Write the record, fused images and predictions of a run, as the programs would.

    Args:
        run: The run.
        store: Where to write.
        scores: (person, car) of AP@.5.
        **changes: Fields of the record to replace.
    """
    protocol = PROTOCOL | {"simulated": run.test_split.is_simulated}
    record = make_record(run.source_name, run.source.kind, run.seed, scores, protocol=protocol)
    part = Scores(values=record.values, by_class=record.by_class, counts={"images": 2})
    fields = {
        "task": run.task_name,
        "kind": run.task.kind,
        "classes": run.test_split.classes,
        "spec": {"metrics": METRIC_SPECS.get(run.task.kind, {})},
        "by_condition": dict.fromkeys(("day", "night"), part),
    }
    record = record.model_copy(update=fields | changes)
    get_images(run.test_images, store, "cpu")
    store.get_or_create(
        "predicted",
        run.prediction_label,
        run.specs["predicted"],
        lambda folder: _write_predictions(run, folder),
    )
    store.get_or_create(run.task.kind, run.label, run.specs["record"], record.write)


def finish_run_with_matches(run: Run, store: Store, detected_persons: int) -> None:
    """Write the record of a detection run and its match table.

    Args:
        run: The run.
        store: Where to write.
        detected_persons: Number of images, from the first, whose person is detected. All cars are.
    """
    truth = {pair.key: pair.boxes for pair in run.test_split.pairs}
    predicted = {}
    for number, (key, boxes_of_image) in enumerate(truth.items()):
        is_detected = (boxes_of_image.class_ids == 1) | (number < detected_persons)
        predicted[key] = boxes.make_boxes(
            boxes_of_image.corners[is_detected],
            boxes_of_image.class_ids[is_detected],
            [0.9] * int(is_detected.sum()),
        )
    # 101 recall points: precision 1 up to the recall that is reached
    recall_percent = detected_persons * 100 // len(truth)
    person = (recall_percent + 1) / 101 if detected_persons else 0.0
    finish_run(
        run,
        store,
        (0.0, 0.0),
        columns={"AP50": AP50},
        values={"AP50": (person + 1) / 2},
        by_class={"person": {"AP50": person}, "car": {"AP50": 1.0}},
        by_condition={},
    )
    folder = run.get_record_folder(store)
    matches = coco_matching.match_images(truth, predicted, CLASSES)
    write_counts(folder / "matches.npz", matches)
    image_index.write_image_index(folder, run.test_split)


def make_profile(source, median_seconds, **changes):
    """Make a cost profile of fusion method ``average`` on 64 x 48 pixels."""
    fields = {
        "source": source,
        "method": "average",
        "options": {},
        "version": 1,
        "dependencies": {},
        "width": 64,
        "height": 48,
        "device": "cpu",
        "repetitions": 3,
        "threads": 1,
        "parameters": 1_234_567,
        "macs": 2_500_000_000,
        "median_seconds": median_seconds,
        "min_seconds": median_seconds / 2,
        "max_seconds": median_seconds * 2,
        "processor_seconds": median_seconds,
        "peak_memory_bytes": 3_000_000,
        "provenance": {"at": "2026-01-01T00:00:00+00:00", "versions": {}},
    }
    return CostProfile(**fields | changes)


def _write_predictions(run: Run, folder: Path) -> None:
    if run.task.kind == "detection":
        predicted: dict[str, Boxes] = {
            pair.key: boxes.make_boxes([[5, 5, 25, 35], [1, 40, 9, 47]], [0, 1], [0.9, 0.4])
            for pair in run.test_split.pairs
        }
        sizes = {pair.key: pair.size for pair in run.test_split.pairs}
        document = boxes.to_coco(predicted, run.test_split.classes, sizes)
        (folder / "predictions.json").write_text(json.dumps(document))
        return
    for pair in run.test_split.pairs:
        images.write_png(folder / f"{pair.key}.png", np.full(IMAGE_SIZE[::-1], 2, np.uint8))


def patch_plan(monkeypatch, runs, skipped_tasks=()):
    """Replace the plan of the programs by these runs, whatever the command line is."""
    file = schema.TaskFile(
        sources={run.source_name: run.source.config for run in runs},
        tasks={run.task_name: run.task for run in runs},
    )
    plan = Plan(file, tuple(runs), tuple(skipped_tasks))
    monkeypatch.setattr(cli, "build_plan_from_args", lambda *_, **__: plan)
