"""Average precision (AP) as COCO computes it, from pycocotools' matches.

Source: Lin et al., "Microsoft COCO: common objects in context", ECCV 2014, and its evaluation
code: the precision-recall curve made monotone and read at 101 recalls, for overlaps of 0.5, 0.55,
..., 0.95, with at most 100 boxes per image and class; with at most 300 it is given beside. By size,
true boxes of other sizes are ignored: small up to 32 x 32 pixels of the true box, medium up to
96 x 96, large above. YOLOv5's own AP is another number (`average_precision_yolov5`).
"""

from collections.abc import Mapping

import numpy as np

from detection import coco_matching
from fusebench.data.boxes import Boxes
from fusebench.evaluation import average_precision, class_means
from fusebench.evaluation.average_precision import MAX_DETECTIONS
from fusebench.evaluation.match_table import AREA_RANGES, ClassMatches, MatchTable
from fusebench.evaluation.match_table import MAX_STORED_DETECTIONS as MORE
from fusebench.plugins import NoOptions as Options
from fusebench.storage.records import Column, Scalar, Scores

VERSION = 2
OTHER_CONVENTIONS_FAMILY = "AP by other conventions"
BOX_SIZE_FAMILY = "AP@.5:.95 by size of the true box"
COLUMNS = {
    "AP50": Column(title="AP@.5", mean_title="mAP@.5"),
    "AP": Column(title="AP@.5:.95", mean_title="mAP@.5:.95"),
    "AP50_300": Column(
        title=f"AP@.5, {MORE} boxes",
        mean_title=f"mAP@.5, {MORE} boxes",
        family=OTHER_CONVENTIONS_FAMILY,
    ),
    "AP_300": Column(
        title=f"AP@.5:.95, {MORE} boxes",
        mean_title=f"mAP@.5:.95, {MORE} boxes",
        family=OTHER_CONVENTIONS_FAMILY,
    ),
    "AP_small": Column(title="AP@.5:.95, small", mean_title="small", family=BOX_SIZE_FAMILY),
    "AP_medium": Column(title="AP@.5:.95, medium", mean_title="medium", family=BOX_SIZE_FAMILY),
    "AP_large": Column(title="AP@.5:.95, large", mean_title="large", family=BOX_SIZE_FAMILY),
}

DEFAULT_OPTIONS = Options()


def protocol(options: Options) -> dict[str, Scalar]:
    """How the number was made, in words."""
    return {"AP": f"COCO, 101 recalls, at most {MAX_DETECTIONS} boxes (pycocotools)"}


def measure(
    truth: Mapping[str, Boxes],
    predicted: Mapping[str, Boxes],
    classes: tuple[str, ...],
    options: Options = DEFAULT_OPTIONS,
) -> Scores:
    """AP per class, and its mean over the classes that have true boxes (of that size).

    Args:
        truth: True boxes by key.
        predicted: Predictions by key; the same keys.
        classes: Class names.
        options: See `Options`.

    Returns:
        Fractions; None for a class without true boxes, and for a mean over no class.

    Raises:
        ValueError: If the keys differ.
    """
    return measure_matches(coco_matching.build_match_table(truth, predicted, classes))


def measure_matches(found: MatchTable, options: Options = DEFAULT_OPTIONS) -> Scores:
    """The same from the matches, which are made once for all images."""
    by_class = {
        name: _score_class(those) for name, those in zip(found.classes, found.by_class, strict=True)
    }
    values = class_means.compute_class_means(by_class, COLUMNS)
    counts = {
        "images": len(found.keys),
        "boxes": sum(int(those.truth_counts[0].sum()) for those in found.by_class),
    }
    return Scores(values=values, by_class=by_class, counts=counts)


def _score_class(found: ClassMatches) -> dict[str, float | None]:
    """The columns of one class."""
    usual, more = _compute_ap_by_threshold(found), _compute_ap_by_threshold(found, most=MORE)
    sizes = {
        f"AP_{size}": class_means.mean_of_defined(_compute_ap_by_threshold(found, area=area))
        for area, size in enumerate(AREA_RANGES)
        if area
    }
    wide = {
        "AP50": usual[0],
        "AP": class_means.mean_of_defined(usual),
        "AP50_300": more[0],
        "AP_300": class_means.mean_of_defined(more),
    }
    return wide | sizes


def _compute_ap_by_threshold(
    found: ClassMatches, *, area: int = 0, most: int = MAX_DETECTIONS
) -> list[float | None]:
    """AP at every overlap; None without true boxes of that size."""
    values = average_precision.unweighted_average_precision(found, area=area, most=most)
    return [None if np.isnan(value) else float(value) for value in values]
