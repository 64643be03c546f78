"""Intersection over union, accuracy (recall) and precision of label maps.

    IoU_c = TP_c / (TP_c + FP_c + FN_c)   accuracy_c = TP_c / (TP_c + FN_c)
    precision_c = TP_c / (TP_c + FP_c)    mIoU, mAcc, mPrec: their means over the class set

Counts are added over all images first. Accuracy here is recall, as in mmseg; the program released
with SegMiF prints precision under that name, so both are given.
"""

from collections.abc import Sequence
from typing import Literal

import numpy as np
from pydantic import BaseModel, ConfigDict

from bench.errors import BenchError
from bench.records import Column, Scalar, Slice
from segmentation import confusion
from segmentation.class_sets import ClassSet, Name, choose
from segmentation.confusion import Counts

VERSION = 1
COLUMNS = {
    "IoU": Column(title="IoU", mean="mIoU"),
    "accuracy": Column(title="Acc (recall)", mean="mAcc"),
    "precision": Column(title="Precision", mean="mPrec"),
}
UNLABELLED = ("unlabelled", "unlabeled")  # what class 0 has to be called to be left out


class Options(BaseModel):
    """What tasks.yaml may set for this metric.

    Attributes:
        classes: Class set of the means and tables, see `segmentation.class_sets`.
        absent: A class without a score (never in the truth, nor predicted) is left out of the
            mean (``skip``, as in mmseg) or enters it as 0 (``zero``, as in MMSFormer's code).
        unlabelled: What becomes of pixels whose truth is class 0, unlabelled. ``counted``: they
            are wrong whatever they are called, so they lower the IoU and precision of the class
            they are called (as in SegMiF's code). ``ignored``: they are not looked at (as in
            mmseg with ``reduce_zero_label``). Labelled pixels that are called class 0 are misses
            either way.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    classes: Name | None = None
    absent: Literal["skip", "zero"] = "skip"
    unlabelled: Literal["counted", "ignored"] = "counted"


def measure(counts: Counts, classes: Sequence[str], options: Options) -> Slice:
    """Scores of the class set from one confusion matrix.

    Args:
        counts: Summed over the images, int64 (C, C), rows are the truth.
        classes: The C class names.
        options: See `Options`.

    Returns:
        Fractions 0..1 by class of the set, and their means; None where undefined.

    Raises:
        BenchError: If the class set does not fit the classes or the policy for class 0.
    """
    chosen = _chosen(classes, options)
    looked_at = confusion.without_truth(counts, 0) if options.unlabelled == "ignored" else counts
    scores = {
        "IoU": confusion.intersection_over_union(looked_at),
        "accuracy": confusion.recall(looked_at),
        "precision": confusion.precision(looked_at),
    }
    return Slice(
        values={
            name: _mean([found[i] for i in chosen.indices], options.absent)
            for name, found in scores.items()
        },
        by_class={
            classes[i]: {name: found[i] for name, found in scores.items()} for i in chosen.indices
        },
        counts={"pixels": int(looked_at.sum())},
    )


def protocol(classes: Sequence[str], options: Options) -> dict[str, Scalar]:
    """What a reader has to know to compare the means with others."""
    chosen = _chosen(classes, options)
    absent = "left out of the mean" if options.absent == "skip" else "0 in the mean"
    facts: dict[str, Scalar] = {
        "class set": f"{chosen.name} ({len(chosen.indices)} of {len(classes)} classes)",
        "absent classes": absent,
    }
    if classes[0].lower() in UNLABELLED:
        counted = "counted as errors" if 0 not in chosen.indices else "a class of their own"
        facts["unlabelled pixels"] = counted if options.unlabelled == "counted" else "ignored"
    return facts


def _chosen(classes: Sequence[str], options: Options) -> ClassSet:
    chosen = choose(options.classes, classes)
    if options.unlabelled == "ignored":
        if classes[0].lower() not in UNLABELLED:
            raise BenchError(
                f"metric iou: unlabelled: ignored needs a class 0 called {UNLABELLED[0]}, "
                f"but it is {classes[0]!r}; use unlabelled: counted"
            )
        if 0 in chosen.indices:
            raise BenchError(
                f"metric iou: class set {chosen.name} scores {classes[0]!r}, which unlabelled: "
                "ignored takes away; use another set or unlabelled: counted"
            )
    return chosen


def _mean(scores: Sequence[float | None], absent: str) -> float | None:
    defined = [score for score in scores if score is not None]
    if not defined:
        return None
    total = float(np.sum(defined))
    return total / (len(scores) if absent == "zero" else len(defined))
