"""Scores per image, from the file `per_image.csv` beside every record."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from fusebench.data.label_maps import UNLABELED_NAMES
from fusebench.errors import UserError
from fusebench.runtime import command_name

FILE_NAME = "per_image.csv"
TITLE_BY_KIND = {
    "detection": "F1 per image",
    "segmentation": "pixel accuracy per image",
}
NON_METRIC_COLUMNS = ("key", "flags", "signature", "")


def read_per_image_scores(folder: Path, kind: str) -> dict[str, dict[str, float]]:
    """Read the scores of every image of a record.

    Detection: F1 over all classes. Segmentation: accuracy over the labeled pixels. Quality: every
    fusion metric. Images on which a score is undefined are left out.

    Args:
        folder: Folder of the record.
        kind: Kind of the task.

    Returns:
        Title or metric, to key, to score; empty if the record has no such file.

    Raises:
        UserError: If the file is damaged.
    """
    file = folder / FILE_NAME
    if not file.is_file():
        return {}
    try:
        with file.open(newline="", encoding="utf-8") as text:
            rows = list(csv.DictReader(text))
        if any(None in row or None in row.values() for row in rows):
            raise ValueError("a row is shorter or longer than the header")
        if kind == "detection":
            return {TITLE_BY_KIND[kind]: _compute_f1(rows)}
        if kind == "segmentation":
            return {TITLE_BY_KIND[kind]: _compute_pixel_accuracy(rows)}
        return _read_fusion_metrics(rows)
    except (csv.Error, KeyError, ValueError) as fault:
        raise UserError(
            f"{file}: cannot be read ({fault!r}); {command_name.format_repair_advice(file.parent)}"
        ) from None


def _compute_f1(rows: Iterable[Mapping[str, str]]) -> dict[str, float]:
    """Compute F1 of every image over all classes.

    F1 = 2 TP / (TP + FP + T),   T = TP + FN true boxes
    """
    sums: dict[str, tuple[int, int]] = {}  # key to TP and TP + FP + T
    for row in rows:
        true_positives, denominator = sums.get(row["key"], (0, 0))
        count = int(row["true_positives"])
        denominator += count + int(row["truth"]) + int(row["false_positives"])
        sums[row["key"]] = true_positives + count, denominator
    return {
        key: 2 * true_positives / denominator
        for key, (true_positives, denominator) in sums.items()
        if denominator
    }


def _compute_pixel_accuracy(rows: Iterable[Mapping[str, str]]) -> dict[str, float]:
    """Compute the share of every image's labeled pixels with the right class."""
    sums: dict[str, tuple[int, int]] = {}
    for row in rows:
        if row["class"].lower() not in UNLABELED_NAMES:
            correct, truth = sums.get(row["key"], (0, 0))
            sums[row["key"]] = correct + int(row["true_positives"]), truth + int(row["truth"])
    return {key: correct / truth for key, (correct, truth) in sums.items() if truth}


def _read_fusion_metrics(rows: Iterable[Mapping[str, str]]) -> dict[str, dict[str, float]]:
    scores: dict[str, dict[str, float]] = {}
    for row in rows:
        for name, value in row.items():
            if name not in NON_METRIC_COLUMNS and value:
                scores.setdefault(name, {})[row["key"]] = float(value)
    return scores
