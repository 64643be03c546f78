"""A whole comparison as the programs leave it: M3FD and FMB in small, their records, their costs.

What would take hours is drawn: predictions, rows of fusion metrics, times. Everything after that is
done by the programs themselves, so that all files of a record are there and as they write them.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import dataset_trees
import numpy as np
import pandas as pd
import yaml

from bench import boxes, cli, images, masks, tasks, workers
from bench.boxes import Boxes
from bench.datasets import fmb, m3fd
from bench.plan import Cell, Plan
from bench.store import Store
from detection import run as detection
from fusion import kept_costs, metric
from fusion import run as fusion
from fusion.cost import Asked, Cost, Counts, How
from segmentation import run as segmentation

GROUP = 9  # images of one sequence
BLOCKS = (12, 16)  # of a picture and of its label map, down and across
EVERY_METRIC = tasks.load(Path(__file__).parents[1] / "tasks.yaml").presets["plain"].quality
CHAPTERS = (  # ids of heads, in the order of the page
    *(f"{part}-1" for part in ("comparison", "published", "slices", "errors", "curves")),
    *("confusions-1", "more-1", "comparison-2", "published-2", "slices-2", "confusions-2"),
    *("comparison-3", "comparison-4", "title-efficiency", "title-relations"),
    *("title-pictures", "pictures-1", "pictures-2"),
    *("title-protocol", *(f"protocol-{task}" for task in range(1, 5))),
)


@dataclass(frozen=True)
class Toy:
    """What is compared.

    Attributes:
        skill: Every source of the task file to the share of objects and of pixels found, 0 to 1.
        seeds: Of every training.
        size: (width, height) of the images, in pixels.
        images: How many are tested.
        alarms: False alarms per image, on average.
        left: Sources that are not finished.
    """

    skill: Mapping[str, float]
    seeds: tuple[int, ...]
    size: tuple[int, int]
    images: int
    alarms: float
    left: tuple[str, ...] = ()


def make(toy: Toy, root: Path) -> list[str]:
    """Write everything under ``root``; return the report's flags."""
    flags = [f"--tasks={root / 'tasks.yaml'}", f"--data={root / 'data'}", f"--out={root / 'runs'}"]
    _boxed(toy, root / "data" / "m3fd")
    _labelled(toy, root / "data" / "fmb")
    (root / "tasks.yaml").write_text(yaml.safe_dump(_file(toy), sort_keys=False))
    store = Store(root / "runs")
    found = cli.planned(cli.parser("toy", "").parse_args(flags), tuple(tasks.KINDS), draw=False)
    finished = [cell for cell in found.cells if cell.source_name not in toy.left]
    for cell in finished:
        cell.images(cell.test, store, "cpu")
    with workers.pool(workers.available()) as processes:
        for done in [processes.submit(finish, toy, cell, store) for cell in finished]:
            done.result()
    _profiled(toy, found, store)
    return flags


def finish(toy: Toy, cell: Cell, store: Store) -> None:
    """Draw what a cell's model would have said, and let its program score it."""
    name = f"{cell.task.kind} {cell.source_name}".encode()
    noise = np.random.default_rng([zlib.crc32(name), cell.seed or 0])
    if cell.task.kind == "quality":
        fusion.score(cell, [cell], store, "cpu", {cell.label: _qualities(toy, cell, noise)})
        return
    time = json.dumps({"seconds": round(float(noise.uniform(100, 200)), 1), "threads": 1})

    def trained(folder: Path) -> None:
        (folder / "time.json").write_text(time)

    def predicted(folder: Path) -> None:
        guess = _boxes if cell.task.kind == "detection" else _labels
        guess(toy, cell, folder, noise)

    store.fill("trained", cell.trained_label, cell.specs["trained"], trained)
    store.fill("predicted", cell.model_label, cell.specs["predicted"], predicted)
    program = detection if cell.task.kind == "detection" else segmentation
    program.run(cell, store, "cpu")


