"""Intersection over union, accuracy (recall) and precision of label maps.

    IoU_c = TP_c / (TP_c + FP_c + FN_c)   accuracy_c = TP_c / (TP_c + FN_c)
    precision_c = TP_c / (TP_c + FP_c)    mIoU, mAcc, mPrec: their means over the class set

Counts are added over all images first. Accuracy here is recall, as in mmseg; the program released
with SegMiF prints precision under that name, so both are given.
"""

from collections.abc import Sequence

from bench.images import Labels
from bench.records import Column, Scalar, Slice
from segmentation import averages, confusion
from segmentation.averages import unfitting as unfitting
from segmentation.confusion import Counts

VERSION = 1
COUNTS = "confusion.npz"  # the file of what `count` found in each image
COLUMNS = {
    "IoU": Column(title="IoU", mean="mIoU"),
    "accuracy": Column(title="Acc (recall)", mean="mAcc"),
    "precision": Column(title="Precision", mean="mPrec"),
}


class Options(averages.Options):
    """What tasks.yaml may set for this metric: how classes are averaged."""


def count(truth: Labels, predicted: Labels, classes: int, options: Options) -> Counts:
    """The confusion matrix of one image, see `confusion.count`."""
    return confusion.count(truth, predicted, classes)


def measure(counts: Counts, classes: Sequence[str], options: Options) -> Slice:
    """Scores of the class set from one confusion matrix.

    Args:
        counts: Summed over the images, int64 (C, C), rows are the truth.
        classes: The C class names.
        options: See `Options`.

    Returns:
        Fractions 0..1 by class of the set, and their means; None where undefined.

    Raises:
        BenchError: If a class set does not fit the classes or the policy for class 0.
    """
    chosen = averages.chosen(classes, options)
    looked_at = confusion.without_truth(counts, 0) if options.unlabelled == "ignored" else counts
    scores = {
        "IoU": confusion.intersection_over_union(looked_at),
        "accuracy": confusion.recall(looked_at),
        "precision": confusion.precision(looked_at),
    }
    return Slice(
        values={
            name: averages.mean([found[i] for i in chosen.indices], options.absent)
            for name, found in scores.items()
        },
        by_class={
            classes[i]: {name: found[i] for name, found in scores.items()} for i in chosen.indices
        },
        counts={"pixels": int(looked_at.sum())},
        conventions=averages.conventions(scores, classes, options),
    )


def protocol(classes: Sequence[str], options: Options) -> dict[str, Scalar]:
    """What a reader has to know to compare the means with others."""
    return averages.protocol(classes, options)
