"""Average precision (AP) as COCO computes it, by pycocotools itself.

Source: Lin et al., "Microsoft COCO: common objects in context", ECCV 2014, and its evaluation
code: the precision-recall curve made monotone and read at 101 recalls, for overlaps of 0.5, 0.55,
..., 0.95, with at most 100 boxes per image and class. YOLOv5's own AP differs (it integrates the
curve between the points) and is not this number.
"""

import contextlib
import io
from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray
from pydantic import BaseModel, ConfigDict

from bench.boxes import Boxes, to_coco
from bench.records import Column, Scalar, Slice

VERSION = 1
COLUMNS = {
    "AP50": Column(title="AP@.5", mean="mAP@.5"),
    "AP": Column(title="AP@.5:.95", mean="mAP@.5:.95"),
}
MOST = 100  # boxes per image and class


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
    """AP per class, and its mean over the classes that have true boxes.

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
    by_class = {
        name: {"AP50": _mean(precision[0, :, i]), "AP": _mean(precision[:, :, i])}
        for i, name in enumerate(classes)
    }
    known = [scores for scores in by_class.values() if scores["AP"] is not None]
    values = {name: _mean(np.array([scores[name] for scores in known])) for name in COLUMNS}
    return Slice(values=values, by_class=by_class, counts=counts)


def _precision(
    truth: Mapping[str, Boxes], predicted: Mapping[str, Boxes], classes: tuple[str, ...]
) -> NDArray[np.float64]:
    """Precision by overlap, recall and class, (10, 101, C); -1 where a class has no true box."""
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
        judge.params.areaRng, judge.params.areaRngLbl = [judge.params.areaRng[0]], ["all"]
        judge.params.maxDets = [MOST]
        judge.evaluate()
        judge.accumulate()
    precision: NDArray[np.float64] = judge.eval["precision"][:, :, :, 0, 0]
    return precision


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[values > -1]
    return float(known.mean()) if known.size else None