def _file(toy: Toy) -> dict[str, object]:
    """The task file: two tasks that train, and their fused images' quality."""
    sources = {
        name: {"kind": name} if name in ("infrared", "visible") else _method() for name in toy.skill
    }
    both = {"sources": list(sources)}
    trained = both | {"seeds": list(toy.seeds), "options": {"start_weights": "packaged"}}
    boxed = {"dataset": "m3fd", "data": {"split": {"rule": "lists"}}}
    small = {"backbone": "mit_b0", "embedding": 128}
    return {
        "sources": sources,
        "tasks": {
            "m3fd-detection": {"kind": "detection", **boxed, **trained},
            "fmb-segmentation": {"kind": "segmentation", "dataset": "fmb", **trained}
            | {"options": small | trained["options"]},
            "m3fd-quality": {"kind": "quality", **boxed, **both, **EVERY_METRIC} | both,
            "fmb-quality": {"kind": "quality", "dataset": "fmb", **both, **EVERY_METRIC} | both,
        },
    }


def _method() -> dict[str, str]:
    return {"kind": "method", "method": "average"}


def _boxed(toy: Toy, folder: Path) -> None:
    """The official tree, with lists of what is trained and tested on."""
    parts = dict(_parts(toy))
    for key in (key for keys in parts.values() for key in keys):
        _pair(toy, folder / "Ir", folder / "Vis", key)
        noise = np.random.default_rng(int(key))
        objects = [
            (m3fd.CLASSES[int(kind)], *map(int, corners))
            for kind, corners in zip(noise.integers(0, 6, 9), _corners(toy, 9, noise), strict=True)
        ]
        dataset_trees.voc(folder / "Annotation" / f"{key}.xml", objects, toy.size)
    _meta(toy, folder)
    for part, keys in parts.items():
        (folder / "meta" / f"{part}.txt").write_text("\n".join(keys))


def _labelled(toy: Toy, folder: Path) -> None:
    for part, keys in _parts(toy):
        (folder / part / "Label").mkdir(parents=True)
        for key in keys:
            _pair(toy, folder / part / "Infrared", folder / part / "Visible", key)
            noise = np.random.default_rng(int(key))
            labels = noise.integers(0, len(fmb.CLASSES), BLOCKS, dtype=np.uint8)
            images.write(folder / part / "Label" / f"{key}.png", _enlarged(toy, labels))
    _meta(toy, folder)


def _parts(toy: Toy) -> Iterator[tuple[str, list[str]]]:
    yield "test", [f"{number:05}" for number in range(toy.images)]
    yield "train", [f"{number:05}" for number in (90_000, 90_001)]


def _meta(toy: Toy, folder: Path) -> None:
    """Sequences by day and by night, in turn."""
    firsts = range(0, toy.images, GROUP)
    scenes = [
        {
            "name": name,
            "scene": [
                {"name": f"{name}-{at}", "range": [{"min": at, "max": at + GROUP - 1}]}
                for at in firsts[turn::2]
            ],
        }
        for turn, name in enumerate(("Day", "Night"))
    ]
    (folder / "meta").mkdir()
    (folder / "meta" / "scenario.json").write_text(json.dumps(scenes))


def _pair(toy: Toy, infrared: Path, visible: Path, key: str) -> None:
    """Two images that a JPEG finds as hard as a street: smooth, with edges and a little noise."""
    for number, (folder, channels) in enumerate(((infrared, 1), (visible, 3))):
        noise = np.random.default_rng([number, int(key)])
        image = _enlarged(toy, noise.integers(40, 220, (*BLOCKS, channels)).astype(np.float64))
        image += noise.normal(0, 4, image.shape)
        pixels = image.clip(0, 255).astype(np.uint8)
        folder.mkdir(parents=True, exist_ok=True)
        images.write(folder / f"{key}.png", pixels if channels == 3 else pixels[..., 0])


