"""What the scores of a record would have been on other draws of its images, from saved results.

A detection record has `matches.npz`, a segmentation record `confusion.npz`: enough to score every
resample by class, by condition and on the whole, without running a model or a matcher again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench import arrays, average_precision, evidence, matches
from bench.errors import BenchError
from bench.evidence import Listed
from bench.matches import ClassMatches, Matches
from bench.records import Record
from reports.records.evidence import Floats, Quantity, Resampled, mean
from reports.significance import resampling
from reports.significance.resampling import Draws, Whole

VERSION = 2  # of the numbers
CHOICES = {"AP50": slice(0, 1), "AP": slice(0, None)}  # overlaps
SIZES = {f"AP_{size}": area for area, size in enumerate(matches.AREAS) if area}  # on all images
DETECTION, SEGMENTATION = "matches.npz", "confusion.npz"
BOUNDARY, BOUNDARY_IOU = "boundary.npz", "boundary_IoU"  # of 2 C classes: near outlines, inside
WITHOUT = "without "  # how the name of a mean over fewer classes begins
FILES = {"detection": DETECTION, "segmentation": SEGMENTATION}

Counts = NDArray[np.int64]


def of(
    record: Record,
    folder: Path,
    classes: Sequence[str],
    resamples: int = resampling.RESAMPLES,
    seed: int = resampling.SEED,
) -> Resampled | None:
    """The resampled scores of a record; None if nothing to make them from is in its folder.

    Args:
        record: What is scored; its class set and policies are kept.
        folder: The record's.
        classes: Class names of the data set, in the order of their ids.
        resamples: How many.
        seed: Of the draws; records on the same images are drawn alike.

    Raises:
        BenchError: If a file is damaged, or the files of the folder do not fit together.
    """
    if not able(record, folder):
        return None
    listed = evidence.read(folder)
    held = _held(record, folder, listed.keys)
    score = _boxes if record.kind == "detection" else _labels
    draws = resampling.draw(listed.groups, resamples, seed)
    scores: dict[Quantity, Floats] = {}
    shares: dict[tuple[str | None, str | None], Floats] = {}
    for scene, chosen in _slices(record, listed):
        found, truths = score(record, held, classes, draws, chosen)
        scores |= {Quantity(scene, *key): value for key, value in found.items()}
        shares |= {(scene, key): value for key, value in _shares(draws, truths, chosen).items()}
    images, units, sequences = len(listed.keys), draws.times.shape[1], len(set(listed.groups))
    return Resampled(scores, shares, images, units, draws.grouped, sequences)


def able(record: Record, folder: Path) -> bool:
    """Whether what resampling needs is in the folder of a record."""
    wanted = FILES.get(record.kind)
    return wanted is not None and all((folder / n).exists() for n in (wanted, evidence.NAME))


class _Held(NamedTuple):
    """What was saved of a record: one of the first two, the third where it was measured."""

    matched: Matches | None
    counts: Counts | None
    near: Counts | None


def _held(record: Record, folder: Path, keys: Sequence[str]) -> _Held:
    if record.kind == "detection":
        table = matches.read(folder / DETECTION)
        _same(folder / DETECTION, table.keys, keys)
        return _Held(table, None, None)
    measured = BOUNDARY_IOU in record.columns and (folder / BOUNDARY).exists()
    near = confusions(folder / BOUNDARY, keys) if measured else None
    return _Held(None, confusions(folder / SEGMENTATION, keys), near)


class _Slice(NamedTuple):
    chosen: Whole  # positions in the sorted keys
    classes: int


_Scores = dict[tuple[str | None, str], Floats]  # class (None: mean) and metric
_Truths = dict[str, NDArray[Any]]  # class to true boxes or pixels per chosen image


def _slices(record: Record, listed: Listed) -> list[tuple[str | None, NDArray[np.int64]]]:
    found: list[tuple[str | None, NDArray[np.int64]]] = [(None, np.arange(len(listed.keys)))]
    for scene in record.by_scene:
        mine = [i for i, name in enumerate(listed.scenes) if name == scene]
        found.append((scene, np.array(mine, np.int64)))
    return found


def _boxes(
    record: Record, held: _Held, classes: Sequence[str], draws: Draws, chosen: Whole
) -> tuple[_Scores, _Truths]:
    table = held.matched
    assert table is not None
    wanted = {name: some for name, some in CHOICES.items() if name in record.columns}
    every = len(chosen) == len(table.keys)
    sizes = {name: area for name, area in SIZES.items() if name in record.columns and every}
    weights = draws.weights[:, chosen]
    found: _Scores = {}
    truths: _Truths = {}
    for name, matched in zip(table.classes, table.by_class, strict=True):
        mine: ClassMatches = matches.only(matched, chosen)
        by_overlap = average_precision.weighted(mine, weights)
        found |= {
            (name, metric): by_overlap[:, some].mean(axis=1) for metric, some in wanted.items()
        }
        for metric, area in sizes.items():
            by_overlap = average_precision.weighted(mine, weights, area=area)
            found[name, metric] = by_overlap.mean(axis=1)
        truths[name] = mine.truths[0]
    for metric in [*wanted, *sizes]:
        found[None, metric] = mean([found[name, metric] for name in table.classes])
        for words in record.other_means:
            left = words.removeprefix(WITHOUT).split(", ")
            kept = [found[name, metric] for name in table.classes if name not in left]
            if words.startswith(WITHOUT) and kept:
                found[words, metric] = mean(kept)
    return found, truths


def _labels(
    record: Record, held: _Held, classes: Sequence[str], draws: Draws, chosen: Whole
) -> tuple[_Scores, _Truths]:
    assert held.counts is not None
    part = _Slice(chosen, len(classes))
    places = {name: list(classes).index(name) for name in classes if name in record.by_class}
    counts = held.counts[chosen]
    found: _Scores = {}
    for metric, ratio in _ratios(counts, options(record, "iou"), draws, part).items():
        if metric in record.columns:
            found |= _by_name(metric, ratio, places, options(record, "iou"))
    if held.near is not None:
        near = options(record, "boundary_iou")
        ratio = _ratios(held.near[chosen], near, draws, part)["IoU"]
        found |= _by_name(BOUNDARY_IOU, ratio, places, near)
    pixels = counts.sum(axis=2)
    return found, {name: pixels[:, place] for name, place in places.items()}


def options(record: Record, metric: str) -> dict[str, Any]:
    """What a record's metric was asked for, e.g. its class set."""
    found: dict[str, Any] = record.spec.get("metrics", {}).get(metric, {}).get("options", {})
    return found


