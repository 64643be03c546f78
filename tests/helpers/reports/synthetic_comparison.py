"""A complete synthetic comparison: small M3FD and FMB, records of all runs, cost profiles.

Slow steps are replaced by random data: predictions, fusion metrics per image, times. The programs
do everything else, so that every record has the files that they write.
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
from fusebench.experiments.plan import Plan
from fusebench.experiments.planning.run import Run
from fusebench.experiments.sources import get_images
from fusebench.runtime import process_pool
from fusebench.storage import predicted_boxes
from fusebench.storage.store import Store
from fusion import run as fusion
from fusion.profiling import files
from fusion.profiling.files import CostRow
from fusion.profiling.measurement import MeasuredCost
from fusion.profiling.operation_counts import OperationCounts
from fusion.profiling.request import ProfileRequest, RunLimits, TimingOptions
from fusion.scoring import metric
from segmentation import run as segmentation
from tests.helpers import dataset_folders
from tests.helpers.paths import REPOSITORY

SEQUENCE_LENGTH = 9  # images of one sequence
BLOCK_GRID = (12, 16)  # rows and columns of gray blocks in an image and its label map
ALL_FUSION_METRICS = schema.load_task_file(REPOSITORY / "tasks.yaml").presets["plain"].quality
SECTION_IDS = (  # ids of headings, in the order of the page
    *("title-overview", "differences", "leaderboard", "pictures"),
    *(f"{part}-1" for part in ("comparison", "samples", "equivalence", "published")),
    *(f"{part}-1" for part in ("by-condition", "error-types", "curves", "confusion-matrices")),
    *("more-tables-1", "comparison-2", "samples-2", "equivalence-2", "published-2"),
    *("by-condition-2", "confusion-matrices-2", "comparison-3", "comparison-4"),
    *("title-efficiency", "title-metric-correlation"),
    *("title-protocol", *(f"protocol-{task}" for task in range(1, 5)), "title-reading"),
)


@dataclass(frozen=True)
class SyntheticComparison:
    """Sources and sizes of a comparison.

    Attributes:
        accuracy: Every source to the share of objects and pixels that it predicts, 0 to 1.
        seeds: Seeds of every source.
        image_size: (width, height) in pixels.
        image_count: Number of test images.
        false_positives: Mean number of false positives per image.
        unfinished_sources: Sources without results.
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
    plan = cli.build_plan_from_args(
        cli.build_parser("toy", "").parse_args(flags), tuple(schema.TASK_CLASSES), generate=False
    )
    finished = [run for run in plan.runs if run.source_name not in toy.unfinished_sources]
    for run in finished:
        get_images(run.test_images, store, "cpu")
    with process_pool.open_pool(process_pool.count_available_cpus()) as processes:
        for future in [processes.submit(finish_run, toy, run, store) for run in finished]:
            future.result()
    _write_cost_profiles(toy, plan, store)
    return flags


def finish_run(toy: SyntheticComparison, run: Run, store: Store) -> None:
    """Write random predictions of a run's model, and let the program of its task score them."""
    name = f"{run.task.kind} {run.source_name}".encode()
    rng = np.random.default_rng([zlib.crc32(name), run.seed or 0])
    if run.task.kind == "quality":
        rows = {run.label: _make_metric_rows(toy, run, rng)}
        fusion.execute_run(run, store, "cpu", [run], rows)
        return
    time = json.dumps({"seconds": round(float(rng.uniform(100, 200)), 1), "threads": 1})

    def write_time(folder: Path) -> None:
        (folder / "time.json").write_text(time)

    def write_predictions(folder: Path) -> None:
        if run.task.kind == "detection":
            _write_predicted_boxes(toy, run, folder, rng)
        else:
            _write_predicted_label_maps(toy, run, folder, rng)

    store.get_or_create("trained", run.trained_label, run.specs["trained"], write_time)
    store.get_or_create(
        "predicted", run.prediction_label, run.specs["predicted"], write_predictions
    )
    program = detection if run.task.kind == "detection" else segmentation
    program.execute_run(run, store, "cpu")