def _enlarged(toy: Toy, blocks: np.ndarray) -> np.ndarray:
    down, across = (side // count for side, count in zip(toy.size[::-1], BLOCKS, strict=True))
    return blocks.repeat(down, axis=0).repeat(across, axis=1)


def _corners(toy: Toy, count: int, noise: np.random.Generator) -> np.ndarray:
    """Boxes of all sizes inside the image, float64 (count, 4)."""
    whole = np.array(toy.size)
    sides = np.maximum(whole * noise.uniform(0.05, 0.35, (count, 2)), 3)
    low = noise.uniform(0, 1, (count, 2)) * (whole - sides - 1)
    return np.rint(np.concatenate([low, low + sides], axis=1))


def _boxes(toy: Toy, cell: Cell, folder: Path, noise: np.random.Generator) -> None:
    """Some true boxes, not quite in place and now and then of a wrong class, and false alarms."""
    skill, classes = toy.skill[cell.source_name], len(cell.test.classes)
    found: dict[str, Boxes] = {}
    for pair in cell.test.pairs:
        seen = noise.random(len(pair.boxes)) < skill
        true = pair.boxes.corners[seen]
        sides = np.tile(true[:, 2:] - true[:, :2], 2)
        placed = true + sides * noise.normal(0, 0.12 * (1.1 - skill), true.shape)
        kinds = pair.boxes.classes[seen]
        wrong = noise.random(len(kinds)) < 0.2 * (1 - skill)
        kinds = np.where(wrong, noise.integers(0, classes, len(kinds)), kinds)
        alarms = int(noise.poisson(toy.alarms))
        corners = np.concatenate([placed, _corners(toy, alarms, noise)])
        every = np.concatenate([kinds, noise.integers(0, classes, alarms)])
        scores = np.concatenate([noise.beta(5, 2, len(kinds)), noise.beta(1, 6, alarms)])
        found[pair.key] = boxes.make(corners, every, scores)
    sizes = {pair.key: pair.size for pair in cell.test.pairs}
    document = boxes.to_coco(found, cell.test.classes, sizes)
    (folder / detection.PREDICTIONS).write_text(json.dumps(document))


def _labels(toy: Toy, cell: Cell, folder: Path, noise: np.random.Generator) -> None:
    """The true label maps, some blocks of which are of any class."""
    down, across = (side // count for side, count in zip(toy.size[::-1], BLOCKS, strict=True))
    for pair in cell.test.pairs:
        labels = masks.read_mask(pair.mask, cell.test.classes)[::down, ::across]
        wrong = noise.random(BLOCKS) > toy.skill[cell.source_name]
        guess = noise.integers(1, len(cell.test.classes), BLOCKS, dtype=np.uint8)
        images.write(folder / f"{pair.key}.png", _enlarged(toy, np.where(wrong, guess, labels)))


def _qualities(toy: Toy, cell: Cell, noise: np.random.Generator) -> pd.DataFrame:
    """Rows as the scoring of images gives them; what finds more is a little better."""
    names = [one.name for one in metric.chosen(cell.task.metrics)]
    scores = noise.normal(toy.skill[cell.source_name], 0.1, (len(cell.test.pairs), len(names)))
    keys = pd.Index(list(cell.test.keys), name="key")
    return pd.DataFrame(scores, keys, names).assign(flags="")


def _profiled(toy: Toy, found: Plan, store: Store) -> None:
    """What fusing costs, as `fusion.profile` keeps it."""
    noise, how = np.random.default_rng(0), How("cpu", 5, 1)
    for name, source in found.file.sources.items():
        if isinstance(source, tasks.Method) and name not in toy.left:
            asked = Asked(name, source.method, dict(source.options), *toy.size)
            middle = float(noise.lognormal(-3, 1.5))
            cost = Cost(middle, 0.9 * middle, 1.2 * middle, int(noise.integers(1e6, 1e9)))
            counts = Counts(int(noise.integers(1e4, 1e7)), int(noise.integers(1e9, 1e12)))
            kept_costs.keep(store.root, how, (asked, counts, cost))
