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

from bench.boxes import Boxes, to_coco
from bench.matches import AREAS, MOST, THRESHOLDS, ClassMatches, Matches, only


def match(
    truth: Mapping[str, Boxes], predicted: Mapping[str, Boxes], classes: Sequence[str]
) -> Matches:
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
        judge.params.maxDets = [MOST]
        judge.evaluate()
    assert tuple(judge.params.areaRngLbl) == AREAS
    assert np.allclose(judge.params.iouThrs, THRESHOLDS)
    number = len(truth)
    rows = [judge.evalImgs[i : i + number] for i in range(0, len(judge.evalImgs), number or 1)]
    by_class = [rows[i : i + len(AREAS)] for i in range(0, len(rows), len(AREAS))]
    return Matches(
        tuple(sorted(truth)),
        tuple(classes),
        tuple(_class(by_area, number) for by_area in by_class),
    )


def on(found: Matches, keys: Sequence[str]) -> Matches:
    """The matches on some of the images alone."""
    wanted = set(keys)
    images = [place for place, key in enumerate(found.keys) if key in wanted]
    parts = tuple(only(part, images) for part in found.by_class)
    return Matches(tuple(found.keys[place] for place in images), found.classes, parts)


def _class(by_area: list[list[dict[str, Any] | None]], number: int) -> ClassMatches:
    """The table of one class from what pycocotools says per area and image (None: nothing)."""
    truths = np.zeros((len(AREAS), number), np.int64)
    for area, per_image in enumerate(by_area):
        for image, said in enumerate(per_image):
            truths[area, image] = 0 if said is None else np.sum(np.asarray(said["gtIgnore"]) == 0)
    there = [(i, said) for i, said in enumerate(by_area[0]) if said is not None]
    lengths = [len(said["dtScores"]) for _, said in there]
    scores = np.array([score for _, said in there for score in said["dtScores"]], np.float64)
    order = np.argsort(-scores, kind="stable")
    matched, ignored = (
        np.stack([_joined(per_image, field)[:, order] for per_image in by_area])
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


def _joined(per_image: list[dict[str, Any] | None], field: str) -> np.ndarray[Any, Any]:
    """A field of all images side by side as flags, (thresholds, N)."""
    flags = [np.asarray(said[field]) != 0 for said in per_image if said is not None]
    return np.concatenate([*flags, np.zeros((len(THRESHOLDS), 0), np.bool_)], axis=1)