def _build_task_file(toy: SyntheticComparison) -> dict[str, object]:
    """Build a task file with two tasks that train a model, and two quality tasks."""
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
    """Write the official folders, with the lists of training and test images."""
    parts = dict(_split_keys(toy))
    for key in (key for keys in parts.values() for key in keys):
        _write_pair(toy, folder / "Ir", folder / "Vis", key)
        rng = np.random.default_rng(int(key))
        objects = [
            (m3fd.CLASSES[int(class_id)], *map(int, corners))
            for class_id, corners in zip(
                rng.integers(0, 6, 9), _make_random_corners(toy, 9, rng), strict=True
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
            rng = np.random.default_rng(int(key))
            labels = rng.integers(0, len(fmb.CLASSES), BLOCK_GRID, dtype=np.uint8)
            images.write_png(folder / part / "Label" / f"{key}.png", _repeat_blocks(toy, labels))
    _write_sequences(toy, folder)


def _split_keys(toy: SyntheticComparison) -> Iterator[tuple[str, list[str]]]:
    yield "test", [f"{number:05}" for number in range(toy.image_count)]
    yield "train", [f"{number:05}" for number in (90_000, 90_001)]


def _write_sequences(toy: SyntheticComparison, folder: Path) -> None:
    """Write the sequences of the test images, by day and by night in turn."""
    starts = range(0, toy.image_count, SEQUENCE_LENGTH)
    conditions = [
        {
            "name": name,
            "scene": [
                {
                    "name": f"{name}-{start}",
                    "range": [{"min": start, "max": start + SEQUENCE_LENGTH - 1}],
                }
                for start in starts[offset::2]
            ],
        }
        for offset, name in enumerate(("Day", "Night"))
    ]
    (folder / "meta").mkdir()
    (folder / "meta" / "scenario.json").write_text(json.dumps(conditions))


def _write_pair(toy: SyntheticComparison, infrared: Path, visible: Path, key: str) -> None:
    """Write a pair that compresses like a street as JPEG: smooth, with edges and a little noise."""
    for number, (folder, channels) in enumerate(((infrared, 1), (visible, 3))):
        rng = np.random.default_rng([number, int(key)])
        blocks = rng.integers(40, 220, (*BLOCK_GRID, channels)).astype(np.float64)
        image = _repeat_blocks(toy, blocks)
        image += rng.normal(0, 4, image.shape)
        pixels = image.clip(0, 255).astype(np.uint8)
        folder.mkdir(parents=True, exist_ok=True)
        images.write_png(folder / f"{key}.png", pixels if channels == 3 else pixels[..., 0])


def _repeat_blocks(toy: SyntheticComparison, blocks: np.ndarray) -> np.ndarray:
    height, width = _get_block_size(toy)
    return blocks.repeat(height, axis=0).repeat(width, axis=1)


def _get_block_size(toy: SyntheticComparison) -> tuple[int, int]:
    """Return height and width of a block in pixels."""
    width, height = toy.image_size
    return height // BLOCK_GRID[0], width // BLOCK_GRID[1]


def _make_random_corners(
    toy: SyntheticComparison, count: int, rng: np.random.Generator
) -> np.ndarray:
    """Make corners of boxes of all sizes inside the image, float64 (count, 4)."""
    image_size = np.array(toy.image_size)
    box_sizes = np.maximum(image_size * rng.uniform(0.05, 0.35, (count, 2)), 3)
    low = rng.uniform(0, 1, (count, 2)) * (image_size - box_sizes - 1)
    return np.rint(np.concatenate([low, low + box_sizes], axis=1))


def _write_predicted_boxes(
    toy: SyntheticComparison, run: Run, folder: Path, rng: np.random.Generator
) -> None:
    """Write some true boxes, displaced and some of a wrong class, and false positives."""
    accuracy, class_count = toy.accuracy[run.source_name], len(run.test_split.classes)
    predicted: dict[str, Boxes] = {}
    for pair in run.test_split.pairs:
        # True positives: displaced by more at a lower accuracy, sometimes of a random class
        is_detected = rng.random(len(pair.boxes)) < accuracy
        true_corners = pair.boxes.corners[is_detected]
        box_sizes = np.tile(true_corners[:, 2:] - true_corners[:, :2], 2)
        corners = true_corners + box_sizes * rng.normal(
            0, 0.12 * (1.1 - accuracy), true_corners.shape
        )
        class_ids = pair.boxes.class_ids[is_detected]
        is_wrong = rng.random(len(class_ids)) < 0.2 * (1 - accuracy)
        class_ids = np.where(is_wrong, rng.integers(0, class_count, len(class_ids)), class_ids)
        # False positives, with lower scores
        count = int(rng.poisson(toy.false_positives))
        predicted[pair.key] = boxes.make_boxes(
            np.concatenate([corners, _make_random_corners(toy, count, rng)]),
            np.concatenate([class_ids, rng.integers(0, class_count, count)]),
            np.concatenate([rng.beta(5, 2, len(class_ids)), rng.beta(1, 6, count)]),
        )
    predicted_boxes.write_predicted_boxes(folder, predicted, run.test_split)


def _write_predicted_label_maps(
    toy: SyntheticComparison, run: Run, folder: Path, rng: np.random.Generator
) -> None:
    """Write the true label maps with some blocks of a random class."""
    classes = run.test_split.classes
    height, width = _get_block_size(toy)
    for pair in run.test_split.pairs:
        truth = label_maps.read_label_map(pair.label_map, classes)[::height, ::width]
        is_wrong = rng.random(BLOCK_GRID) > toy.accuracy[run.source_name]
        random_classes = rng.integers(1, len(classes), BLOCK_GRID, dtype=np.uint8)
        labels = np.where(is_wrong, random_classes, truth)
        images.write_png(folder / f"{pair.key}.png", _repeat_blocks(toy, labels))


def _make_metric_rows(toy: SyntheticComparison, run: Run, rng: np.random.Generator) -> pd.DataFrame:
    """Make the table of fusion metrics per image; more accurate sources score higher."""
    names = [variant.name for variant in metric.load_metrics(run.task.metrics)]
    keys = pd.Index(list(run.test_split.keys), name="key")
    scores = rng.normal(toy.accuracy[run.source_name], 0.1, (len(keys), len(names)))
    return pd.DataFrame(scores, keys, names).assign(flags="")


def _write_cost_profiles(toy: SyntheticComparison, plan: Plan, store: Store) -> None:
    """Write the cost profile of every fusion method, as `fusion.profile` stores it."""
    rng, timing = np.random.default_rng(0), TimingOptions("cpu", 1, RunLimits(5, 5, 0))
    for name, source in plan.task_file.sources.items():
        if isinstance(source, schema.FusionMethodSource) and name not in toy.unfinished_sources:
            request = ProfileRequest(name, source.method, dict(source.options), *toy.image_size)
            seconds = float(rng.lognormal(-3, 1.5))
            memory = int(rng.integers(1e6, 1e9))
            times = (seconds, 0.9 * seconds, 1.2 * seconds)
            cost = MeasuredCost(*times, memory, processor_seconds=seconds, repetitions=5)
            counts = OperationCounts(int(rng.integers(1e4, 1e7)), int(rng.integers(1e9, 1e12)))
            files.store_profile(store.root, CostRow(request, timing, counts, cost))
