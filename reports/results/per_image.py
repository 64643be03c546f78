"""One score per image from the file that lies beside every record, by key."""

import csv
from collections.abc import Iterable, Mapping
from pathlib import Path

from fusebench.errors import UserError

FILE_NAME = "per_image.csv"
UNLABELED_NAMES = ("unlabelled", "unlabeled")
TITLE_BY_KIND = {
    "detection": "F1 per image",
    "segmentation": "share of an image's pixels that are right",
}
NON_METRIC_COLUMNS = ("key", "flags", "signature", "")


def read_per_image_scores(folder: Path, kind: str) -> dict[str, dict[str, float]]:
    """What it is called to key to score; empty if the record has no such file.

    Of boxes it is F1 over all classes, of label maps the share of labeled pixels that are right,
    of quality every metric. An image of which that is undefined is left out.

    Args:
        folder: The record's.
        kind: Of the task.

    Raises:
        UserError: If the file is not of its form.
    """
    file = folder / FILE_NAME
    if not file.is_file():
        return {}
    try:
        with file.open(newline="", encoding="utf-8") as text:
            rows = list(csv.DictReader(text))
        if kind == "detection":
            return {TITLE_BY_KIND[kind]: _compute_f1(rows)}
        if kind == "segmentation":
            return {TITLE_BY_KIND[kind]: _compute_pixel_accuracy(rows)}
        return _read_fusion_metrics(rows)
    except (KeyError, ValueError, TypeError) as fault:
        raise UserError(
            f"{file}: cannot be read ({fault!r}); delete its folder and run again"
        ) from None


def _compute_f1(rows: Iterable[Mapping[str, str]]) -> dict[str, float]:
    """2 hits / (hits + false alarms + true boxes) of every image."""
    sums: dict[str, tuple[int, int]] = {}
    for row in rows:
        hits, every = sums.get(row["key"], (0, 0))
        mine = int(row["true_positives"])
        every += mine + int(row["truth"]) + int(row["false_positives"])
        sums[row["key"]] = hits + mine, every
    return {key: 2 * hits / every for key, (hits, every) in sums.items() if every}


def _compute_pixel_accuracy(rows: Iterable[Mapping[str, str]]) -> dict[str, float]:
    sums: dict[str, tuple[int, int]] = {}
    for row in rows:
        if row["class"].lower() not in UNLABELED_NAMES:
            right, truth = sums.get(row["key"], (0, 0))
            sums[row["key"]] = right + int(row["true_positives"]), truth + int(row["truth"])
    return {key: right / truth for key, (right, truth) in sums.items() if truth}


def _read_fusion_metrics(rows: Iterable[Mapping[str, str]]) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    for row in rows:
        for name, cell in row.items():
            if name not in NON_METRIC_COLUMNS and cell:
                found.setdefault(name, {})[row["key"]] = float(cell)
    return found
