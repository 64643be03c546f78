"""A whole comparison as the programs leave it: M3FD and FMB in small, their records, their costs.

What would take hours is drawn: predictions, rows of fusion metrics, times. Everything after that is
done by the programs themselves, so that all files of a record are there and as they write them.
"""

import json
import zlib
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

from detection import run as detection
from fusebench import cli
from fusebench.config import schema
from fusebench.data import boxes, images, label_maps
from fusebench.data.boxes import Boxes
from fusebench.datasets import fmb, m3fd
from fusebench.experiments.plan import Plan, Run
from fusebench.runtime import process_pool
from fusebench.storage.store import Store
from fusion import run as fusion
from fusion.profiling import files
from fusion.profiling.measurement import (
    MeasuredCost,
    OperationCounts,
    ProfileRequest,
    TimingOptions,
)
from fusion.scoring import metric
from segmentation import run as segmentation
from tests.helpers import dataset_folders
from tests.helpers.paths import REPOSITORY

SEQUENCE_LENGTH = 9  # images of one sequence
BLOCK_GRID = (12, 16)  # of a picture and of its label map, down and across
ALL_FUSION_METRICS = schema.load_task_file(REPOSITORY / "tasks.yaml").presets["plain"].quality
SECTION_IDS = (  # ids of heads, in the order of the page
    *(f"{part}-1" for part in ("comparison", "published", "slices", "errors", "curves")),
    *("confusions-1", "more-1", "comparison-2", "published-2", "slices-2", "confusions-2"),
    *("comparison-3", "comparison-4", "title-efficiency", "title-relations"),
    *("title-pictures", "pictures-1", "pictures-2"),
    *("title-protocol", *(f"protocol-{task}" for task in range(1, 5))),
)


@dataclass(frozen=True)
class SyntheticComparison:
    """What is compared.

    Attributes:
        skill: Every source of the task file to the share of objects and of pixels found, 0 to 1.
        seeds: Of every training.
        size: (width, height) of the images, in pixels.
        images: How many are tested.
        alarms: False alarms per image, on average.
        left: Sources that are not finished.
    """

    accuracy: Mapping[str, float]
    seeds: tuple[int, ...]
    image_size: tuple[int, int]
    image_count: int
    false_positives: float
    unfinished_sources: tuple[str, ...] = ()


def write_comparison(toy: SyntheticComparison, root: Path) -> list[str]:
    """Write everything under ``root``; return the report's flags."""
    flags = [f"--tasks={root / 'tasks.yaml'}", f"--data={root / 'data'}", f"--out={root / 'runs'}"]
    _write_m3fd(toy, root / "data" / "m3fd")
    _write_fmb(toy, root / "data" / "fmb")
    (root / "tasks.yaml").write_text(yaml.safe_dump(_build_task_file(toy), sort_keys=False))
    store = Store(root / "runs")
    found = cli.build_plan_from_args(
        cli.build_parser("toy", "").parse_args(flags), tuple(schema.TASK_CLASSES), draw=False
    )
    finished = [cell for cell in found.runs if cell.source_name not in toy.unfinished_sources]
    for cell in finished:
        cell.get_images(cell.test_split, store, "cpu")
    with process_pool.open_pool(process_pool.count_available_cpus()) as processes:
        for done in [processes.submit(finish_run, toy, cell, store) for cell in finished]:
            done.result()
    _write_cost_profiles(toy, found, store)
    return flags


def finish_run(toy: SyntheticComparison, cell: Run, store: Store) -> None:
    """Draw what a cell's model would have said, and let its program score it."""
    name = f"{cell.task.kind} {cell.source_name}".encode()
    noise = np.random.default_rng([zlib.crc32(name), cell.seed or 0])
    if cell.task.kind == "quality":
        fusion.execute_run(
            cell, [cell], store, "cpu", {cell.label: _make_metric_rows(toy, cell, noise)}
        )
        return
    time = json.dumps({"seconds": round(float(noise.uniform(100, 200)), 1), "threads": 1})

    def trained(folder: Path) -> None:
        (folder / "time.json").write_text(time)

    def predicted(folder: Path) -> None:
        guess = (
            _write_predicted_boxes if cell.task.kind == "detection" else _write_predicted_label_maps
        )
        guess(toy, cell, folder, noise)

    store.get_or_create("trained", cell.trained_label, cell.specs["trained"], trained)
    store.get_or_create("predicted", cell.prediction_label, cell.specs["predicted"], predicted)
    program = detection if cell.task.kind == "detection" else segmentation
    program.run(cell, store, "cpu")


