"""Log-average miss rate (LAMR, MR^-2) of the Caltech and KAIST evaluations of pedestrian detection.

The geometric mean of a class's miss rates at 9 numbers of false positives per image, evenly spaced
in log space from 10^-2 to 10^0, with an IoU of at least 0.5; `fusebench.evaluation.miss_rate` has
the definition and its source. Ignored true boxes count as there. Which ones are ignored is a
property of the labels: in KAIST's reasonable setting, persons of less than 55 pixels, heavily
occluded or near the edge of the image, and everything labeled person?, people or cyclist.

Predictions are not limited in number by the toolbox; here the 300 highest scores per image and
class count.
"""

from collections.abc import Sequence

import numpy as np

from detection.coco_matching import count
from detection.coco_matching import count_true_boxes as sample_sizes
from fusebench.contracts import NoOptions as Options
from fusebench.evaluation import match_table, miss_rate
from fusebench.evaluation.counts import ClassScores, WeightedDetections
from fusebench.storage.records import Column, Scalar

VERSION = 1
COUNTS = match_table.COUNTS_FILE
COLUMNS = {"LAMR": Column(title="LAMR", mean_title="LAMR", better="lower")}


__all__ = ["count", "sample_sizes"]


def protocol(classes: Sequence[str], options: Options) -> dict[str, Scalar]:
    """Describe how the miss rate is averaged."""
    points = miss_rate.FALSE_POSITIVES_PER_IMAGE
    text = (
        f"IoU {miss_rate.IOU_THRESHOLD}, {len(points)} points from {points[0]:g} to {points[-1]:g} "
        "false positives per image, as Dollar's toolbox"
    )
    return {"log-average miss rate": text}


def score(counts: WeightedDetections, classes: Sequence[str], options: Options) -> ClassScores:
    """Compute the log-average miss rate per class.

    Args:
        counts: The matches of all images and R weightings of them.
        classes: The C class names.
        options: Not used; there are none.

    Returns:
        Column to fractions (R, C), lower is better; NaN for a class without true boxes. A class
        that is never predicted has 1.
    """
    by_class = [
        miss_rate.log_average_miss_rate(
            match_table.select_class(counts.detections, class_id), counts.weights
        )
        for class_id in range(len(classes))
    ]
    return {"LAMR": np.stack(by_class, axis=1)}
