"""Average precision (AP) as COCO computes it, from pycocotools' matches.

Source: Lin et al., "Microsoft COCO: common objects in context", ECCV 2014, and its evaluation
code: the precision-recall curve made monotone and read at 101 recalls, for overlaps of 0.5, 0.55,
..., 0.95, with at most 100 boxes per image and class; with at most 300 it is given beside. By size,
true boxes of other sizes are ignored: small up to 32 x 32 pixels of the true box, medium up to
96 x 96, large above. YOLOv5's own AP is another number (`average_precision_yolov5`).
"""

from collections.abc import Mapping

import numpy as np

from bench import average_precision, averages
from bench.average_precision import MOST
from bench.boxes import Boxes
from bench.matches import AREAS, ClassMatches, Matches
from bench.matches import MOST as MORE
from bench.plugins import Nothing as Options
from bench.records import Column, Scalar, Slice
from detection import coco

VERSION = 2
OTHERS = "AP by other conventions"
BY_SIZE = "AP@.5:.95 by size of the true box"
COLUMNS = {
    "AP50": Column(title="AP@.5", mean="mAP@.5"),
    "AP": Column(title="AP@.5:.95", mean="mAP@.5:.95"),
    "AP50_300": Column(title=f"AP@.5, {MORE} boxes", mean=f"mAP@.5, {MORE} boxes", family=OTHERS),
    "AP_300": Column(
        title=f"AP@.5:.95, {MORE} boxes", mean=f"mAP@.5:.95, {MORE} boxes", family=OTHERS
    ),
    "AP_small": Column(title="AP@.5:.95, small", mean="small", family=BY_SIZE),
    "AP_medium": Column(title="AP@.5:.95, medium", mean="medium", family=BY_SIZE),
    "AP_large": Column(title="AP@.5:.95, large", mean="large", family=BY_SIZE),
}

OPTIONS = Options()


def protocol(options: Options) -> dict[str, Scalar]:
    """How the number was made, in words."""
    return {"AP": f"COCO, 101 recalls, at most {MOST} boxes (pycocotools)"}


def measure(
    truth: Mapping[str, Boxes],
    predicted: Mapping[str, Boxes],
    classes: tuple[str, ...],
    options: Options = OPTIONS,
) -> Slice:
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
    return of(coco.match(truth, predicted, classes))


def of(found: Matches, options: Options = OPTIONS) -> Slice:
    """The same from the matches, which are made once for all images."""
    by_class = {
        name: _scores(those) for name, those in zip(found.classes, found.by_class, strict=True)
    }
    values = averages.over_classes(by_class, COLUMNS)
    counts = {
        "images": len(found.keys),
        "boxes": sum(int(those.truths[0].sum()) for those in found.by_class),
    }
    return Slice(values=values, by_class=by_class, counts=counts)


def _scores(found: ClassMatches) -> dict[str, float | None]:
    """The columns of one class."""
    usual, more = _precision(found), _precision(found, most=MORE)
    sizes = {
        f"AP_{size}": averages.mean(_precision(found, area=area))
        for area, size in enumerate(AREAS)
        if area
    }
    wide = {
        "AP50": usual[0],
        "AP": averages.mean(usual),
        "AP50_300": more[0],
        "AP_300": averages.mean(more),
    }
    return wide | sizes


def _precision(found: ClassMatches, *, area: int = 0, most: int = MOST) -> list[float | None]:
    """AP at every overlap; None without true boxes of that size."""
    values = average_precision.plain(found, area=area, most=most)
    return [None if np.isnan(value) else float(value) for value in values]