def _build_task_file(toy: SyntheticComparison) -> dict[str, object]:
    """The task file: two tasks that train, and their fused images' quality."""
    sources = {
        name: {"kind": name} if name in ("infrared", "visible") else _build_average_source()
        for name in toy.accuracy
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
            "m3fd-quality": {"kind": "quality", **boxed, **both, **ALL_FUSION_METRICS} | both,
            "fmb-quality": {"kind": "quality", "dataset": "fmb", **both, **ALL_FUSION_METRICS}
            | both,
        },
    }


def _build_average_source() -> dict[str, str]:
    return {"kind": "method", "method": "average"}


def _write_m3fd(toy: SyntheticComparison, folder: Path) -> None:
    """The official tree, with lists of what is trained and tested on."""
    parts = dict(_split_keys(toy))
    for key in (key for keys in parts.values() for key in keys):
        _write_pair(toy, folder / "Ir", folder / "Vis", key)
        noise = np.random.default_rng(int(key))
        objects = [
            (m3fd.CLASSES[int(kind)], *map(int, corners))
            for kind, corners in zip(
                noise.integers(0, 6, 9), _make_random_corners(toy, 9, noise), strict=True
            )
        ]
        dataset_folders.write_voc_xml(folder / "Annotation" / f"{key}.xml", objects, toy.image_size)
    _write_sequences(toy, folder)
    for part, keys in parts.items():
        (folder / "meta" / f"{part}.txt").write_text("\n".join(keys))


def _write_fmb(toy: SyntheticComparison, folder: Path) -> None:
    for part, keys in _split_keys(toy):
        (folder / part / "Label").mkdir(parents=True)
        for key in keys:
            _write_pair(toy, folder / part / "Infrared", folder / part / "Visible", key)
            noise = np.random.default_rng(int(key))
            labels = noise.integers(0, len(fmb.CLASSES), BLOCK_GRID, dtype=np.uint8)
            images.write_png(folder / part / "Label" / f"{key}.png", _repeat_blocks(toy, labels))
    _write_sequences(toy, folder)


def _split_keys(toy: SyntheticComparison) -> Iterator[tuple[str, list[str]]]:
    yield "test", [f"{number:05}" for number in range(toy.image_count)]
    yield "train", [f"{number:05}" for number in (90_000, 90_001)]


def _write_sequences(toy: SyntheticComparison, folder: Path) -> None:
    """Sequences by day and by night, in turn."""
    firsts = range(0, toy.image_count, SEQUENCE_LENGTH)
    scenes = [
        {
            "name": name,
            "scene": [
                {"name": f"{name}-{at}", "range": [{"min": at, "max": at + SEQUENCE_LENGTH - 1}]}
                for at in firsts[turn::2]
            ],
        }
        for turn, name in enumerate(("Day", "Night"))
    ]
    (folder / "meta").mkdir()
    (folder / "meta" / "scenario.json").write_text(json.dumps(scenes))


def _write_pair(toy: SyntheticComparison, infrared: Path, visible: Path, key: str) -> None:
    """Two images that a JPEG finds as hard as a street: smooth, with edges and a little noise."""
    for number, (folder, channels) in enumerate(((infrared, 1), (visible, 3))):
        noise = np.random.default_rng([number, int(key)])
        image = _repeat_blocks(
            toy, noise.integers(40, 220, (*BLOCK_GRID, channels)).astype(np.float64)
        )
        image += noise.normal(0, 4, image.shape)
        pixels = image.clip(0, 255).astype(np.uint8)
        folder.mkdir(parents=True, exist_ok=True)
        images.write_png(folder / f"{key}.png", pixels if channels == 3 else pixels[..., 0])


def _repeat_blocks(toy: SyntheticComparison, blocks: np.ndarray) -> np.ndarray:
    down, across = (
        side // count for side, count in zip(toy.image_size[::-1], BLOCK_GRID, strict=True)
    )
    return blocks.repeat(down, axis=0).repeat(across, axis=1)


