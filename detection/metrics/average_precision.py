"""Average precision (AP) as COCO computes it, from pycocotools' matches.

Source: Lin et al., "Microsoft COCO: common objects in context", ECCV 2014, and its evaluation
code: the precision-recall curve made monotone and read at 101 recalls, for IoU thresholds of 0.5,
0.55, ..., 0.95, with at most 100 boxes per image and class; separate columns allow 300. AP by size
ignores true boxes of other sizes: small is up to 32 x 32 pixels, medium up to 96 x 96, large above.
YOLOv5's own AP is computed differently, see `average_precision_yolov5`.
"""

from collections.abc import Sequence

import numpy as np

from detection.coco_matching import count
from detection.coco_matching import count_true_boxes as sample_sizes
from fusebench.contracts import NoOptions as Options
from fusebench.evaluation import match_table
from fusebench.evaluation.average_precision import MAX_DETECTIONS, weighted_average_precision
from fusebench.evaluation.counts import ClassScores, FloatArray, WeightedDetections
from fusebench.evaluation.match_table import (
    AREA_RANGES,
    IOU_THRESHOLDS,
    MAX_STORED_DETECTIONS,
    ClassMatches,
)
from fusebench.storage.records import Column, Scalar

VERSION = 2
COUNTS = match_table.COUNTS_FILE
OTHER_CONVENTIONS_FAMILY = "AP by other conventions"
BOX_SIZE_FAMILY = "AP@.5:.95 by size of the true box"
COLUMN_75 = IOU_THRESHOLDS.index(0.75)
_MORE = f"{MAX_STORED_DETECTIONS} boxes"
COLUMNS = {
    "AP50": Column(title="AP@.5", mean_title="mAP@.5"),
    "AP": Column(title="AP@.5:.95", mean_title="mAP@.5:.95"),
    # part of AP@.5:.95: a test of its own would make the tests of the other columns weaker
    "AP75": Column(title="AP@.75", mean_title="mAP@.75", has_intervals=False),
    "AP50_300": Column(
        title=f"AP@.5, {_MORE}",
        mean_title=f"mAP@.5, {_MORE}",
        family=OTHER_CONVENTIONS_FAMILY,
        has_intervals=False,  # nearly equal to the column with 100 boxes, at the same cost
    ),
    "AP_300": Column(
        title=f"AP@.5:.95, {_MORE}",
        mean_title=f"mAP@.5:.95, {_MORE}",
        family=OTHER_CONVENTIONS_FAMILY,
        has_intervals=False,
    ),
    "AP_small": Column(title="AP@.5:.95, small", mean_title="small", family=BOX_SIZE_FAMILY),
    "AP_medium": Column(title="AP@.5:.95, medium", mean_title="medium", family=BOX_SIZE_FAMILY),
    "AP_large": Column(title="AP@.5:.95, large", mean_title="large", family=BOX_SIZE_FAMILY),
}


__all__ = ["count", "sample_sizes"]


def protocol(classes: Sequence[str], options: Options) -> dict[str, Scalar]:
    """Describe how the AP is computed."""
    return {"AP": f"COCO, 101 recalls, at most {MAX_DETECTIONS} boxes (pycocotools)"}


def score(
    counts: WeightedDetections,
    classes: Sequence[str],
    options: Options,
    columns: Sequence[str] = tuple(COLUMNS),
) -> ClassScores:
    """Compute AP per class.

    Args:
        counts: The matches of all images and R weightings of them.
        classes: The C class names.
        options: Not used; there are none.
        columns: Names of the requested columns, some of `COLUMNS`.

    Returns:
        Column to fractions (R, C); NaN for a class without true boxes (of that size).
    """
    by_class = []
    for class_id in range(len(classes)):
        matches = match_table.select_class(counts.detections, class_id)
        by_class.append(_score_class(matches, counts.weights, columns))
    return {column: np.stack([scores[column] for scores in by_class], axis=1) for column in columns}


def _score_class(
    matches: ClassMatches, weights: FloatArray, columns: Sequence[str]
) -> dict[str, FloatArray]:
    """Compute the requested columns of one class, (R,) each."""
    scores: dict[str, FloatArray] = {}
    for suffix, limit in (("", MAX_DETECTIONS), ("_300", MAX_STORED_DETECTIONS)):
        names = (f"AP50{suffix}", f"AP75{suffix}", f"AP{suffix}")
        if set(names) & set(columns):
            by_threshold = weighted_average_precision(matches, weights, max_detections=limit)
            of_names = (by_threshold[:, 0], by_threshold[:, COLUMN_75], by_threshold.mean(axis=1))
            scores |= dict(zip(names, of_names, strict=True))
    for area, size in enumerate(AREA_RANGES):
        if f"AP_{size}" in columns:
            by_threshold = weighted_average_precision(matches, weights, area=area)
            scores[f"AP_{size}"] = by_threshold.mean(axis=1)
    return scores
