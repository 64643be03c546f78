"""Records of a store as `significance.trials` takes them: scores of any weighting of the images."""

import json
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from bench import average_precision, digest, evidence, matches, records
from bench.records import Record
from bench.store import Folder, Store
from reports.records import rescoring
from reports.records.evidence import mean
from reports.significance.trials import Floats, Saved, Score


def sources(root: Path) -> list[Saved]:
    """Every source of every detection and segmentation task with results to resample.

    Detection is scored by mAP@.5, segmentation by the mean IoU of the classes that are there.

    Raises:
        BenchError: If a file of a record is damaged.
    """
    together: dict[tuple[str, ...], list[tuple[Record, Path]]] = {}
    for kind in rescoring.FILES:
        for folder in Store(root).finished(kind):
            record = records.read(folder.path / "record.json")
            if rescoring.able(record, folder.path):
                key = record.kind, record.task, record.source, _seedless(folder)
                together.setdefault(key, []).append((record, folder.path))
    return [_source(" ".join(key[1:3]), found) for key, found in together.items()]


def _seedless(folder: Folder) -> str:
    """Digest of a spec but for the seed: records that differ in nothing else are one source."""
    spec: dict[str, Any] = json.loads(json.dumps(folder.spec))
    spec.get("predicted", {}).get("trained", {})["seed"] = None
    return digest.digest(spec)


def _source(name: str, found: list[tuple[Record, Path]]) -> Saved:
    listed = evidence.read(found[0][1])
    made = [
        _detection(path) if record.kind == "detection" else _segmentation(path, listed.keys)
        for record, path in found
    ]
    return Saved(name, tuple(score for score, _ in made), listed.groups, made[0][1])


def _detection(folder: Path) -> tuple[Score, NDArray[Any]]:
    table = matches.read(folder / rescoring.DETECTION)

    def score(weights: Floats) -> Floats:
        once = slice(0, 1)
        return mean(
            [
                average_precision.weighted(one, weights, overlaps=once)[:, 0]
                for one in table.by_class
            ]
        )

    return score, np.stack([one.truths[0] for one in table.by_class])


def _segmentation(folder: Path, keys: tuple[str, ...]) -> tuple[Score, NDArray[Any]]:
    counts = rescoring.confusions(folder / rescoring.SEGMENTATION, keys)
    truths = counts.sum(axis=2).T

    def score(weights: Floats) -> Floats:
        total = (weights @ counts.reshape(len(counts), -1)).reshape(-1, *counts.shape[1:])
        hit, truth = np.diagonal(total, axis1=1, axis2=2), total.sum(axis=2)
        union = truth + total.sum(axis=1) - hit
        ratio = hit / np.where(truth > 0, union, np.nan)
        return mean(list(ratio.T))

    return score, truths
