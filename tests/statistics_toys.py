"""Results that can be resampled: drawn detections and pixels, saved as the programs save theirs."""

import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from bench import evidence, matches
from bench.matches import AREAS, ClassMatches, Matches
from bench.pairs import Pair, Split
from bench.plan import Cell
from bench.records import Slice
from detection import coco
from detection.metrics import average_precision
from reports import synthetic
from reports.synthetic import World
from segmentation import confusion
from segmentation.metrics import boundary_iou, iou

IMAGES, GROUPS = 81, 9  # as many as MSRS has for tests
BOXES = ("person", "bicycle", "car")
PIXELS = ("unlabelled", *(f"class-{number}" for number in range(14)))  # as many as FMB has
WORLD = World(boxes=1.5, alarms=35)

Score = Callable[[Sequence[str]], Slice]


def shown() -> Split:
    """The images that are measured on, by day and by night, in sequences."""
    pairs = [
        Pair(
            *(f"{number:03}", Path("infrared"), Path("visible"), (640, 480)),
            scene="day" if number % 2 else "night",
            group=f"{number * GROUPS // IMAGES}",
        )
        for number in range(IMAGES)
    ]
    return Split("toy", "test", BOXES, tuple(pairs))


def files(cell: Cell, folder: Path) -> dict[str, object]:
    """Write what is beside a record, and return what it then says of its scores."""
    folder.mkdir(parents=True)
    noise = np.random.default_rng([zlib.crc32(cell.source_name.encode()), cell.seed or 0])
    of = shown()
    evidence.write(folder, of)
    draw = _boxes if cell.task.kind == "detection" else _pixels
    scored, columns = draw(folder, of, noise)
    whole = scored(of.keys)
    scenes = {
        name: scored([pair.key for pair in of.pairs if pair.scene == name])
        for name in ("day", "night")
    }
    return {"columns": columns, "by_scene": scenes} | {
        name: getattr(whole, name) for name in ("values", "by_class", "counts", "conventions")
    }


def _boxes(folder: Path, of: Split, noise: np.random.Generator) -> tuple[Score, object]:
    found = Matches(of.keys, BOXES, tuple(_by_size(number, noise) for number in range(len(BOXES))))
    matches.write(folder / "matches.npz", found)
    return lambda keys: average_precision.of(coco.on(found, keys)), average_precision.COLUMNS


def _by_size(number: int, noise: np.random.Generator) -> ClassMatches:
    """Detections of one class; all objects and false alarms of an image are of one size."""
    on = synthetic.scenes(WORLD, np.full(GROUPS, IMAGES // GROUPS), np.random.default_rng(number))
    one = synthetic.detect(WORLD, on, noise)
    sizes = 1 + np.arange(IMAGES) % 3
    mine = np.stack([np.ones(IMAGES, bool), *(sizes == area for area in range(1, len(AREAS)))])
    counted = np.broadcast_to(mine[:, None, one.images], one.hits.shape)
    return ClassMatches(
        *(one.scores, one.images, one.ranks),
        *(one.hits & counted, ~counted, one.truths * mine),
    )


def _pixels(folder: Path, of: Split, noise: np.random.Generator) -> tuple[Score, object]:
    metrics = {iou: 1, boundary_iou: 2}
    counts = {}
    for metric, parts in metrics.items():
        size = parts * len(PIXELS)
        right = np.eye(size, dtype=np.int64) * noise.integers(0, 20_000, (IMAGES, 1, size))
        made = right + noise.integers(0, 300, (IMAGES, size, size))
        counts[metric] = dict(zip(of.keys, made, strict=True))
        confusion.write(folder / metric.COUNTS, counts[metric])

    def scored(keys: Sequence[str]) -> Slice:
        found = Slice(values={}, counts={"images": len(keys)})
        for metric, by_key in counts.items():
            total = np.sum([by_key[key] for key in keys], axis=0)
            found = found.joined(metric.measure(total, PIXELS, metric.Options()))
        return found

    return scored, iou.COLUMNS | boundary_iou.COLUMNS
