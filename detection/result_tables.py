"""CSV tables in the folder of a record: per-image counts, curves, confusion matrices, error types.

per_image.csv    true boxes, true and false positives, by image and class
curves.csv       precision and score at 101 recalls, by class and IoU threshold
confusion.csv    confusion matrices of boxes, by condition
error_types.csv  number of errors of each TIDE type and the AP they cost, by condition and class
"""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import numpy as np

from detection import confusion
from detection.metrics import error_types, precision_recall
from detection.tide_errors import ERROR_TYPES, MISSED
from fusebench.contracts import NoOptions
from fusebench.data.boxes import Boxes
from fusebench.data.pairs import Split
from fusebench.evaluation import match_table, precision_recall_curve
from fusebench.evaluation.average_precision import MAX_DETECTIONS
from fusebench.evaluation.counts import DetectionCounts, FloatArray, build_image_weights
from fusebench.evaluation.match_table import IOU_THRESHOLDS

CURVE_IOU_THRESHOLDS = (0.5, 0.75)
PER_IMAGE_HEADER = ("key", "class", "truth", "true_positives", "false_positives", "confidence")
CURVES_HEADER = ("class", "iou", "recall", "precision", "score")
CONFUSION_HEADER = ("condition", "truth", "predicted", "boxes", "confidence")
ERROR_TYPES_HEADER = ("condition", "class", "error", "boxes", "AP50_lost")
CsvRow = Sequence[object]


def write_tables(
    folder: Path,
    split: Split,
    boxes: tuple[Mapping[str, Boxes], Mapping[str, Boxes]],
    matches: DetectionCounts,
    errors: DetectionCounts,
) -> None:
    """Write all four tables into ``folder``.

    The per-image table and the confusion matrices ignore boxes below the confidence of
    `detection.metrics.precision_recall`; curves and error types use all of them.

    Args:
        folder: Folder of the record.
        split: The test images.
        boxes: True and predicted boxes by key.
        matches: Counts of `detection.metrics.average_precision`.
        errors: Counts of `detection.metrics.error_types`.
    """
    truth, predicted = boxes
    confidence = precision_recall.find_best_confidence(matches, np.ones(len(matches.keys)))
    conditions = _group_keys_by_condition(split)
    rows = build_per_image_rows(matches, split.classes, confidence)
    _write_csv(folder / "per_image.csv", PER_IMAGE_HEADER, rows)
    rows = build_curve_rows(matches, split.classes)
    _write_csv(folder / "curves.csv", CURVES_HEADER, rows)
    rows = build_confusion_rows((truth, predicted), conditions, split.classes, confidence)
    _write_csv(folder / "confusion.csv", CONFUSION_HEADER, rows)
    rows = build_error_rows(errors, conditions, split.classes)
    _write_csv(folder / "error_types.csv", ERROR_TYPES_HEADER, rows)


def build_per_image_rows(
    matches: DetectionCounts, classes: Sequence[str], confidence: float
) -> Iterable[CsvRow]:
    """Yield one row per image and class with a true or predicted box; matches at IoU 0.5."""
    shape = len(matches.keys), len(classes)
    indices = matches.image_indices * len(classes) + matches.rows["class_ids"]  # (image, class)
    confident = matches.rows["scores"] >= confidence
    confident &= ~matches.rows["ignored"][:, 0, 0]  # on ignored true boxes
    correct = confident & matches.rows["true_positives"][:, 0, 0]
    predicted, true_positives = (
        np.bincount(indices[selected], minlength=shape[0] * shape[1]).reshape(shape)
        for selected in (confident, correct)
    )
    truth = matches.totals["truth_counts"][:, 0, :]
    for image, class_id in np.argwhere((truth > 0) | (predicted > 0)):
        correct_count = int(true_positives[image, class_id])
        wrong_count = int(predicted[image, class_id]) - correct_count
        counts = int(truth[image, class_id]), correct_count, wrong_count
        yield matches.keys[image], classes[class_id], *counts, f"{confidence:g}"


