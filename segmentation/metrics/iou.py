"""Intersection over union, accuracy (recall) and precision of label maps.

    IoU_c = TP_c / (TP_c + FP_c + FN_c)   accuracy_c = TP_c / (TP_c + FN_c)
    precision_c = TP_c / (TP_c + FP_c)    mIoU, mAcc, mPrec: their means over the class set

Counts are added over all images first. Accuracy here is recall, as in mmseg; the program released
with SegMiF prints precision under that name, so both are given.
"""

from collections.abc import Sequence

from fusebench.data.images import LabelMap
from fusebench.evaluation import confusion
from fusebench.evaluation.confusion import Counts
from fusebench.storage.records import Column, Scalar, Scores
from segmentation import class_averaging
from segmentation.class_averaging import config_errors as config_errors

VERSION = 1
COUNTS = "confusion.npz"  # the file of what `count` found in each image
COLUMNS = {
    "IoU": Column(title="IoU", mean_title="mIoU"),
    "accuracy": Column(title="Acc (recall)", mean_title="mAcc"),
    "precision": Column(title="Precision", mean_title="mPrec"),
}


class Options(class_averaging.AveragingOptions):
    """What tasks.yaml may set for this metric: how classes are averaged."""


def count(truth: LabelMap, predicted: LabelMap, classes: int, options: Options) -> Counts:
    """The confusion matrix of one image, see `confusion.count`."""
    return confusion.compute_confusion_matrix(truth, predicted, classes)


def measure(counts: Counts, classes: Sequence[str], options: Options) -> Scores:
    """Scores of the class set from one confusion matrix.

    Args:
        counts: Summed over the images, int64 (C, C), rows are the truth.
        classes: The C class names.
        options: See `Options`.

    Returns:
        Fractions 0..1 by class of the set, and their means; None where undefined.

    Raises:
        UserError: If a class set does not fit the classes or the policy for class 0.
    """
    chosen = class_averaging.choose_class_set(classes, options)
    looked_at = confusion.drop_true_class(counts, 0) if options.unlabeled == "ignored" else counts
    scores = {
        "IoU": confusion.intersection_over_union(looked_at),
        "accuracy": confusion.recall(looked_at),
        "precision": confusion.precision(looked_at),
    }
    return Scores(
        values={
            name: class_averaging.compute_mean([found[i] for i in chosen.indices], options.absent)
            for name, found in scores.items()
        },
        by_class={
            classes[i]: {name: found[i] for name, found in scores.items()} for i in chosen.indices
        },
        counts={"pixels": int(looked_at.sum())},
        by_convention=class_averaging.compute_conventions(scores, classes, options),
    )


def protocol(classes: Sequence[str], options: Options) -> dict[str, Scalar]:
    """What a reader has to know to compare the means with others."""
    return class_averaging.build_protocol(classes, options)
