"""COCO's matching of predicted and true boxes by pycocotools, kept as a table.

Source: Lin et al., "Microsoft COCO: common objects in context", ECCV 2014, and its evaluation
code (pycocotools). Per image and class, predictions in falling score take the free true box that
they overlap most, true boxes that count before those that are ignored for their size.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fusebench.data.boxes import Boxes, to_coco
from fusebench.evaluation.match_table import (
    AREA_RANGES,
    IOU_THRESHOLDS,
    MAX_STORED_DETECTIONS,
    ClassMatches,
    MatchTable,
    select_class_images,
)


def build_match_table(
    truth: Mapping[str, Boxes], predicted: Mapping[str, Boxes], classes: Sequence[str]
) -> MatchTable:
    """What becomes of every prediction, for every size of true box and every overlap.

    Args:
        truth: True boxes by key.
        predicted: Predictions by key; the same keys.
        classes: Class names.

    Raises:
        ValueError: If the keys differ.
    """
    if set(truth) != set(predicted):
        raise ValueError(f"{len(truth)} images with truth, {len(predicted)} with predictions")
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
        judge.params.maxDets = [MAX_STORED_DETECTIONS]
        judge.evaluate()
    assert tuple(judge.params.areaRngLbl) == AREA_RANGES
    assert np.allclose(judge.params.iouThrs, IOU_THRESHOLDS)
    number = len(truth)
    rows = [judge.evalImgs[i : i + number] for i in range(0, len(judge.evalImgs), number or 1)]
    by_class = [rows[i : i + len(AREA_RANGES)] for i in range(0, len(rows), len(AREA_RANGES))]
    return MatchTable(
        tuple(sorted(truth)),
        tuple(classes),
        tuple(_build_class_matches(by_area, number) for by_area in by_class),
    )


def select_images(found: MatchTable, keys: Sequence[str]) -> MatchTable:
    """The matches on some of the images alone."""
    wanted = set(keys)
    images = [place for place, key in enumerate(found.keys) if key in wanted]
    parts = tuple(select_class_images(part, images) for part in found.by_class)
    return MatchTable(tuple(found.keys[place] for place in images), found.classes, parts)


def _build_class_matches(by_area: list[list[dict[str, Any] | None]], number: int) -> ClassMatches:
    """The table of one class from what pycocotools says per area and image (None: nothing)."""
    truths = np.zeros((len(AREA_RANGES), number), np.int64)
    for area, per_image in enumerate(by_area):
        for image, said in enumerate(per_image):
            truths[area, image] = 0 if said is None else np.sum(np.asarray(said["gtIgnore"]) == 0)
    there = [(i, said) for i, said in enumerate(by_area[0]) if said is not None]
    lengths = [len(said["dtScores"]) for _, said in there]
    scores = np.array([score for _, said in there for score in said["dtScores"]], np.float64)
    order = np.argsort(-scores, kind="stable")
    matched, ignored = (
        np.stack([_concatenate_flags(per_image, field)[:, order] for per_image in by_area])
        for field in ("dtMatches", "dtIgnore")
    )
    return ClassMatches(
        scores[order],
        np.repeat(np.array([i for i, _ in there], np.int64), lengths)[order],
        np.concatenate([*map(np.arange, lengths), np.zeros(0, np.int64)])[order],
        matched & ~ignored,
        ignored,
        truths,
    )


def _concatenate_flags(per_image: list[dict[str, Any] | None], field: str) -> np.ndarray[Any, Any]:
    """A field of all images side by side as flags, (thresholds, N)."""
    flags = [np.asarray(said[field]) != 0 for said in per_image if said is not None]
    return np.concatenate([*flags, np.zeros((len(IOU_THRESHOLDS), 0), np.bool_)], axis=1)
