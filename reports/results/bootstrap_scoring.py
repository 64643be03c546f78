"""What the scores of a record would have been on other draws of its images, from saved results.

A detection record has `matches.npz`, a segmentation record `confusion.npz`: enough to score every
resample by class, by condition and on the whole, without running a model or a matcher again.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusebench.errors import UserError
from fusebench.evaluation import average_precision, bootstrap, match_table
from fusebench.evaluation.bootstrap import IntArray, Resamples
from fusebench.evaluation.match_table import ClassMatches, MatchTable
from fusebench.storage import image_index, npz
from fusebench.storage.image_index import ImageIndex
from fusebench.storage.records import Record
from reports.results.bootstrap_scores import (
    BootstrapScores,
    FloatArray,
    ScoreKey,
    average_over_classes,
)

VERSION = 2  # of the numbers
THRESHOLDS_BY_METRIC = {"AP50": slice(0, 1), "AP": slice(0, None)}  # overlaps
AREA_BY_METRIC = {
    f"AP_{size}": area for area, size in enumerate(match_table.AREA_RANGES) if area
}  # on all images
MATCHES_FILE, CONFUSION_FILE = "matches.npz", "confusion.npz"
BOUNDARY_FILE, BOUNDARY_IOU = (
    "boundary.npz",
    "boundary_IoU",
)  # of 2 C classes: near outlines, inside
WITHOUT_PREFIX = "without "  # how the name of a mean over fewer classes begins
FILE_BY_KIND = {"detection": MATCHES_FILE, "segmentation": CONFUSION_FILE}

ConfusionCounts = NDArray[np.int64]


def compute_bootstrap_scores(
    record: Record,
    folder: Path,
    classes: Sequence[str],
    resamples: int = bootstrap.RESAMPLE_COUNT,
    seed: int = bootstrap.DEFAULT_SEED,
) -> BootstrapScores | None:
    """The resampled scores of a record; None if nothing to make them from is in its folder.

    Args:
        record: What is scored; its class set and policies are kept.
        folder: The record's.
        classes: Class names of the data set, in the order of their ids.
        resamples: How many.
        seed: Of the draws; records on the same images are drawn alike.

    Raises:
        UserError: If a file is damaged, or the files of the folder do not fit together.
    """
    if not has_bootstrap_inputs(record, folder):
        return None
    listed = image_index.read_image_index(folder)
    held = _read_saved_results(record, folder, listed.keys)
    score = _score_detection if record.kind == "detection" else _score_segmentation
    draws = bootstrap.resample_units(listed.sequences, resamples, seed)
    scores: dict[ScoreKey, FloatArray] = {}
    shares: dict[tuple[str | None, str | None], FloatArray] = {}
    for scene, chosen in _list_image_subsets(record, listed):
        found, truths = score(record, held, classes, draws, chosen)
        scores |= {ScoreKey(scene, *key): value for key, value in found.items()}
        shares |= {
            (scene, key): value
            for key, value in _compute_unit_shares(draws, truths, chosen).items()
        }
    images, units, sequences = (
        len(listed.keys),
        draws.unit_counts.shape[1],
        len(set(listed.sequences)),
    )
    return BootstrapScores(scores, shares, images, units, draws.is_clustered, sequences)


def has_bootstrap_inputs(record: Record, folder: Path) -> bool:
    """Whether what resampling needs is in the folder of a record."""
    wanted = FILE_BY_KIND.get(record.kind)
    return wanted is not None and all(
        (folder / n).exists() for n in (wanted, image_index.FILE_NAME)
    )


class _SavedResults(NamedTuple):
    """What was saved of a record: one of the first two, the third where it was measured."""

    match_table: MatchTable | None
    confusion_counts: ConfusionCounts | None
    boundary_counts: ConfusionCounts | None


def _read_saved_results(record: Record, folder: Path, keys: Sequence[str]) -> _SavedResults:
    if record.kind == "detection":
        table = match_table.read_match_table(folder / MATCHES_FILE)
        _check_same_images(folder / MATCHES_FILE, table.keys, keys)
        return _SavedResults(table, None, None)
    measured = BOUNDARY_IOU in record.columns and (folder / BOUNDARY_FILE).exists()
    near = read_confusion_counts(folder / BOUNDARY_FILE, keys) if measured else None
    return _SavedResults(None, read_confusion_counts(folder / CONFUSION_FILE, keys), near)


class _ImageSubset(NamedTuple):
    image_indices: IntArray  # positions in the sorted keys
    class_count: int


_ScoreArrays = dict[tuple[str | None, str], FloatArray]  # class (None: mean) and metric
_TruthCounts = dict[str, NDArray[Any]]  # class to true boxes or pixels per chosen image


def _list_image_subsets(
    record: Record, listed: ImageIndex
) -> list[tuple[str | None, NDArray[np.int64]]]:
    found: list[tuple[str | None, NDArray[np.int64]]] = [(None, np.arange(len(listed.keys)))]
    for scene in record.by_condition:
        mine = [i for i, name in enumerate(listed.conditions) if name == scene]
        found.append((scene, np.array(mine, np.int64)))
    return found


def _score_detection(
    record: Record, held: _SavedResults, classes: Sequence[str], draws: Resamples, chosen: IntArray
) -> tuple[_ScoreArrays, _TruthCounts]:
    table = held.match_table
    assert table is not None
    wanted = {name: some for name, some in THRESHOLDS_BY_METRIC.items() if name in record.columns}
    every = len(chosen) == len(table.keys)
    sizes = {
        name: area for name, area in AREA_BY_METRIC.items() if name in record.columns and every
    }
    weights = draws.image_weights[:, chosen]
    found: _ScoreArrays = {}
    truths: _TruthCounts = {}
    for name, matched in zip(table.classes, table.by_class, strict=True):
        mine: ClassMatches = match_table.select_class_images(matched, chosen)
        by_overlap = average_precision.weighted_average_precision(mine, weights)
        found |= {
            (name, metric): by_overlap[:, some].mean(axis=1) for metric, some in wanted.items()
        }
        for metric, area in sizes.items():
            by_overlap = average_precision.weighted_average_precision(mine, weights, area=area)
            found[name, metric] = by_overlap.mean(axis=1)
        truths[name] = mine.truth_counts[0]
    for metric in [*wanted, *sizes]:
        found[None, metric] = average_over_classes([found[name, metric] for name in table.classes])
        for words in record.subset_means:
            left = words.removeprefix(WITHOUT_PREFIX).split(", ")
            kept = [found[name, metric] for name in table.classes if name not in left]
            if words.startswith(WITHOUT_PREFIX) and kept:
                found[words, metric] = average_over_classes(kept)
    return found, truths


def _score_segmentation(
    record: Record, held: _SavedResults, classes: Sequence[str], draws: Resamples, chosen: IntArray
) -> tuple[_ScoreArrays, _TruthCounts]:
    assert held.confusion_counts is not None
    part = _ImageSubset(chosen, len(classes))
    places = {name: list(classes).index(name) for name in classes if name in record.by_class}
    counts = held.confusion_counts[chosen]
    found: _ScoreArrays = {}
    for metric, ratio in _compute_ratios(
        counts, get_metric_options(record, "iou"), draws, part
    ).items():
        if metric in record.columns:
            found |= _split_by_class(metric, ratio, places, get_metric_options(record, "iou"))
    if held.boundary_counts is not None:
        near = get_metric_options(record, "boundary_iou")
        ratio = _compute_ratios(held.boundary_counts[chosen], near, draws, part)["IoU"]
        found |= _split_by_class(BOUNDARY_IOU, ratio, places, near)
    pixels = counts.sum(axis=2)
    return found, {name: pixels[:, place] for name, place in places.items()}


def get_metric_options(record: Record, metric: str) -> dict[str, Any]:
    """What a record's metric was asked for, e.g. its class set."""
    found: dict[str, Any] = record.spec.get("metrics", {}).get(metric, {}).get("options", {})
    return found


