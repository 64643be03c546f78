"""Records of a store as input of the calibration trials: scores at any weights of the images."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.evaluation import average_precision, confusion, match_table
from fusebench.evaluation.class_means import average_defined
from fusebench.evaluation.counts import ArrayCounts, DetectionCounts
from fusebench.experiments import specs
from fusebench.storage import hashing, image_index, records
from fusebench.storage.records import Record
from fusebench.storage.store import ResultFolder, Store
from reports.results import bootstrap_scoring
from reports.statistics.calibration_trials import FloatArray, ScorableSource, ScoreFunction


def load_scorable_sources(root: Path) -> list[ScorableSource]:
    """Load every source of every detection and segmentation task with saved matches or counts.

    Detection is scored by mAP@.5, segmentation by the mean IoU of the classes in the truth.

    Raises:
        UserError: If a file of a record is damaged.
    """
    runs_by_source: dict[tuple[str, ...], list[tuple[Record, Path]]] = {}
    for kind in bootstrap_scoring.TRUTH_FILES:
        for folder in Store(root).iterate_finished(kind):
            record = records.read_record(folder.path / "record.json")
            if bootstrap_scoring.has_bootstrap_inputs(record, folder.path):
                key = record.kind, record.task, record.source, _hash_spec_without_seed(folder)
                runs_by_source.setdefault(key, []).append((record, folder.path))
    return [_build_source(" ".join(key[1:3]), runs) for key, runs in runs_by_source.items()]


def _hash_spec_without_seed(folder: ResultFolder) -> str:
    """Hash a spec without its training seed; equal for all runs of one source."""
    spec: dict[str, Any] = json.loads(json.dumps(folder.spec))
    for trained in specs.list_training_specs(spec):
        trained["seed"] = None
    return hashing.content_hash(spec)


def _build_source(name: str, runs: list[tuple[Record, Path]]) -> ScorableSource:
    index = image_index.read_image_index(runs[0][1])
    scorers = [
        _load_detection_scorer(path, index.keys)
        if record.kind == "detection"
        else _load_segmentation_scorer(path, index.keys)
        for record, path in runs
    ]
    truth_counts = scorers[0][1]  # the same in all runs
    return ScorableSource(name, tuple(score for score, _ in scorers), index.sequences, truth_counts)


def _load_detection_scorer(
    folder: Path, keys: tuple[str, ...]
) -> tuple[ScoreFunction, NDArray[Any]]:
    counts = bootstrap_scoring.read_counts(folder / bootstrap_scoring.MATCHES_FILE, keys)
    assert isinstance(counts, DetectionCounts)
    class_count = counts.totals["truth_counts"].shape[2]
    by_class = [match_table.select_class(counts, class_id) for class_id in range(class_count)]

    def score(weights: FloatArray) -> FloatArray:
        first_threshold = slice(0, 1)  # IoU 0.5
        columns = [
            average_precision.weighted_average_precision(
                matches, weights, thresholds=first_threshold
            )
            for matches in by_class
        ]
        return average_defined(np.concatenate(columns, axis=1))

    return score, np.stack([matches.truth_counts[0] for matches in by_class])


def _load_segmentation_scorer(
    folder: Path, keys: tuple[str, ...]
) -> tuple[ScoreFunction, NDArray[Any]]:
    counts = bootstrap_scoring.read_counts(folder / bootstrap_scoring.CONFUSION_FILE, keys)
    assert isinstance(counts, ArrayCounts)
    truth_counts = counts.values.sum(axis=2).T

    def score(weights: FloatArray) -> FloatArray:
        total = counts.add(weights)
        is_present = total.sum(axis=2) > 0
        iou = confusion.intersection_over_union(total)
        return average_defined(np.where(is_present, iou, np.nan))

    return score, truth_counts
