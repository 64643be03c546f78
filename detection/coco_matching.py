"""COCO's matching of predicted and true boxes by pycocotools, as a match table.

Source: Lin et al., "Microsoft COCO: common objects in context", ECCV 2014, and its evaluation
code (pycocotools). Per image and class, each prediction, in falling score, is matched to the free
true box of highest IoU; true boxes that count come before those that are ignored for their size.
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

# pycocotools' result of one image, class and area range; None where there is no box at all
ImageEvaluation = dict[str, Any] | None


def build_match_table(
    truth: Mapping[str, Boxes], predicted: Mapping[str, Boxes], classes: Sequence[str]
) -> MatchTable:
    """Match all predictions, for every size of true box and every IoU threshold.

    Args:
        truth: True boxes by key.
        predicted: Predictions by key; the same keys.
        classes: Class names.

    Returns:
        Per prediction its score, and whether it is a true positive or ignored.

    Raises:
        ValueError: If the keys differ.
    """
    if set(truth) != set(predicted):
        raise ValueError(f"{len(truth)} images with truth, {len(predicted)} with predictions")
    evaluations = _run_pycocotools(truth, predicted, classes)
    # the list runs over classes, then area ranges, then images
    image_count = len(truth)
    rows = [evaluations[i : i + image_count] for i in range(0, len(evaluations), image_count or 1)]
    by_class = [rows[i : i + len(AREA_RANGES)] for i in range(0, len(rows), len(AREA_RANGES))]
    return MatchTable(
        tuple(sorted(truth)),
        tuple(classes),
        tuple(_build_class_matches(by_area, image_count) for by_area in by_class),
    )


def select_images(table: MatchTable, keys: Sequence[str]) -> MatchTable:
    """Return the matches of the images ``keys`` alone, in the order of the table."""
    selected_keys = set(keys)
    indices = [index for index, key in enumerate(table.keys) if key in selected_keys]
    by_class = tuple(select_class_images(matches, indices) for matches in table.by_class)
    return MatchTable(tuple(table.keys[index] for index in indices), table.classes, by_class)


def _run_pycocotools(
    truth: Mapping[str, Boxes], predicted: Mapping[str, Boxes], classes: Sequence[str]
) -> list[ImageEvaluation]:
    """Return ``COCOeval.evalImgs``: one entry per class, area range and image."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    sizes = dict.fromkeys(truth, (0, 0))  # the matching does not use image sizes
    with contextlib.redirect_stdout(io.StringIO()):
        true_coco, predicted_coco = COCO(), COCO()
        true_coco.dataset = to_coco(truth, classes, sizes)
        predicted_coco.dataset = to_coco(predicted, classes, sizes)
        true_coco.createIndex()
        predicted_coco.createIndex()
        evaluation = COCOeval(true_coco, predicted_coco, "bbox")
        evaluation.params.maxDets = [MAX_STORED_DETECTIONS]
        evaluation.evaluate()
    assert tuple(evaluation.params.areaRngLbl) == AREA_RANGES
    assert np.allclose(evaluation.params.iouThrs, IOU_THRESHOLDS)
    images: list[ImageEvaluation] = evaluation.evalImgs
    return images


def _build_class_matches(by_area: list[list[ImageEvaluation]], image_count: int) -> ClassMatches:
    """Build the match table of one class from pycocotools' results per area range and image."""
    truth_counts = np.zeros((len(AREA_RANGES), image_count), np.int64)
    for area, evaluations in enumerate(by_area):
        for image, evaluation in enumerate(evaluations):
            if evaluation is not None:
                truth_counts[area, image] = np.sum(np.asarray(evaluation["gtIgnore"]) == 0)
    # predictions, their scores and their order are the same for every area range
    nonempty = [
        (i, evaluation) for i, evaluation in enumerate(by_area[0]) if evaluation is not None
    ]
    lengths = [len(evaluation["dtScores"]) for _, evaluation in nonempty]
    scores = np.array([s for _, evaluation in nonempty for s in evaluation["dtScores"]], np.float64)
    order = np.argsort(-scores, kind="stable")
    matched, ignored = (
        np.stack([_concatenate_flags(evaluations, field)[:, order] for evaluations in by_area])
        for field in ("dtMatches", "dtIgnore")
    )
    return ClassMatches(
        scores[order],
        np.repeat(np.array([i for i, _ in nonempty], np.int64), lengths)[order],
        np.concatenate([*map(np.arange, lengths), np.zeros(0, np.int64)])[order],
        matched & ~ignored,
        ignored,
        truth_counts,
    )


def _concatenate_flags(evaluations: list[ImageEvaluation], field: str) -> np.ndarray[Any, Any]:
    """Concatenate a field of all images as flags, bool (thresholds, N)."""
    flags = [np.asarray(image[field]) != 0 for image in evaluations if image is not None]
    return np.concatenate([*flags, np.zeros((len(IOU_THRESHOLDS), 0), np.bool_)], axis=1)
