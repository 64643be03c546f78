"""Attributes of the test pairs of a split: measured once, then read from the store."""

import csv
from collections.abc import Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fusebench.data import images, label_maps
from fusebench.data.pairs import Pair, Split
from fusebench.errors import UserError
from fusebench.runtime import command_name, process_pool, progress
from fusebench.storage import hashing
from fusebench.storage.store import Store
from reports.attributes import measurement
from reports.attributes.measurement import ATTRIBUTES

STORE_KIND = "statistics"
FILE_NAME = "attributes.csv"
MIN_PARALLEL_PAIRS = 64  # with fewer, starting worker processes takes longer than the work
PAIRS_PER_JOB = 8

FloatArray = NDArray[np.float64]


def collect_attributes(split: Split, store: Store) -> dict[str, FloatArray] | None:
    """Return the attributes of the pairs of a split, in the order of its pairs.

    Returns:
        Name to float64 (I,), NaN where an attribute is undefined. None if an image or a label map
        cannot be read, e.g. because the results were copied to a machine without the data.

    Raises:
        UserError: If the stored file is damaged.
    """
    spec = build_spec(split)
    label = f"{split.dataset}-{split.name}-attributes"
    try:
        folder = store.get_or_create(
            STORE_KIND, label, spec, lambda path: _measure_and_write(split, path)
        )
    except UnreadablePairError:
        return None
    return _read_attributes(folder.path / FILE_NAME, [pair.key for pair in split.pairs])


class UnreadablePairError(Exception):
    """An image or a label map cannot be read."""


def build_spec(split: Split) -> dict[str, object]:
    """Return the spec of the attributes of a split."""
    return {
        "attributes": measurement.VERSION,
        "images": hashing.hash_images(split),
        "labels": hashing.hash_labels(split),
    }


def measure_pair(pair: Pair, classes: Sequence[str]) -> dict[str, float | None]:
    """Read a pair with its labels and measure its attributes.

    Raises:
        UserError: If a file cannot be read.
    """
    infrared = images.read_gray(pair.infrared)
    visible = images.luminance(images.read_color(pair.visible))
    if pair.boxes is not None:
        corners = measurement.select_objects(pair.boxes)
    elif pair.label_map is not None:
        label_map = label_maps.read_label_map(pair.label_map, classes)
        unlabeled = label_maps.find_unlabeled(label_map, classes)
        corners = measurement.find_regions(label_map, unlabeled)
    else:
        corners = np.zeros((0, 4))
    return measurement.measure_attributes(infrared, visible, corners)


def _measure_and_write(split: Split, folder: Path) -> None:
    try:
        rows = _measure_pairs(split)
    except (UserError, OSError) as error:
        raise UnreadablePairError(str(error)) from error
    with (folder / FILE_NAME).open("w", newline="", encoding="utf-8") as file:
        writer = csv.writer(file)
        writer.writerow(["key", *ATTRIBUTES])
        for pair, row in zip(split.pairs, rows, strict=True):
            values = (row[name] for name in ATTRIBUTES)
            writer.writerow([pair.key, *("" if v is None else f"{v:.6g}" for v in values)])


def _measure_pairs(split: Split) -> list[dict[str, float | None]]:
    title = f"measure {split.dataset} {split.name}"
    pairs = [split.pairs[i] for i in range(len(split.pairs))]
    cpus = process_pool.count_available_cpus()
    if len(pairs) < MIN_PARALLEL_PAIRS or cpus < 2:
        return [measure_pair(pair, split.classes) for pair in progress.track_progress(pairs, title)]
    try:
        with process_pool.open_pool(cpus) as processes:
            futures = [
                processes.submit(_measure_batch, pairs[i : i + PAIRS_PER_JOB], split.classes)
                for i in range(0, len(pairs), PAIRS_PER_JOB)
            ]
            return [
                row for future in progress.track_progress(futures, title) for row in future.result()
            ]
    except BrokenProcessPool:
        raise UserError(
            f"{title}: a worker process was killed (is the memory full?); run it again"
        ) from None


def _measure_batch(pairs: Sequence[Pair], classes: Sequence[str]) -> list[dict[str, float | None]]:
    import cv2

    cv2.setNumThreads(1)
    return [measure_pair(pair, classes) for pair in pairs]


def _read_attributes(file: Path, keys: Sequence[str]) -> dict[str, FloatArray]:
    try:
        with file.open(newline="", encoding="utf-8") as text:
            rows = list(csv.DictReader(text))
        if [row["key"] for row in rows] != list(keys):
            raise ValueError("it has other images")
        return {name: np.array([float(row[name] or "nan") for row in rows]) for name in ATTRIBUTES}
    except (OSError, csv.Error, KeyError, TypeError, ValueError) as fault:
        raise UserError(
            f"{file}: cannot be read ({fault}); {command_name.format_repair_advice(file.parent)}"
        ) from None
