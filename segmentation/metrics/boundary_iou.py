"""Boundary IoU: how well outlines agree. Large classes cannot hide behind their insides.

    boundary IoU_c = |(G_d and G) and (P_d and P)| / |(G_d and G) or (P_d and P)|

G and P are the pixels of class c in the truth and in the prediction; G_d and P_d those at most
d = 2 % of the image's diagonal from their outline. Distance is that of the authors' program:
the larger of the steps in x and y; what touches the image's edge has an outline there.

Source: Cheng, Girshick, Dollar, Berg, Kirillov, "Boundary IoU: improving object-centric image
segmentation evaluation", CVPR 2021, eq. 2, for one mask. For classes of label maps this was
chosen: as in mIoU, pixels are added over all images first, and the mean is over the class set.
"""

import math
from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.data.images import LabelMap
from fusebench.data.label_maps import IGNORE_INDEX
from fusebench.evaluation import confusion
from fusebench.evaluation.confusion import Counts
from fusebench.storage.records import Column, Scalar, Scores
from segmentation import class_averaging
from segmentation.class_averaging import config_errors as config_errors

VERSION = 1
COUNTS = "boundary.npz"  # the file of what `count` found in each image
COLUMN_NAME = "boundary_IoU"
COLUMNS = {COLUMN_NAME: Column(title="Boundary IoU", mean_title="mBIoU")}


class Options(class_averaging.AveragingOptions):
    """What tasks.yaml may set for this metric: how classes are averaged, and the width.

    Attributes:
        width: d as a share of the image's diagonal.
    """

    width: float = Field(default=0.02, gt=0, le=1)


def count(truth: LabelMap, predicted: LabelMap, classes: int, options: Options) -> Counts:
    """Count pixels by class and by whether they are near the outline of their class.

    Args:
        truth: Class ids, shape (H, W); pixels equal to `IGNORE_INDEX` are left out, but where they
            begin, a class has an outline.
        predicted: Class ids, shape (H, W), all below ``classes``.
        classes: Number of classes C.
        options: See `Options`.

    Returns:
        int64 (2C, 2C), rows are the truth. Index c is class c near its outline, C + c is class c
        inside: a confusion matrix of 2C classes, so that boundary IoU is IoU of the first C.

    Raises:
        ValueError: If shapes differ, or a counted pixel has an id of C or more.
    """
    confusion.check_label_maps(truth, predicted, classes)
    seen = truth != IGNORE_INDEX
    distance = compute_distance_pixels(truth.shape, options.width)
    rows, columns = (
        np.where(is_near_outline(labels, distance), 0, classes)[seen] + labels[seen].astype(int)
        for labels in (truth, predicted)
    )
    return confusion.cross_tabulate(rows, columns, 2 * classes)


def compute_distance_pixels(shape: tuple[int, ...], width: float) -> int:
    """The distance d in whole pixels, at least 1."""
    return max(1, round(width * math.hypot(*shape)))


def is_near_outline(labels: LabelMap, distance: int) -> NDArray[np.bool_]:
    """Which pixels have another class, or the outside, within ``distance`` steps, (H, W)."""
    import cv2

    square = np.ones((2 * distance + 1,) * 2, np.uint8)
    near: NDArray[np.bool_] = (cv2.dilate(labels, square) != labels) | (
        cv2.erode(labels, square) != labels
    )
    for edge in (near[:distance], near[-distance:], near[:, :distance], near[:, -distance:]):
        edge[...] = True
    return near


def measure(counts: Counts, classes: Sequence[str], options: Options) -> Scores:
    """Boundary IoU of the class set.

    Args:
        counts: Those of `count`, summed over the images.
        classes: The C class names.
        options: See `Options`.

    Returns:
        Fractions 0..1 by class of the set, and their mean; None where undefined.

    Raises:
        UserError: If a class set does not fit the classes or the policy for class 0.
    """
    chosen = class_averaging.choose_class_set(classes, options)
    if options.unlabeled == "ignored":
        for part in (0, len(classes)):
            counts = confusion.drop_true_class(counts, part)
    found = confusion.intersection_over_union(counts)[: len(classes)]
    return Scores(
        values={
            COLUMN_NAME: class_averaging.compute_mean(
                [found[i] for i in chosen.indices], options.absent
            )
        },
        by_class={classes[i]: {COLUMN_NAME: found[i]} for i in chosen.indices},
        by_convention=class_averaging.compute_conventions({COLUMN_NAME: found}, classes, options),
    )


def protocol(classes: Sequence[str], options: Options) -> dict[str, Scalar]:
    """What a reader has to know to compare the means with others."""
    near = f"within {100 * options.width:g} % of the image's diagonal"
    return class_averaging.build_protocol(classes, options) | {
        "boundary": f"{near}, pixels added over images"
    }
