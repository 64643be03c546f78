"""Records of a store as `significance.trials` takes them: scores of any weighting of the images."""

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
    """Every source of every detection and segmentation task with results to resample.

    Detection is scored by mAP@.5, segmentation by the mean IoU of the classes that are there.

    Raises:
        UserError: If a file of a record is damaged.
    """
    together: dict[tuple[str, ...], list[tuple[Record, Path]]] = {}
    for kind in bootstrap_scoring.FILE_BY_KIND:
        for folder in Store(root).iterate_finished(kind):
            record = records.read_record(folder.path / "record.json")
            if bootstrap_scoring.has_bootstrap_inputs(record, folder.path):
                key = record.kind, record.task, record.source, _hash_spec_without_seed(folder)
                together.setdefault(key, []).append((record, folder.path))
    return [_build_source(" ".join(key[1:3]), found) for key, found in together.items()]


def _hash_spec_without_seed(folder: ResultFolder) -> str:
    """Digest of a spec but for the seed: records that differ in nothing else are one source."""
    spec: dict[str, Any] = json.loads(json.dumps(folder.spec))
    spec.get("predicted", {}).get("trained", {})["seed"] = None
    return hashing.content_hash(spec)


def _build_source(name: str, found: list[tuple[Record, Path]]) -> ScorableSource:
    listed = image_index.read_image_index(found[0][1])
    made = [
        _load_detection_scorer(path)
        if record.kind == "detection"
        else _load_segmentation_scorer(path, listed.keys)
        for record, path in found
    ]
    return ScorableSource(name, tuple(score for score, _ in made), listed.sequences, made[0][1])


def _load_detection_scorer(folder: Path) -> tuple[ScoreFunction, NDArray[Any]]:
    table = match_table.read_match_table(folder / bootstrap_scoring.MATCHES_FILE)

    def score(weights: FloatArray) -> FloatArray:
        once = slice(0, 1)
        return average_over_classes(
            [
                average_precision.weighted_average_precision(one, weights, overlaps=once)[:, 0]
                for one in table.by_class
            ]
        )

    return score, np.stack([one.truth_counts[0] for one in table.by_class])


def _load_segmentation_scorer(
    folder: Path, keys: tuple[str, ...]
) -> tuple[ScoreFunction, NDArray[Any]]:
    counts = bootstrap_scoring.read_confusion_counts(
        folder / bootstrap_scoring.CONFUSION_FILE, keys
    )
    truths = counts.sum(axis=2).T

    def score(weights: FloatArray) -> FloatArray:
        total = (weights @ counts.reshape(len(counts), -1)).reshape(-1, *counts.shape[1:])
        hit, truth = np.diagonal(total, axis1=1, axis2=2), total.sum(axis=2)
        union = truth + total.sum(axis=1) - hit
        ratio = hit / np.where(truth > 0, union, np.nan)
        return average_over_classes(list(ratio.T))

    return score, truths