def _make_random_corners(
    toy: SyntheticComparison, count: int, noise: np.random.Generator
) -> np.ndarray:
    """Boxes of all sizes inside the image, float64 (count, 4)."""
    whole = np.array(toy.image_size)
    sides = np.maximum(whole * noise.uniform(0.05, 0.35, (count, 2)), 3)
    low = noise.uniform(0, 1, (count, 2)) * (whole - sides - 1)
    return np.rint(np.concatenate([low, low + sides], axis=1))


def _write_predicted_boxes(
    toy: SyntheticComparison, cell: Run, folder: Path, noise: np.random.Generator
) -> None:
    """Some true boxes, not quite in place and now and then of a wrong class, and false alarms."""
    skill, classes = toy.accuracy[cell.source_name], len(cell.test_split.classes)
    found: dict[str, Boxes] = {}
    for pair in cell.test_split.pairs:
        seen = noise.random(len(pair.boxes)) < skill
        true = pair.boxes.corners[seen]
        sides = np.tile(true[:, 2:] - true[:, :2], 2)
        placed = true + sides * noise.normal(0, 0.12 * (1.1 - skill), true.shape)
        kinds = pair.boxes.class_ids[seen]
        wrong = noise.random(len(kinds)) < 0.2 * (1 - skill)
        kinds = np.where(wrong, noise.integers(0, classes, len(kinds)), kinds)
        alarms = int(noise.poisson(toy.false_positives))
        corners = np.concatenate([placed, _make_random_corners(toy, alarms, noise)])
        every = np.concatenate([kinds, noise.integers(0, classes, alarms)])
        scores = np.concatenate([noise.beta(5, 2, len(kinds)), noise.beta(1, 6, alarms)])
        found[pair.key] = boxes.make_boxes(corners, every, scores)
    sizes = {pair.key: pair.size for pair in cell.test_split.pairs}
    document = boxes.to_coco(found, cell.test_split.classes, sizes)
    (folder / detection.PREDICTIONS_FILE).write_text(json.dumps(document))


def _write_predicted_label_maps(
    toy: SyntheticComparison, cell: Run, folder: Path, noise: np.random.Generator
) -> None:
    """The true label maps, some blocks of which are of any class."""
    down, across = (
        side // count for side, count in zip(toy.image_size[::-1], BLOCK_GRID, strict=True)
    )
    for pair in cell.test_split.pairs:
        labels = label_maps.read_label_map(pair.label_map, cell.test_split.classes)[
            ::down, ::across
        ]
        wrong = noise.random(BLOCK_GRID) > toy.accuracy[cell.source_name]
        guess = noise.integers(1, len(cell.test_split.classes), BLOCK_GRID, dtype=np.uint8)
        images.write_png(
            folder / f"{pair.key}.png", _repeat_blocks(toy, np.where(wrong, guess, labels))
        )


def _make_metric_rows(
    toy: SyntheticComparison, cell: Run, noise: np.random.Generator
) -> pd.DataFrame:
    """Rows as the scoring of images gives them; what finds more is a little better."""
    names = [one.name for one in metric.load_metrics(cell.task.metrics)]
    scores = noise.normal(
        toy.accuracy[cell.source_name], 0.1, (len(cell.test_split.pairs), len(names))
    )
    keys = pd.Index(list(cell.test_split.keys), name="key")
    return pd.DataFrame(scores, keys, names).assign(flags="")


def _write_cost_profiles(toy: SyntheticComparison, found: Plan, store: Store) -> None:
    """What fusing costs, as `fusion.profile` keeps it."""
    noise, how = np.random.default_rng(0), TimingOptions("cpu", 5, 1)
    for name, source in found.task_file.sources.items():
        if isinstance(source, schema.FusionMethodSource) and name not in toy.unfinished_sources:
            asked = ProfileRequest(name, source.method, dict(source.options), *toy.image_size)
            middle = float(noise.lognormal(-3, 1.5))
            cost = MeasuredCost(middle, 0.9 * middle, 1.2 * middle, int(noise.integers(1e6, 1e9)))
            counts = OperationCounts(int(noise.integers(1e4, 1e7)), int(noise.integers(1e9, 1e12)))
            files.store_profile(store.root, how, (asked, counts, cost))