def build_curve_rows(matches: DetectionCounts, classes: Sequence[str]) -> Iterable[CsvRow]:
    """Yield precision and score at 101 recalls, per class with true boxes and IoU threshold.

    Precision is monotone, as COCO's, with at most 100 boxes per image; its mean over the recalls
    is AP. The score is the threshold that reaches the recall. A recall that is not reached has
    precision 0 and no score.
    """
    for class_id, name in enumerate(classes):
        of_class = match_table.select_class(matches, class_id)
        truth_count = int(of_class.truth_counts[0].sum())
        for threshold in CURVE_IOU_THRESHOLDS if truth_count else ():
            column = IOU_THRESHOLDS.index(threshold)
            counted = (of_class.ranks < MAX_DETECTIONS) & ~of_class.ignored[0, column]
            curve = precision_recall_curve.compute_curve(
                of_class.true_positives[0, column, counted], truth_count
            )
            scores = of_class.scores[counted][curve.prediction_counts - 1]
            for i, recall in enumerate(precision_recall_curve.RECALLS):
                score = f"{scores[i]:.6g}" if i < len(scores) else ""
                yield name, threshold, f"{recall:.2f}", float(curve.precision[i]), score


def build_confusion_rows(
    boxes: tuple[Mapping[str, Boxes], Mapping[str, Boxes]],
    conditions: Mapping[str, Sequence[str]],
    classes: Sequence[str],
    confidence: float,
) -> Iterable[CsvRow]:
    """Yield one row per condition, true class and predicted class, background included."""
    truth, predicted = boxes
    names = [*classes, confusion.BACKGROUND]
    for condition, keys in conditions.items():
        of_condition = {key: truth[key] for key in keys}
        counts = confusion.compute_confusion_matrix(
            of_condition, predicted, len(classes), confidence
        )
        for i, j in np.ndindex(counts.shape):
            if (i, j) != (len(classes), len(classes)):
                yield condition, names[i], names[j], int(counts[i, j]), f"{confidence:g}"


def build_error_rows(
    errors: DetectionCounts, conditions: Mapping[str, Sequence[str]], classes: Sequence[str]
) -> Iterable[CsvRow]:
    """Yield the number of errors and the AP@.5 they cost, per condition, class and error type.

    A prediction counts for its predicted class, a missed box for its true class. A class may lose
    AP by predictions of another class: a classification error costs both.
    """
    weights = np.stack([build_image_weights(errors.keys, keys) for keys in conditions.values()])
    lost = error_types.score(errors.add(weights), classes, NoOptions())
    for row, condition in enumerate(conditions):
        counts = _count_errors(errors, weights[row], len(classes))
        for class_id, name in enumerate(classes):
            for number, error_type in enumerate(ERROR_TYPES):
                cost = float(lost[f"{error_type} error"][row, class_id])
                boxes = int(counts[number, class_id])
                yield condition, name, error_type, boxes, "" if np.isnan(cost) else cost


def _count_errors(errors: DetectionCounts, weights: FloatArray, class_count: int) -> FloatArray:
    """Count errors by type and class, (types, C)."""
    weight = weights[errors.image_indices]
    counts = np.zeros((len(ERROR_TYPES), class_count))
    for number in range(len(ERROR_TYPES)):
        of_type = errors.rows["error_types"] == number
        counts[number] = np.bincount(
            errors.rows["class_ids"][of_type], weight[of_type], minlength=class_count
        )
    counts[MISSED] = weights @ errors.totals["missed_counts"]
    return counts


def _group_keys_by_condition(split: Split) -> dict[str, list[str]]:
    """Return the keys of all images under ``all``, and of each condition under its name."""
    conditions = sorted({pair.condition for pair in split.pairs if pair.condition is not None})
    return {"all": list(split.keys)} | {
        condition: [pair.key for pair in split.pairs if pair.condition == condition]
        for condition in conditions
    }


def _write_csv(path: Path, header: Sequence[str], rows: Iterable[CsvRow]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(header)
        table.writerows(rows)
