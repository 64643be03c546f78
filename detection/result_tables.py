"""CSV tables beside a record, for figures and questions that its means do not answer.

per_image.csv    true boxes, true and false positives by image and class
curves.csv       precision and score at 101 recalls, by class and IoU threshold
confusion.csv    confusion matrix, by condition
error_types.csv  number of errors of each TIDE type and the AP they cost, by condition and class
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
from fusebench.evaluation.class_matching import ThresholdMatches
from fusebench.evaluation.match_table import IOU_THRESHOLDS, MatchTable

CURVE_IOU_THRESHOLDS = (0.5, 0.75)
CsvRow = Sequence[object]


def write_tables(
    folder: Path,
    split: Split,
    truth: Mapping[str, Boxes],
    predicted: Mapping[str, Boxes],
    match_table: MatchTable,
) -> None:
    """Write all four tables into ``folder``.

    Boxes below the confidence of the metric `precision_recall` are ignored, except in the curves
    and error types, which use all of them.

    Args:
        folder: Folder of the record.
        split: The test split.
        truth: True boxes by key.
        predicted: Predictions by key; the same keys.
        match_table: COCO's matches of the two.
    """
    classes = split.classes
    matches = [class_matching.match_class(truth, predicted, i) for i in range(len(classes))]
    confidence = precision_recall.find_best_confidence(matches)
    keys = _group_keys_by_condition(split)
    rows = build_per_image_rows(sorted(truth), classes, matches, confidence)
    _write_csv(
        folder / "per_image.csv", "key class truth true_positives false_positives confidence", rows
    )
    rows = build_curve_rows(match_table)
    _write_csv(folder / "curves.csv", "class iou recall precision score", rows)
    rows = build_confusion_rows(truth, predicted, keys, classes, confidence)
    _write_csv(folder / "confusion.csv", "condition truth predicted boxes confidence", rows)
    rows = build_error_rows(truth, predicted, keys, classes)
    _write_csv(folder / "error_types.csv", "condition class error boxes AP50_lost", rows)


def build_per_image_rows(
    keys: Sequence[str],
    classes: Sequence[str],
    matches: Sequence[ThresholdMatches],
    confidence: float,
) -> Iterable[CsvRow]:
    """Yield one row per image and class with a true or predicted box.

    Args:
        keys: The images, sorted.
        classes: Class names.
        matches: Per class, over these images.
        confidence: Predictions with a lower score are ignored.
    """
    for number, key in enumerate(keys):
        for name, of_class in zip(classes, matches, strict=True):
            in_image = (of_class.image_indices == number) & (of_class.scores >= confidence)
            true_positives = int(of_class.true_positives[in_image].sum())
            truth_count = int(of_class.truth_counts[number])
            if truth_count or in_image.any():
                false_positives = int(in_image.sum()) - true_positives
                counts = truth_count, true_positives, false_positives
                yield key, name, *counts, f"{confidence:g}"


def build_curve_rows(match_table: MatchTable) -> Iterable[CsvRow]:
    """Yield precision and score at 101 recalls, per class with true boxes and IoU threshold.

    Precision is monotone, as COCO's, with at most 100 boxes per image; its mean over the recalls
    is AP. The score is the threshold that reaches the recall. A recall that is not reached has
    precision 0 and no score.
    """
    for name, matches in zip(match_table.classes, match_table.by_class, strict=True):
        truth_count = int(matches.truth_counts[0].sum())
        if not truth_count:
            continue
        within_limit = matches.ranks < MAX_DETECTIONS
        for threshold in CURVE_IOU_THRESHOLDS:
            column = IOU_THRESHOLDS.index(threshold)
            curve = precision_recall_curve.compute_curve(
                matches.true_positives[0, column, within_limit], truth_count
            )
            scores = matches.scores[within_limit][curve.prediction_counts - 1]
            for i, recall in enumerate(precision_recall_curve.RECALLS):
                score = f"{scores[i]:.6g}" if i < len(scores) else ""
                yield name, threshold, f"{recall:.2f}", float(curve.precision[i]), score


def build_confusion_rows(
    truth: Mapping[str, Boxes],
    predicted: Mapping[str, Boxes],
    conditions: Mapping[str, Sequence[str]],
    classes: Sequence[str],
    confidence: float,
) -> Iterable[CsvRow]:
    """Yield one row per condition, true class and predicted class, background included."""
    names = [*classes, confusion.BACKGROUND]
    for condition, keys in conditions.items():
        counts = confusion.compute_confusion_matrix(
            {key: truth[key] for key in keys}, predicted, len(classes), confidence
        )
        for i, j in np.ndindex(counts.shape):
            if (i, j) != (len(classes), len(classes)):
                yield condition, names[i], names[j], int(counts[i, j]), f"{confidence:g}"


def build_error_rows(
    truth: Mapping[str, Boxes],
    predicted: Mapping[str, Boxes],
    conditions: Mapping[str, Sequence[str]],
    classes: Sequence[str],
) -> Iterable[CsvRow]:
    """Yield the number of errors and the AP@.5 they cost, per condition, class and error type.

    A prediction counts for its predicted class, a missed box for its true class. A class may lose
    AP by predictions of another class: a classification error costs both.
    """
    for condition, keys in conditions.items():
        errors = tide_errors.classify_errors(
            {key: truth[key] for key in keys}, predicted, len(classes), MAX_DETECTIONS
        )
        for index, name in enumerate(classes):
            costs = error_types.compute_ap_lost(errors, index).values()
            for error, (title, cost) in enumerate(zip(tide_errors.ERROR_TYPES, costs, strict=True)):
                count = int(((errors.classes == index) & (errors.error_types == error)).sum())
                if error == tide_errors.MISSED:
                    count = int(errors.missed_counts[index])
                yield condition, name, title, count, "" if cost is None else cost


def _group_keys_by_condition(split: Split) -> dict[str, list[str]]:
    """Return the keys of all images under ``all``, and of each condition under its name."""
    conditions = sorted({pair.condition for pair in split.pairs if pair.condition is not None})
    return {"all": list(split.keys)} | {
        condition: [pair.key for pair in split.pairs if pair.condition == condition]
        for condition in conditions
    }


def _write_csv(path: Path, columns: str, rows: Iterable[CsvRow]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(columns.split())
        table.writerows(rows)
