"""Data of the page: everything that the script reads, ready for JSON."""

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fusebench.data.boxes import make_boxes
from fusebench.data.pairs import Pair
from reports.figures import overlays
from reports.results import predictions
from reports.results.drawn_matches import MIN_CONFIDENCE
from reports.results.task_results import REFERENCE_KINDS, SINGLE_SENSOR_KINDS
from reports.viewer import box_rows, label_files, label_images
from reports.viewer.collection import ViewerSource, ViewerTask
from reports.viewer.label_files import LabelCounts

STORED_CONFIDENCE = 50_000  # millionths; predictions below it are left out, unless a source's own
# best confidence is lower
SIGNIFICANT_DIGITS = 5  # of fusion metrics
NO_BOXES = make_boxes([], [])
BOX_COLORS = {
    "truth": overlays.TRUTH_COLOR,
    "hits": overlays.TRUE_POSITIVE_COLOR,
    "misses": overlays.FALSE_NEGATIVE_COLOR,
    "false": overlays.FALSE_POSITIVE_COLOR,
}

Faults = Mapping[str, str]  # file of a picture, relative to the report, to why it is missing


def build_page_data(tasks: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """Build the data of the whole page from that of its tasks."""
    return {
        "tasks": list(tasks),
        "boxColors": BOX_COLORS,
        "confidence": round(MIN_CONFIDENCE * box_rows.STEPS_OF_CONFIDENCE),
        "truthColumns": len(box_rows.TRUTH_COLUMNS),
        "boxColumns": len(box_rows.PREDICTION_COLUMNS),
        "countColumns": len(label_images.COUNT_COLUMNS),
    }


def build_task_data(
    task: ViewerTask,
    keys: Sequence[str],
    folders: Mapping[tuple[str, str], str],
    counts: Mapping[str, LabelCounts],
    faults: Faults,
) -> dict[str, Any]:
    """Build the data of one task.

    Args:
        task: The task.
        keys: Keys of the pairs that are shown.
        folders: See `pictures.assign_folders`.
        counts: Key to counts of pixels, of a segmentation task.
        faults: Pictures that could not be written.
    """
    best = [_find_best_confidence(source) for source in task.sources]
    min_confidence = min([STORED_CONFIDENCE, *(value for value in best if value is not None)])
    conditions = sorted({pair.condition for pair in task.split.pairs if pair.condition})
    is_shown = set(keys)
    return {
        "name": task.name,
        "kind": task.kind,
        "dataset": task.split.dataset,
        "simulated": task.split.is_simulated,
        "classes": list(task.split.classes),
        "colors": [f"#{r:02x}{g:02x}{b:02x}" for r, g, b in _list_colors(task)],
        "conditions": conditions,
        "metrics": [
            {"title": column.title, "better": column.better} for column in task.metrics.values()
        ],
        "truthFolder": label_files.build_folder("truth", task.name),
        "pairCount": len(task.split.keys),
        "sources": [
            _build_source(task, source, folders[task.name, source.name], confidence)
            for source, confidence in zip(task.sources, best, strict=True)
        ],
        "pairs": [
            _build_pair(task, pair, min_confidence)
            | {"condition": conditions.index(pair.condition) if pair.condition else -1}
            | _build_counts(task, counts.get(pair.key))
            | _build_faults(task, pair.key, folders, counts.get(pair.key), faults)
            for pair in task.split.pairs
            if pair.key in is_shown
        ],
    }


def _list_colors(task: ViewerTask) -> list[tuple[int, int, int]]:
    if task.kind != "segmentation":
        return []
    return [(r, g, b) for r, g, b in overlays.build_class_colors(task.split.classes).tolist()]


def _build_source(
    task: ViewerTask, source: ViewerSource, folder: str, best_confidence: int | None
) -> dict[str, Any]:
    data: dict[str, Any] = {
        "name": source.name,
        "isSensor": source.kind in SINGLE_SENSOR_KINDS,
        "isReference": source.kind in REFERENCE_KINDS,
        "isScored": source.is_scored,
        "seed": source.seed,
        "folder": folder,
    }
    if task.kind == "detection":
        data["best"] = best_confidence
    if task.kind == "segmentation" and source.predictions:
        data["labels"] = label_files.build_folder("labels", task.name, source.name)
        data["errors"] = label_files.build_folder("errors", task.name, source.name)
    return data


def _build_pair(task: ViewerTask, pair: Pair, min_confidence: int) -> dict[str, Any]:
    data: dict[str, Any] = {
        "key": pair.key,
        "file": label_files.build_file_name(pair.key).removesuffix(".png"),
        "size": pair.size,
    }
    if task.kind == "detection":
        truth = predictions.get_true_boxes(pair)
        data["truth"] = box_rows.build_truth_rows(truth)
        data["boxes"] = [
            box_rows.build_prediction_rows(
                truth, source.predictions.boxes.get(pair.key, NO_BOXES), min_confidence
            )
            if source.predictions
            else None
            for source in task.sources
        ]
    if task.kind == "quality":
        data["scores"] = [
            [_round(source.scores.get(name, {}).get(pair.key)) for name in task.metrics]
            if source.scores is not None
            else None
            for source in task.sources
        ]
    return data


def _build_counts(task: ViewerTask, counts: LabelCounts | None) -> dict[str, Any]:
    """Build the counts of pixels per source; None for a sensor that is not scored."""
    if counts is None:
        return {}
    rows = iter(counts.rows)
    return {"counts": [next(rows) if source.predictions else None for source in task.sources]}


def _build_faults(
    task: ViewerTask,
    key: str,
    folders: Mapping[tuple[str, str], str],
    counts: LabelCounts | None,
    faults: Faults,
) -> dict[str, Any]:
    """List by index of the source why its picture or label map is missing, if any is."""
    missing = {}
    label_faults = iter(counts.faults if counts else ())
    for i, source in enumerate(task.sources):
        file = f"{folders[task.name, source.name]}/{label_files.build_file_name(key)}"
        texts = [faults.get(file.removesuffix(".png") + ".webp", "")]
        if source.predictions and counts:
            texts.append(next(label_faults))
        if any(texts):
            missing[i] = "; ".join(filter(None, texts))
    return {"missing": missing} if missing else {}


def _find_best_confidence(source: ViewerSource) -> int | None:
    if not source.best_confidence or source.predictions is None:
        return None
    scores = [predicted.scores for predicted in source.predictions.boxes.values()]
    return box_rows.find_confidence_step(
        source.best_confidence, np.concatenate([np.zeros(0), *scores])
    )


def _round(value: float | None) -> float | None:
    """Round to `SIGNIFICANT_DIGITS`; None for infinity and NaN, which JSON cannot represent."""
    if value is None or not math.isfinite(value):
        return None
    return float(f"{value:.{SIGNIFICANT_DIGITS}g}")
