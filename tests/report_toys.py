"""Fabricated records and a fabricated store for the report's tests."""

import json
from pathlib import Path

import numpy as np

from bench import boxes, cli, images, tasks
from bench.boxes import Boxes
from bench.pairs import Pair, Split
from bench.plan import Cell, Plan
from bench.records import Column, Record, Slice
from bench.store import Store
from reports.records.results import Results, Row

AP50 = Column(title="AP@.5", mean="mAP@.5")
AP = Column(title="AP@.5:.95", mean="mAP@.5:.95")
CLASSES = ("person", "car")
SIZE = (64, 48)
FACTS = {
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
"""  # of a published table that was made as `FACTS` say
MADE = {"at": "2026-01-01T00:00:00+00:00", "device": "cpu", "versions": {"fusebench": "0.1.0"}}


def record(source, kind, seed, scores, **changes):
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
        "protocol": FACTS,
        "columns": {"ap50": AP50},
        "values": {"ap50": mean},
        "by_class": {c: {"ap50": s} for c, s in zip(CLASSES, scores, strict=True)},
        "counts": {"images": 4},
        "spec": {},
        "made": MADE,
    }
    return Record(**fields | changes)


def row(source, kind, scores, *, planned=None):
    """A source with one record per seed; ``scores`` is one (person, car) per seed, or None."""
    seeds = planned or tuple(range(len(scores)))
    records = [record(source, kind, i, s) for i, s in enumerate(scores) if s is not None]
    return Row(source, kind, seeds, tuple(records), f"run {source}")


def results(*rows):
    return Results("toy-detection", "detection", "toy", rows)


def split(folder: Path, *, masks: bool = False, count: int = 4) -> Split:
    """Pairs of noise with one person and one car each, by day and by night."""
    folder.mkdir(parents=True, exist_ok=True)
    noise = np.random.default_rng(0)
    pairs = []
    for number in range(count):
        key = f"{number:02}"
        infrared, visible = folder / f"{key}-ir.png", folder / f"{key}-vis.png"
        images.write(infrared, noise.integers(0, 256, SIZE[::-1], dtype=np.uint8))
        images.write(visible, noise.integers(0, 256, (*SIZE[::-1], 3), dtype=np.uint8))
        mask = folder / f"{key}-mask.png"
        labels = np.zeros(SIZE[::-1], np.uint8)
        labels[10:20], labels[20:40] = 1, 2
        images.write(mask, labels)
        truth = boxes.make([[4, 4, 24, 34], [30, 10, 60, 30]], [0, 1])
        scene = "day" if number % 2 else "night"
        pairs.append(
            Pair(key, infrared, visible, SIZE, truth, mask if masks else None, scene=scene)
        )
    classes = ("unlabelled", *CLASSES) if masks else CLASSES
    return Split("toy", "test", classes, tuple(pairs), rule="official")


def cells(kind, of: Split, folder: Path, seeds=(0,), fused=("average",)) -> list[Cell]:
    """Infrared, visible and their average under some names, as the plan would give them."""
    sources = {
        "infrared": tasks.Raw(kind="infrared"),
        "visible": tasks.Raw(kind="visible"),
        **{name: tasks.Method(kind="method", method="average") for name in fused},
    }
    task = tasks.KINDS[kind](kind=kind, dataset="toy", sources=tuple(sources), seeds=seeds)
    found = []
    for name, source in sources.items():
        for seed in seeds:
            spec = {"kind": kind, "source": name, "seed": seed}
            specs = {"record": {"of": spec}, "predicted": spec, "trained": spec}
            found.append(Cell(f"toy-{kind}", task, of, of, name, source, seed, folder, specs))
    return found


def finish(cell: Cell, store: Store, scores, guess=None, **changes) -> None:
    """Put a record, fused images and predictions into the store, as the programs would."""
    simulated = {"protocol": FACTS | {"simulated": cell.test.simulated}}
    made = record(cell.source_name, cell.source.kind, cell.seed, scores, **simulated)
    made = made.model_copy(
        update={
            "task": cell.name,
            "kind": cell.task.kind,
            "by_scene": {
                scene: Slice(values=made.values, by_class=made.by_class, counts={"images": 2})
                for scene in ("day", "night")
            },
        }
    )
    made = made.model_copy(update=changes)
    guess = guess or _guess
    cell.images(cell.test, store, "cpu")
    store.fill("predicted", cell.model_label, cell.specs["predicted"], lambda f: guess(cell, f))
    store.fill(cell.task.kind, cell.label, cell.specs["record"], made.write)


def _guess(cell: Cell, folder: Path) -> None:
    if cell.task.kind == "detection":
        found: dict[str, Boxes] = {
            pair.key: boxes.make([[5, 5, 25, 35], [1, 40, 9, 47]], [0, 1], [0.9, 0.4])
            for pair in cell.test.pairs
        }
        sizes = {pair.key: pair.size for pair in cell.test.pairs}
        document = boxes.to_coco(found, cell.test.classes, sizes)
        (folder / "predictions.json").write_text(json.dumps(document))
        return
    for pair in cell.test.pairs:
        images.write(folder / f"{pair.key}.png", np.full(SIZE[::-1], 2, np.uint8))


def planned(patch, every, absent=()):
    """Let the programs plan these cells, whatever the command line says."""
    file = tasks.TaskFile(
        sources={cell.source_name: cell.source for cell in every},
        tasks={cell.name: cell.task for cell in every},
    )
    patch.setattr(cli, "planned", lambda *_, **__: Plan(file, tuple(every), tuple(absent)))
