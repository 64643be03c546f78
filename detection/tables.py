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

from bench.average_precision import MOST
from bench.boxes import Boxes
from bench.matches import THRESHOLDS, Matches
from bench.pairs import Split
from detection import confusion, curves, errors, matching
from detection.metrics import error_types, precision_recall

OVERLAPS = (0.5, 0.75)  # of the curves
Row = Sequence[object]


def write(
    folder: Path,
    split: Split,
    truth: Mapping[str, Boxes],
    found: Mapping[str, Boxes],
    matched: Matches,
) -> None:
    """Write all of them.

    Boxes below the confidence of `precision_recall` are not counted as found, except in the
    curves and error types, which are about all of them.
    """
    by_class = [matching.of_class(truth, found, i) for i in range(len(split.classes))]
    confidence = precision_recall.best_confidence(by_class)
    keys = _conditions(split)
    rows = per_image(sorted(truth), split.classes, by_class, confidence)
    _save(folder / "per_image.csv", "key class truths hits false_alarms confidence", rows)
    rows = curve(matched)
    _save(folder / "curves.csv", "class overlap recall precision score", rows)
    rows = confused(truth, found, keys, split.classes, confidence)
    _save(folder / "confusion.csv", "scene truth predicted boxes confidence", rows)
    rows = wrong(truth, found, keys, split.classes)
    _save(folder / "error_types.csv", "scene class error boxes AP50_lost", rows)


def per_image(
    keys: Sequence[str],
    classes: Sequence[str],
    found: Sequence[matching.Matches],
    confidence: float,
) -> Iterable[Row]:
    """One row per image and class that is in its truth or found in it; boxes."""
    for number, key in enumerate(keys):
        for name, those in zip(classes, found, strict=True):
            mine = (those.images == number) & (those.scores >= confidence)
            hits, truths = int(those.hits[mine].sum()), int(those.truths[number])
            if truths or mine.any():
                alarms = int(mine.sum()) - hits
                yield key, name, truths, hits, alarms, f"{confidence:g}"


def curve(matched: Matches) -> Iterable[Row]:
    """Precision at 101 recalls of every class with true boxes, and the score that reaches it.

    Precision is monotone, as COCO's, with at most 100 boxes per image; its mean over the recalls
    is AP. A recall that is not reached has precision 0 and no score.
    """
    for name, those in zip(matched.classes, matched.by_class, strict=True):
        kept, truths = those.ranks < MOST, int(those.truths[0].sum())
        for overlap in OVERLAPS if truths else ():
            read = curves.read(those.hits[0, THRESHOLDS.index(overlap), kept], truths)
            scores = those.scores[kept][read.kept - 1]
            for place, recall in enumerate(curves.RECALLS):
                score = f"{scores[place]:.6g}" if place < len(scores) else ""
                yield name, overlap, f"{recall:.2f}", float(read.precision[place]), score


def confused(
    truth: Mapping[str, Boxes],
    found: Mapping[str, Boxes],
    conditions: Mapping[str, Sequence[str]],
    classes: Sequence[str],
    confidence: float,
) -> Iterable[Row]:
    """One row per condition, true class and predicted class, background among them; boxes."""
    names = [*classes, confusion.BACKGROUND]
    for scene, keys in conditions.items():
        some = {key: truth[key] for key in keys}
        counts = confusion.count(some, found, len(classes), confidence)
        for i, j in np.ndindex(counts.shape):
            if (i, j) != (len(classes), len(classes)):
                yield scene, names[i], names[j], int(counts[i, j]), f"{confidence:g}"


def wrong(
    truth: Mapping[str, Boxes],
    found: Mapping[str, Boxes],
    conditions: Mapping[str, Sequence[str]],
    classes: Sequence[str],
) -> Iterable[Row]:
    """One row per condition, class and kind of error: how many, and the AP@.5 they cost.

    A prediction counts for the class it was given, a missed box for its own. What a class loses
    may lie in predictions of another: one that was given the wrong class costs both.
    """
    for scene, keys in conditions.items():
        those = errors.find({key: truth[key] for key in keys}, found, len(classes), MOST)
        for index, name in enumerate(classes):
            costs = error_types.lost(those, index).values()
            for kind, (word, cost) in enumerate(zip(errors.KINDS, costs, strict=True)):
                boxes = int(((those.classes == index) & (those.kinds == kind)).sum())
                if kind == errors.MISSED:
                    boxes = int(those.missed[index])
                yield scene, name, word, boxes, "" if cost is None else cost


def _conditions(split: Split) -> dict[str, list[str]]:
    """The keys of all images, and of those of each condition."""
    scenes = sorted({pair.scene for pair in split.pairs if pair.scene is not None})
    found = {"all": list(split.keys)}
    return found | {s: [pair.key for pair in split.pairs if pair.scene == s] for s in scenes}


def _save(path: Path, heads: str, rows: Iterable[Row]) -> None:
    with path.open("w", newline="", encoding="utf-8") as file:
        table = csv.writer(file)
        table.writerow(heads.split())
        table.writerows(rows)
