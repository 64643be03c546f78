"""Fabricated records and a fabricated store for the report's tests."""

import json
from pathlib import Path

import numpy as np

from fusebench import cli
from fusebench.config import schema
from fusebench.data import boxes, images
from fusebench.data.boxes import Boxes
from fusebench.data.pairs import Pair, Split
from fusebench.experiments.plan import Plan, Run
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
"""  # of a published table that was made as `PROTOCOL` say
PROVENANCE = {
    "at": "2026-01-01T00:00:00+00:00",
    "device": "cpu",
    "versions": {"fusebench": "0.1.0"},
}


def make_record(source, kind, seed, scores, **changes):
    """A record whose ``scores`` are (person, car) of AP@.5; their mean is the mean."""
    defined = [score for score in scores if score is not None]
    mean = sum(defined) / len(defined) if defined else None
    fields = {
        "task": "toy-detection",
        "kind": "detection",
        "dataset": "toy",
        "source": source,
        "source_kind": kind,
        "seed": seed,
        "protocol": PROTOCOL,
        "columns": {"ap50": AP50},
        "values": {"ap50": mean},
        "by_class": {c: {"ap50": s} for c, s in zip(CLASSES, scores, strict=True)},
        "counts": {"images": 4},
        "spec": {},
        "provenance": PROVENANCE,
    }
    return Record(**fields | changes)


def make_source_results(source, kind, scores, *, planned=None):
    """A source with one record per seed; ``scores`` is one (person, car) per seed, or None."""
    seeds = planned or tuple(range(len(scores)))
    records = [make_record(source, kind, i, s) for i, s in enumerate(scores) if s is not None]
    return SourceResults(source, kind, seeds, tuple(records), f"run {source}")


def make_task_results(*rows):
    return TaskResults("toy-detection", "detection", "toy", rows)


def write_split(folder: Path, *, masks: bool = False, count: int = 4) -> Split:
    """Pairs of noise with one person and one car each, by day and by night."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0)
    pairs = []
    for number in range(count):
        key = f"{number:02}"
        infrared, visible = folder / f"{key}-ir.png", folder / f"{key}-vis.png"
        images.write_png(infrared, noise.integers(0, 256, IMAGE_SIZE[::-1], dtype=np.uint8))
        images.write_png(visible, noise.integers(0, 256, (*IMAGE_SIZE[::-1], 3), dtype=np.uint8))
        mask = folder / f"{key}-mask.png"
        labels = np.zeros(IMAGE_SIZE[::-1], np.uint8)
        labels[10:20], labels[20:40] = 1, 2
        images.write_png(mask, labels)
        truth = boxes.make_boxes([[4, 4, 24, 34], [30, 10, 60, 30]], [0, 1])
        scene = "day" if number % 2 else "night"
        pairs.append(
            Pair(
                key, infrared, visible, IMAGE_SIZE, truth, mask if masks else None, condition=scene
            )
        )
    classes = ("unlabelled", *CLASSES) if masks else CLASSES
    return Split("toy", "test", classes, tuple(pairs), rule_description="official")


def make_runs(kind, of: Split, folder: Path, seeds=(0,), fused=("average",)) -> list[Run]:
    """Infrared, visible and their average under some names, as the plan would give them."""
    sources = {
        "infrared": schema.SensorSource(kind="infrared"),
        "visible": schema.SensorSource(kind="visible"),
        **{name: schema.FusionMethodSource(kind="method", method="average") for name in fused},
    }
    task = schema.TASK_CLASSES[kind](kind=kind, dataset="toy", sources=tuple(sources), seeds=seeds)
    found = []
    for name, source in sources.items():
        for seed in seeds:
            spec = {"kind": kind, "source": name, "seed": seed}
            specs = {"record": {"of": spec}, "predicted": spec, "trained": spec}
            found.append(Run(f"toy-{kind}", task, of, of, name, source, seed, folder, specs))
    return found


def finish_run(cell: Run, store: Store, scores, guess=None, **changes) -> None:
    """Put a record, fused images and predictions into the store, as the programs would."""
    simulated = {"protocol": PROTOCOL | {"simulated": cell.test_split.is_simulated}}
    made = make_record(cell.source_name, cell.source.kind, cell.seed, scores, **simulated)
    made = made.model_copy(
        update={
            "task": cell.task_name,
            "kind": cell.task.kind,
            "by_condition": {
                scene: Scores(values=made.values, by_class=made.by_class, counts={"images": 2})
                for scene in ("day", "night")
            },
        }
    )
    made = made.model_copy(update=changes)
    guess = guess or _write_predictions
    cell.get_images(cell.test_split, store, "cpu")
    store.get_or_create(
        "predicted", cell.prediction_label, cell.specs["predicted"], lambda f: guess(cell, f)
    )
    store.get_or_create(cell.task.kind, cell.label, cell.specs["record"], made.write)


def _write_predictions(cell: Run, folder: Path) -> None:
    if cell.task.kind == "detection":
        found: dict[str, Boxes] = {
            pair.key: boxes.make_boxes([[5, 5, 25, 35], [1, 40, 9, 47]], [0, 1], [0.9, 0.4])
            for pair in cell.test_split.pairs
        }
        sizes = {pair.key: pair.size for pair in cell.test_split.pairs}
        document = boxes.to_coco(found, cell.test_split.classes, sizes)
        (folder / "predictions.json").write_text(json.dumps(document))
        return
    for pair in cell.test_split.pairs:
        images.write_png(folder / f"{pair.key}.png", np.full(IMAGE_SIZE[::-1], 2, np.uint8))


def patch_plan(patch, every, absent=()):
    """Let the programs plan these cells, whatever the command line says."""
    file = schema.TaskFile(
        sources={cell.source_name: cell.source for cell in every},
        tasks={cell.task_name: cell.task for cell in every},
    )
    patch.setattr(
        cli, "build_plan_from_args", lambda *_, **__: Plan(file, tuple(every), tuple(absent))
    )
