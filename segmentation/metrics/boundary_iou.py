"""Boundary IoU: IoU of the pixels near outlines, so that errors at outlines of large classes count.

    boundary IoU_c = |(G_d and G) and (P_d and P)| / |(G_d and G) or (P_d and P)|

G and P are the pixels of class c in the truth and in the prediction; G_d and P_d those at most
d = 2 % of the image's diagonal from their outline. The distance is the Chebyshev distance, and the
image border counts as an outline, as in the authors' program.

Source: Cheng, Girshick, Dollar, Berg, Kirillov, "Boundary IoU: improving object-centric image
segmentation evaluation", CVPR 2021, eq. 2, for one mask. The paper does not define it for classes
of label maps; here, as in mIoU, pixels are added over all images, then averaged over classes.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.data.images import LabelMap
from fusebench.data.label_maps import IGNORE_INDEX
from fusebench.evaluation import confusion
from fusebench.evaluation.confusion import ConfusionMatrix
from fusebench.evaluation.counts import ClassScores, FloatArray
from fusebench.storage.records import Column, Scalar
from segmentation import class_averaging
from segmentation.class_averaging import average as average
from segmentation.class_averaging import compute_conventions as conventions
from segmentation.class_averaging import config_errors as config_errors
from segmentation.class_averaging import scored_classes as scored_classes

VERSION = 1
COUNTS = "boundary.npz"
COLUMN_NAME = "boundary_IoU"
COLUMNS = {COLUMN_NAME: Column(title="Boundary IoU", mean_title="mBIoU")}

__all__ = ["average", "config_errors", "conventions", "scored_classes"]


class Options(class_averaging.AveragingOptions):
    """Options of this metric: averaging over classes, and the width of the boundary.

    Attributes:
        width: The distance d as a fraction of the image's diagonal.
    """

    width: float = Field(default=0.02, gt=0, le=1)


def count(
    truth: LabelMap, predicted: LabelMap, classes: Sequence[str], options: Options
) -> ConfusionMatrix:
    """Count pixels by class and by whether they are near the outline of their class.

    Args:
        truth: Class ids, shape (H, W); pixels equal to `IGNORE_INDEX` are left out, but their
            border is an outline of the adjacent class.
        predicted: Class ids, shape (H, W), all below C.
        classes: The C class names.
        options: See `Options`.

    Returns:
        int64 (2C, 2C), rows are the truth. Index c is class c near its outline, C + c is class c
        inside: a confusion matrix of 2C classes, so that boundary IoU is IoU of the first C.

    Raises:
        ValueError: If shapes differ, or a counted pixel has an id of C or more.
    """
    number = len(classes)
    confusion.check_label_maps(truth, predicted, number)
    counted = truth != IGNORE_INDEX
    distance = compute_distance_pixels(truth.shape, options.width)
    rows, columns = (
        np.where(is_near_outline(labels, distance), 0, number)[counted]
        + labels[counted].astype(int)
        for labels in (truth, predicted)
    )
    return confusion.cross_tabulate(rows, columns, 2 * number)


def compute_distance_pixels(shape: tuple[int, ...], width: float) -> int:
    """Compute the distance d in whole pixels, at least 1."""
    return max(1, round(width * math.hypot(*shape)))


def is_near_outline(labels: LabelMap, distance: int) -> NDArray[np.bool_]:
    """Find the pixels within ``distance`` of another class or of the image border, (H, W)."""
    import cv2

    square = np.ones((2 * distance + 1,) * 2, np.uint8)
    near: NDArray[np.bool_] = (cv2.dilate(labels, square) != labels) | (
        cv2.erode(labels, square) != labels
    )
    for edge in (near[:distance], near[-distance:], near[:, :distance], near[:, -distance:]):
        edge[...] = True
    return near


def score(counts: FloatArray, classes: Sequence[str], options: Options) -> ClassScores:
    """Compute the boundary IoU of all classes.

    Args:
        counts: R sums of what `count` returns, (R, 2C, 2C).
        classes: The C class names.
        options: See `Options`.

    Returns:
        Column to fractions (R, C); NaN where undefined.
    """
    number = len(classes)
    if options.unlabeled == "ignored":
        for class_id in (0, number):  # class 0 near its outline and inside
            counts = confusion.drop_true_class(counts, class_id)
    return {COLUMN_NAME: confusion.intersection_over_union(counts)[..., :number]}


def protocol(classes: Sequence[str], options: Options) -> dict[str, Scalar]:
    """Return the facts that a reader needs to compare the means with others."""
    near = f"within {100 * options.width:g} % of the image's diagonal"
    return class_averaging.build_protocol(classes, options) | {
        "boundary": f"{near}, pixels added over images"
    }
