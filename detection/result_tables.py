"""The tables that lie beside a record, for figures and questions that its means do not answer.

per_image.csv    true boxes, hits and false alarms of every image and class
curves.csv       precision and score at 101 recalls, by class and overlap
confusion.csv    which class is taken for which, by condition
error_types.csv  how many errors of each kind there are, by condition and class
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from detection import confusion, tide_errors
from detection.metrics import error_types, precision_recall
from fusebench.data.boxes import Boxes
from fusebench.data.pairs import Split
from fusebench.evaluation import class_matching, precision_recall_curve
from fusebench.evaluation.average_precision import MAX_DETECTIONS
from fusebench.evaluation.match_table import IOU_THRESHOLDS, MatchTable

CURVE_IOU_THRESHOLDS = (0.5, 0.75)  # of the curves
CsvRow = Sequence[object]


def write_tables(
    folder: Path,
    split: Split,
    truth: Mapping[str, Boxes],
    found: Mapping[str, Boxes],
    matched: MatchTable,
) -> None:
    """Write all of them.

    Boxes below the confidence of `precision_recall` are not counted as found, except in the
    curves and error types, which are about all of them.
    """
    by_class = [class_matching.match_class(truth, found, i) for i in range(len(split.classes))]
    confidence = precision_recall.find_best_confidence(by_class)
    keys = _group_keys_by_condition(split)
    rows = build_per_image_rows(sorted(truth), split.classes, by_class, confidence)
    _write_csv(
        folder / "per_image.csv", "key class truth true_positives false_positives confidence", rows
    )
    rows = build_curve_rows(matched)
    _write_csv(folder / "curves.csv", "class iou recall precision score", rows)
    rows = build_confusion_rows(truth, found, keys, split.classes, confidence)
    _write_csv(folder / "confusion.csv", "condition truth predicted boxes confidence", rows)
    rows = build_error_rows(truth, found, keys, split.classes)
    _write_csv(folder / "error_types.csv", "condition class error boxes AP50_lost", rows)


def build_per_image_rows(
    keys: Sequence[str],
    classes: Sequence[str],
    found: Sequence[class_matching.ThresholdMatches],
    confidence: float,
) -> Iterable[CsvRow]:
    """One row per image and class that is in its truth or found in it; boxes."""
    for number, key in enumerate(keys):
        for name, those in zip(classes, found, strict=True):
            mine = (those.image_indices == number) & (those.scores >= confidence)
            hits, truths = int(those.true_positives[mine].sum()), int(those.truth_counts[number])
            if truths or mine.any():
                alarms = int(mine.sum()) - hits
                yield key, name, truths, hits, alarms, f"{confidence:g}"


def build_curve_rows(matched: MatchTable) -> Iterable[CsvRow]:
    """Precision at 101 recalls of every class with true boxes, and the score that reaches it.

    Precision is monotone, as COCO's, with at most 100 boxes per image; its mean over the recalls
    is AP. A recall that is not reached has precision 0 and no score.
    """
    for name, those in zip(matched.classes, matched.by_class, strict=True):
        kept, truths = those.ranks < MAX_DETECTIONS, int(those.truth_counts[0].sum())
        for overlap in CURVE_IOU_THRESHOLDS if truths else ():
            read = precision_recall_curve.compute_curve(
                those.true_positives[0, IOU_THRESHOLDS.index(overlap), kept], truths
            )
            scores = those.scores[kept][read.prediction_counts - 1]
            for place, recall in enumerate(precision_recall_curve.RECALLS):
                score = f"{scores[place]:.6g}" if place < len(scores) else ""
                yield name, overlap, f"{recall:.2f}", float(read.precision[place]), score


def build_confusion_rows(
    truth: Mapping[str, Boxes],
    found: Mapping[str, Boxes],
    conditions: Mapping[str, Sequence[str]],
    classes: Sequence[str],
    confidence: float,
) -> Iterable[CsvRow]:
    """One row per condition, true class and predicted class, background among them; boxes."""
    names = [*classes, confusion.BACKGROUND]
    for scene, keys in conditions.items():
        some = {key: truth[key] for key in keys}
        counts = confusion.compute_confusion_matrix(some, found, len(classes), confidence)
        for i, j in np.ndindex(counts.shape):
            if (i, j) != (len(classes), len(classes)):
                yield scene, names[i], names[j], int(counts[i, j]), f"{confidence:g}"


def build_error_rows(
    truth: Mapping[str, Boxes],
    found: Mapping[str, Boxes],
    conditions: Mapping[str, Sequence[str]],
    classes: Sequence[str],
) -> Iterable[CsvRow]:
    """One row per condition, class and kind of error: how many, and the AP@.5 they cost.

    A prediction counts for the class it was given, a missed box for its own. What a class loses
    may lie in predictions of another: one that was given the wrong class costs both.
    """
    for scene, keys in conditions.items():
        those = tide_errors.classify_errors(
            {key: truth[key] for key in keys}, found, len(classes), MAX_DETECTIONS
        )
        for index, name in enumerate(classes):
            costs = error_types.compute_ap_lost(those, index).values()
            for kind, (word, cost) in enumerate(zip(tide_errors.ERROR_TYPES, costs, strict=True)):
                boxes = int(((those.classes == index) & (those.error_types == kind)).sum())
                if kind == tide_errors.MISSED:
                    boxes = int(those.missed_counts[index])
                yield scene, name, word, boxes, "" if cost is None else cost


def _group_keys_by_condition(split: Split) -> dict[str, list[str]]:
    """The keys of all images, and of those of each condition."""
    scenes = sorted({pair.condition for pair in split.pairs if pair.condition is not None})
    found = {"all": list(split.keys)}
    return found | {s: [pair.key for pair in split.pairs if pair.condition == s] for s in scenes}


def _write_csv(path: Path, heads: str, rows: Iterable[CsvRow]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(heads.split())
        table.writerows(rows)