def _split_by_class(
    metric: str, ratio: FloatArray, places: Mapping[str, int], options: Mapping[str, Any]
) -> _ScoreArrays:
    mine = {name: ratio[:, place] for name, place in places.items()}
    whole = average_over_classes(list(mine.values()), zero=options.get("absent") == "zero")
    return {(name, metric): score for name, score in mine.items()} | {(None, metric): whole}


def _compute_ratios(
    counts: ConfusionCounts, options: Mapping[str, Any], draws: Resamples, part: _ImageSubset
) -> dict[str, FloatArray]:
    """IoU, accuracy and precision of every row of a confusion matrix, (R, rows)."""
    if options.get("unlabeled") == "ignored":
        counts = counts.copy()
        counts[:, :: part.class_count] = 0  # of 2 C rows, C is class 0 away from outlines
    parts = [np.diagonal(counts, axis1=1, axis2=2), counts.sum(axis=2), counts.sum(axis=1)]
    summed = np.zeros((draws.unit_counts.shape[1], 3, counts.shape[1]))
    np.add.at(summed, draws.unit_of_image[part.image_indices], np.stack(parts, axis=1))
    times = draws.unit_counts.astype(np.float64)
    hit, truth, called = (times @ each for each in summed.transpose(1, 0, 2))
    wholes = {"IoU": truth + called - hit, "accuracy": truth, "precision": called}
    return {name: hit / np.where(whole > 0, whole, np.nan) for name, whole in wholes.items()}


def read_confusion_counts(path: Path, keys: Sequence[str]) -> ConfusionCounts:
    """Confusion counts of these images, (I, C, C), rows are the truth.

    Raises:
        UserError: If the file is damaged or has other images.
    """
    there, counts = npz.read_arrays(path, "keys", "counts")
    _check_same_images(path, tuple(map(str, there)), keys)
    return counts


def _check_same_images(path: Path, keys: Sequence[str], others: Sequence[str]) -> None:
    if tuple(keys) != tuple(others):
        raise UserError(
            f"{path}: has {len(keys)} images, {image_index.FILE_NAME} beside it {len(others)}, and they "
            "are not the same; delete this folder and run again"
        )


def _compute_unit_shares(
    draws: Resamples, truths: _TruthCounts, chosen: NDArray[np.int64]
) -> dict[str | None, FloatArray]:
    """Each unit's share of every class's truth; that of the mean is the mean of the classes'."""
    found: dict[str | None, FloatArray] = {}
    for name, counts in truths.items():
        held = np.bincount(
            draws.unit_of_image[chosen], counts, minlength=draws.unit_counts.shape[1]
        )
        found[name] = held / max(held.sum(), 1)
    present = [share for share in found.values() if share.any()]
    empty = np.zeros(draws.unit_counts.shape[1])
    found[None] = np.mean(present, axis=0) if present else empty
    return found
