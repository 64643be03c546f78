"""Dice coefficient of label maps: a metric as a user would add it.

Dice_c = 2 TP_c / (2 TP_c + FP_c + FN_c)
"""

import numpy as np

from fusebench.evaluation import confusion
from fusebench.storage.records import Column

VERSION = 1
COUNTS = "confusion.npz"  # the same counts as the metric iou
COLUMNS = {"dice": Column(title="Dice", mean_title="mDice")}


def count(truth, predicted, classes, options):
    """Compute the confusion matrix of one image."""
    return confusion.compute_confusion_matrix(truth, predicted, len(classes))


def score(counts, classes, options):
    """Compute Dice per class (R, C) from R confusion matrices (R, C, C); NaN for absent classes."""
    true_positives = np.diagonal(counts, axis1=-2, axis2=-1)
    size = counts.sum(axis=-1) + counts.sum(axis=-2)
    return {"dice": 2 * true_positives / np.where(size > 0, size, np.nan)}
