"""Precision, recall and F1 at the one confidence that serves all classes best.

    P = TP / (TP + FP)    R = TP / (all true boxes)    F1 = 2 TP / (TP + FP + all true boxes)

with overlaps of at least 0.5. The confidence is the one with the highest mean F1 over the classes
that have true boxes, as in YOLOv5; of equals, the highest. It is found on the same images, so P
and R are a description of a working point and not of a choice made beforehand.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes
from fusebench.evaluation import class_matching, class_means
from fusebench.evaluation.box_matching import IOU_THRESHOLD
from fusebench.evaluation.class_matching import ThresholdMatches
from fusebench.plugins import NoOptions as Options
from fusebench.storage.records import Column, Scalar, Scores

VERSION = 2
COLUMNS = {
    "precision": Column(title="Precision", mean_title="Precision"),
    "recall": Column(title="Recall", mean_title="Recall"),
    "F1": Column(title="F1", mean_title="F1"),
}

DEFAULT_OPTIONS = Options()


def protocol(options: Options) -> dict[str, Scalar]:
    """How the numbers were made, in words."""
    return {"precision and recall": f"IoU {IOU_THRESHOLD}, confidence of the best mean F1"}


def measure(
    truth: Mapping[str, Boxes],
    predicted: Mapping[str, Boxes],
    classes: tuple[str, ...],
    options: Options = DEFAULT_OPTIONS,
) -> Scores:
    """Precision, recall and F1 per class, and their means over the classes with true boxes.

    Args:
        truth: True boxes by key.
        predicted: Predictions by key; the same keys.
        classes: Class names.
        options: See `Options`.

    Returns:
        Fractions; None for a class without true boxes, and the precision of a class that is never
        predicted: it is not in the mean precision either, but its recall of 0 is in the mean
        recall.
    """
    found = [class_matching.match_class(truth, predicted, i) for i in range(len(classes))]
    confidence = find_best_confidence(found)
    by_class = {
        name: _score_class(matches, confidence)
        for name, matches in zip(classes, found, strict=True)
    }
    values = class_means.compute_class_means(by_class, COLUMNS)
    counts = {"images": len(truth), "boxes": sum(map(len, truth.values()))}
    return Scores(values=values, by_class=by_class, counts=counts)


def find_best_confidence(found: list[ThresholdMatches]) -> float:
    """The score at and above which boxes are kept for the highest mean F1; 1 if none helps."""
    present = [matches for matches in found if matches.truth_counts.sum()]
    scores = np.unique(np.concatenate([np.zeros(0), *(m.scores for m in present)]))[::-1]
    if not scores.size:
        return 1.0
    curves = np.zeros(scores.size)
    for matches in present:
        kept, hits = _count_at_scores(matches, scores)
        curves += 2 * hits / (kept + matches.truth_counts.sum())
    best = int(curves.argmax())  # the first, so the highest score of equals
    return float(scores[best]) if curves[best] else 1.0


def _count_at_scores(
    matches: ThresholdMatches, scores: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """How many predictions have at least each score, and how many of them are hits."""
    kept = np.searchsorted(-matches.scores, -scores, side="right").astype(np.int64)
    hits = np.concatenate([[0], matches.true_positives.cumsum()]).astype(np.int64)
    return kept, hits[kept]


def _score_class(matches: ThresholdMatches, confidence: float) -> dict[str, float | None]:
    all_true = int(matches.truth_counts.sum())
    if not all_true:
        return dict.fromkeys(COLUMNS)
    kept, hits = (int(n[0]) for n in _count_at_scores(matches, np.array([confidence])))
    return {
        "precision": hits / kept if kept else None,
        "recall": hits / all_true,
        "F1": 2 * hits / (kept + all_true),
    }
