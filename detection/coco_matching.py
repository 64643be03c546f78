"""COCO's matching of predicted and true boxes, by pycocotools.

Source: Lin et al., "Microsoft COCO: common objects in context", ECCV 2014, and its evaluation
code (pycocotools). Per image and class, each prediction, in falling score, is matched to the
unmatched true box of highest IoU; true boxes that are ignored for their size are matched last, and
so are ignored true boxes (``iscrowd``), which take any number of predictions, see
`fusebench.evaluation.box_matching`.
"""

import contextlib
import io
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from fusebench.data.boxes import Boxes, to_coco
from fusebench.evaluation.counts import (
    DetectionCounts,
    Detections,
    WeightedDetections,
    stack_counts,
)
from fusebench.evaluation.match_table import (
    AREA_RANGES,
    IOU_THRESHOLDS,
    MAX_STORED_DETECTIONS,
)


def count(truth: Boxes, predicted: Boxes, classes: Sequence[str], options: Any) -> Detections:
    """Match the boxes of one image: the function ``count`` of every metric on these matches.

    Args:
        truth: True boxes.
        predicted: Predictions with scores.
        classes: Class names.
        options: Not used: the matches are the same for all options.
    """
    return match_image(truth, predicted, len(classes))


def match_image(truth: Boxes, predicted: Boxes, class_count: int) -> Detections:
    """Match the boxes of one image, for every size of true box and every IoU threshold.

    Args:
        truth: True boxes.
        predicted: Predictions with scores.
        class_count: Number of classes C.

    Returns:
        Rows ``scores``, ``class_ids``, ``ranks`` (N,), ``true_positives`` and ``ignored`` bool
        (N, areas, thresholds), see `fusebench.evaluation.match_table.ClassMatches`; totals
        ``truth_counts`` int64 (areas, C).
    """
    results = _evaluate_image(truth, predicted, class_count)
    truth_counts = np.zeros((len(AREA_RANGES), class_count), np.int64)
    scores, class_ids, ranks, true_positives, ignored = [], [], [], [], []
    for class_id, by_area in enumerate(results):
        for area, result in enumerate(by_area):
            if result is not None:
                truth_counts[area, class_id] = int((np.asarray(result["gtIgnore"]) == 0).sum())
        nonempty = [result for result in by_area if result is not None]
        if not nonempty:
            continue
        # predictions, their scores and their order are the same for every area
        prediction_count = len(nonempty[0]["dtScores"])
        scores.append(np.asarray(nonempty[0]["dtScores"], np.float64))
        class_ids.append(np.full(prediction_count, class_id, np.int64))
        ranks.append(np.arange(prediction_count))
        # pycocotools has (thresholds, N) per area
        shape = len(IOU_THRESHOLDS), prediction_count
        is_matched, is_ignored = (
            np.stack([np.asarray(result[field]).reshape(shape) != 0 for result in nonempty])
            for field in ("dtMatches", "dtIgnore")
        )
        true_positives.append((is_matched & ~is_ignored).transpose(2, 0, 1))
        ignored.append(is_ignored.transpose(2, 0, 1))
    no_flags = np.zeros((0, len(AREA_RANGES), len(IOU_THRESHOLDS)), np.bool_)
    no_integers = np.zeros(0, np.int64)
    return Detections(
        {
            "scores": np.concatenate([*scores, np.zeros(0)]),
            "class_ids": np.concatenate([*class_ids, no_integers]),
            "ranks": np.concatenate([*ranks, no_integers]),
            "true_positives": np.concatenate([*true_positives, no_flags]),
            "ignored": np.concatenate([*ignored, no_flags]),
        },
        {"truth_counts": truth_counts},
    )


def match_images(
    truth: Mapping[str, Boxes], predicted: Mapping[str, Boxes], classes: Sequence[str]
) -> DetectionCounts:
    """Match the boxes of all images.

    Args:
        truth: True boxes by key, at least one image.
        predicted: Predictions by key; the same keys.
        classes: Class names.

    Returns:
        The matches of `match_image`, image after image.

    Raises:
        ValueError: If the keys differ.
    """
    if set(truth) != set(predicted):
        raise ValueError(f"{len(truth)} images with truth, {len(predicted)} with predictions")
    counts = stack_counts(
        {key: match_image(truth[key], predicted[key], len(classes)) for key in truth}
    )
    assert isinstance(counts, DetectionCounts)
    return counts


def count_true_boxes(
    counts: WeightedDetections, classes: Sequence[str], options: object
) -> dict[str, int]:
    """Count the true boxes, for one weighting of the images."""
    return {"boxes": int(counts.total("truth_counts")[0, 0].sum())}  # of all sizes


def _evaluate_image(
    truth: Boxes, predicted: Boxes, class_count: int
) -> list[list[dict[str, Any] | None]]:
    """Run pycocotools; return its result per class and area, None where a class has no box."""
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    names = [str(number) for number in range(class_count)]
    size = {"": (0, 0)}  # not used by the matching
    with contextlib.redirect_stdout(io.StringIO()):
        true_coco, predicted_coco = COCO(), COCO()
        true_coco.dataset = to_coco({"": truth}, names, size)
        predicted_coco.dataset = to_coco({"": predicted}, names, size)
        true_coco.createIndex()
        predicted_coco.createIndex()
        evaluation = COCOeval(true_coco, predicted_coco, "bbox")
        evaluation.params.maxDets = [MAX_STORED_DETECTIONS]
        evaluation.evaluate()
    assert tuple(evaluation.params.areaRngLbl) == AREA_RANGES
    assert np.allclose(evaluation.params.iouThrs, IOU_THRESHOLDS)
    results: list[dict[str, Any] | None] = evaluation.evalImgs
    areas = len(AREA_RANGES)
    return [results[start : start + areas] for start in range(0, len(results), areas)]
