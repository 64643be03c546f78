"""Intersection over union (IoU), accuracy (recall) and precision of label maps.

    IoU_c = TP_c / (TP_c + FP_c + FN_c)   accuracy_c = TP_c / (TP_c + FN_c)
    precision_c = TP_c / (TP_c + FP_c)    mIoU, mAcc, mPrec: their means over the class set

Counts are added over all images first. Accuracy here is recall, as in mmseg; the program released
with SegMiF prints precision under that name, so both are given.
"""

from collections.abc import Sequence

from fusebench.data.images import LabelMap
from fusebench.evaluation import confusion
from fusebench.evaluation.confusion import ConfusionMatrix
from fusebench.evaluation.counts import ClassScores, FloatArray
from fusebench.storage.records import Column
from segmentation import class_averaging
from segmentation.class_averaging import average as average
from segmentation.class_averaging import build_protocol as protocol
from segmentation.class_averaging import compute_conventions as conventions
from segmentation.class_averaging import config_errors as config_errors
from segmentation.class_averaging import scored_classes as scored_classes

VERSION = 1
COUNTS = "confusion.npz"
COLUMNS = {
    "IoU": Column(title="IoU", mean_title="mIoU"),
    "accuracy": Column(title="Acc (recall)", mean_title="mAcc"),
    "precision": Column(title="Precision", mean_title="mPrec"),
}

__all__ = ["average", "config_errors", "conventions", "protocol", "scored_classes"]


class Options(class_averaging.AveragingOptions):
    """Options of this metric: averaging over classes."""


def count(
    truth: LabelMap, predicted: LabelMap, classes: Sequence[str], options: Options
) -> ConfusionMatrix:
    """Compute the confusion matrix of one image, see `confusion.compute_confusion_matrix`."""
    return confusion.compute_confusion_matrix(truth, predicted, len(classes))


def score(counts: FloatArray, classes: Sequence[str], options: Options) -> ClassScores:
    """Compute the scores of all classes from confusion matrices.

    Args:
        counts: R matrices, each added over images, (R, C, C); rows are the truth.
        classes: The C class names.
        options: See `Options`.

    Returns:
        Column to fractions (R, C); NaN where undefined.
    """
    counts = _drop_ignored(counts, options)
    return {
        "IoU": confusion.intersection_over_union(counts),
        "accuracy": confusion.recall(counts),
        "precision": confusion.precision(counts),
    }


def sample_sizes(counts: FloatArray, classes: Sequence[str], options: Options) -> dict[str, int]:
    """Count the scored pixels in one sum of confusion matrices, (1, C, C)."""
    return {"pixels": int(_drop_ignored(counts, options).sum())}


def _drop_ignored(counts: FloatArray, options: Options) -> FloatArray:
    return confusion.drop_true_class(counts, 0) if options.unlabeled == "ignored" else counts