def _by_name(
    metric: str, ratio: Floats, places: Mapping[str, int], options: Mapping[str, Any]
) -> _Scores:
    mine = {name: ratio[:, place] for name, place in places.items()}
    whole = mean(list(mine.values()), zero=options.get("absent") == "zero")
    return {(name, metric): score for name, score in mine.items()} | {(None, metric): whole}


def _ratios(
    counts: Counts, options: Mapping[str, Any], draws: Draws, part: _Slice
) -> dict[str, Floats]:
    """IoU, accuracy and precision of every row of a confusion matrix, (R, rows)."""
    if options.get("unlabelled") == "ignored":
        counts = counts.copy()
        counts[:, :: part.classes] = 0  # of 2 C rows, C is class 0 away from outlines
    parts = [np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=2), counts.sum(axis=1)]
    summed = np.zeros((draws.times.shape[1], 3, counts.shape[1]))
    np.add.at(summed, draws.units[part.chosen], np.stack(parts, axis=1))
    times = draws.times.astype(np.float64)
    hit, truth, called = (times @ each for each in summed.transpose(1, 0, 2))
    wholes = {"IoU": truth + called - hit, "accuracy": truth, "precision": called}
    return {name: hit / np.where(whole > 0, whole, np.nan) for name, whole in wholes.items()}


def confusions(path: Path, keys: Sequence[str]) -> Counts:
    """Confusion counts of these images, (I, C, C), rows are the truth.

    Raises:
        BenchError: If the file is damaged or has other images.
    """
    there, counts = arrays.read(path, "keys", "counts")
    _same(path, tuple(map(str, there)), keys)
    return counts


def _same(path: Path, keys: Sequence[str], others: Sequence[str]) -> None:
    if tuple(keys) != tuple(others):
        raise BenchError(
            f"{path}: has {len(keys)} images, {evidence.NAME} beside it {len(others)}, and they "
            "are not the same; delete this folder and run again"
        )


def _shares(draws: Draws, truths: _Truths, chosen: NDArray[np.int64]) -> dict[str | None, Floats]:
    """Each unit's share of every class's truth; that of the mean is the mean of the classes'."""
    found: dict[str | None, Floats] = {}
    for name, counts in truths.items():
        held = np.bincount(draws.units[chosen], counts, minlength=draws.times.shape[1])
        found[name] = held / max(held.sum(), 1)
    present = [share for share in found.values() if share.any()]
    empty = np.zeros(draws.times.shape[1])
    found[None] = np.mean(present, axis=0) if present else empty
    return found
