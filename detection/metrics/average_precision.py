"""Average precision (AP) as COCO computes it, by pycocotools itself.

Source: Lin et al., "Microsoft COCO: common objects in context", ECCV 2014, and its evaluation
code: the precision-recall curve made monotone and read at 101 recalls, for overlaps of 0.5, 0.55,
..., 0.95, with at most 100 boxes per image and class; with at most 300 it is given beside. By size,
true boxes of other sizes are ignored: small up to 32 x 32 pixels of the true box, medium up to
96 x 96, large above. YOLOv5's own AP is another number (`average_precision_yolov5`).
"""

import contextlib
import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from bench.boxes import Boxes, to_coco
from bench.records import Column, Scalar, Slice

VERSION = 2
MOST = 100  # boxes per image and class
MORE = 300
LIMITS = (MOST, MORE)
SIZES = ("all", "small", "medium", "large")
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


class Options(BaseModel):
    """Nothing may be set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


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
    if set(truth) != set(predicted):
        raise ValueError(f"{len(truth)} images with truth, {len(predicted)} with predictions")
    counts = {"images": len(truth), "boxes": sum(map(len, truth.values()))}
    if not counts["boxes"]:
        nothing: dict[str, float | None] = dict.fromkeys(COLUMNS)
        return Slice(values=nothing, by_class=dict.fromkeys(classes, nothing), counts=counts)
    precision = _precision(truth, predicted, classes)
    by_class = {name: _scores(precision[:, :, i]) for i, name in enumerate(classes)}
    values = {name: _mean_of([scores[name] for scores in by_class.values()]) for name in COLUMNS}
    return Slice(values=values, by_class=by_class, counts=counts)


def _scores(precision: NDArray[np.float64]) -> dict[str, float | None]:
    """The columns of one class from precision by overlap, recall, size and limit."""
    found = {
        "AP50": _mean(precision[0, :, 0, 0]),
        "AP": _mean(precision[:, :, 0, 0]),
        "AP50_300": _mean(precision[0, :, 0, 1]),
        "AP_300": _mean(precision[:, :, 0, 1]),
    }
    return found | {
        f"AP_{size}": _mean(precision[:, :, area, 0]) for area, size in enumerate(SIZES) if area
    }


def _precision(
    truth: Mapping[str, Boxes], predicted: Mapping[str, Boxes], classes: tuple[str, ...]
) -> NDArray[np.float64]:
    """Precision by overlap, recall, class, size and limit, (10, 101, C, 4, 2); -1 is undefined."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    sizes = dict.fromkeys(truth, (0, 0))  # not looked at
    with contextlib.redirect_stdout(io.StringIO()):
        right, guessed = COCO(), COCO()
        right.dataset = to_coco(truth, classes, sizes)
        guessed.dataset = to_coco(predicted, classes, sizes)
        right.createIndex()
        guessed.createIndex()
        judge = COCOeval(right, guessed, "bbox")
        judge.params.maxDets = list(LIMITS)
        judge.evaluate()
        judge.accumulate()
    assert tuple(judge.params.areaRngLbl) == SIZES
    precision: NDArray[np.float64] = judge.eval["precision"]
    return precision


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[values > -1]
    return float(known.mean()) if known.size else None


def _mean_of(values: list[float | None]) -> float | None:
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None
