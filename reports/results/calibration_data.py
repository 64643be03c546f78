"""Records of a store as input of the calibration trials: scores at any weights of the images."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fusebench.evaluation import average_precision, match_table
from fusebench.storage import hashing, image_index, records
from fusebench.storage.records import Record
from fusebench.storage.store import ResultFolder, Store
from reports.results import bootstrap_scoring
from reports.results.bootstrap_scores import average_over_classes
from reports.statistics.calibration_trials import FloatArray, ScorableSource, ScoreFunction


def load_scorable_sources(root: Path) -> list[ScorableSource]:
    """Load every source of every detection and segmentation task with saved matches or counts.

    Detection is scored by mAP@.5, segmentation by the mean IoU of the classes in the truth.

    Raises:
        UserError: If a file of a record is damaged.
    """
    runs_by_source: dict[tuple[str, ...], list[tuple[Record, Path]]] = {}
    for kind in bootstrap_scoring.FILE_BY_KIND:
        for folder in Store(root).iterate_finished(kind):
            record = records.read_record(folder.path / "record.json")
            if bootstrap_scoring.has_bootstrap_inputs(record, folder.path):
                key = record.kind, record.task, record.source, _hash_spec_without_seed(folder)
                runs_by_source.setdefault(key, []).append((record, folder.path))
    return [_build_source(" ".join(key[1:3]), runs) for key, runs in runs_by_source.items()]


def _hash_spec_without_seed(folder: ResultFolder) -> str:
    """Hash a spec without its training seed; equal for all runs of one source."""
    spec: dict[str, Any] = json.loads(json.dumps(folder.spec))
    spec.get("predicted", {}).get("trained", {})["seed"] = None
    return hashing.content_hash(spec)


def _build_source(name: str, runs: list[tuple[Record, Path]]) -> ScorableSource:
    index = image_index.read_image_index(runs[0][1])
    scorers = [
        _load_detection_scorer(path)
        if record.kind == "detection"
        else _load_segmentation_scorer(path, index.keys)
        for record, path in runs
    ]
    truth_counts = scorers[0][1]  # the same in all runs
    return ScorableSource(name, tuple(score for score, _ in scorers), index.sequences, truth_counts)


def _load_detection_scorer(folder: Path) -> tuple[ScoreFunction, NDArray[Any]]:
    table = match_table.read_match_table(folder / bootstrap_scoring.MATCHES_FILE)
    first_threshold = slice(0, 1)  # IoU 0.5

    def score(weights: FloatArray) -> FloatArray:
        return average_over_classes(
            [
                average_precision.weighted_average_precision(
                    matches, weights, overlaps=first_threshold
                )[:, 0]
                for matches in table.by_class
            ]
        )

    return score, np.stack([matches.truth_counts[0] for matches in table.by_class])


def _load_segmentation_scorer(
    folder: Path, keys: tuple[str, ...]
) -> tuple[ScoreFunction, NDArray[Any]]:
    counts = bootstrap_scoring.read_confusion_counts(
        folder / bootstrap_scoring.CONFUSION_FILE, keys
    )
    truth_counts = counts.sum(axis=2).T

    def score(weights: FloatArray) -> FloatArray:
        # Weighted sum of the images' confusion matrices: (R, I) @ (I, C * C)
        total = (weights @ counts.reshape(len(counts), -1)).reshape(-1, *counts.shape[1:])
        true_positives, truth = np.diagonal(total, axis1=1, axis2=2), total.sum(axis=2)
        union = truth + total.sum(axis=1) - true_positives
        iou = true_positives / np.where(truth > 0, union, np.nan)
        return average_over_classes(list(iou.T))

    return score, truth_counts
