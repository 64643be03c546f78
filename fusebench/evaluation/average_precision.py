"""Weighted average precision (AP) of matched predictions, for many image weightings at once.

    P(i) = sum of w over true positives among the first i / sum of w over the first i
    R(i) = sum of w over true positives among the first i / sum of w over true boxes
    AP   = mean over r = 0, 0.01, ..., 1 of  max of P(j) over j with R(j) >= r

With every weight 1 it is COCO's AP (Lin et al., "Microsoft COCO: common objects in context", ECCV
2014, as pycocotools computes it). With integer weights it is the AP of a data set in which each
image is repeated so often, e.g. a bootstrap resample; thousands of resamples are computed at once.
Precision rises only at true positives, so the curve is computed there alone, see
`fusebench.evaluation.weighted_curve`.
"""

from collections.abc import Sequence

import numpy as np

from fusebench.evaluation.match_table import BoolArray, ClassMatches, IntArray
from fusebench.evaluation.weighted_curve import (
    CurveRows,
    FloatArray,
    RankedPredictions,
    accumulate_rows,
    build_curve_rows,
    cumulate_weights,
    iterate_blocks,
    select_predictions,
)

RECALL_THRESHOLDS = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = 100  # predictions per image and class, COCO's
ALL_THRESHOLDS = slice(None)


def weighted_average_precision(
    matches: ClassMatches,
    weights: FloatArray,
    *,
    area: int = 0,
    max_detections: int = MAX_DETECTIONS,
    thresholds: slice = ALL_THRESHOLDS,
) -> FloatArray:
    """Compute the AP of one class at every IoU threshold, for every weighting of the images.

    Args:
        matches: The matches of the class on I images.
        weights: (R, I), how often each image counts, 0 or more.
        area: Index into `fusebench.evaluation.match_table.AREA_RANGES`.
        max_detections: Largest number of predictions per image, at most
            `fusebench.evaluation.match_table.MAX_STORED_DETECTIONS`.
        thresholds: Selects some of `fusebench.evaluation.match_table.IOU_THRESHOLDS`.

    Returns:
        (R, T), fractions; NaN (arrays have no None) where no true box has weight.

    Raises:
        ValueError: If the weights are not one per image, or negative.
    """
    predictions, totals = select_predictions(matches, weights, area, thresholds)
    return _compute_in_blocks(predictions, max_detections, weights, totals)


def unweighted_average_precision(
    matches: ClassMatches, *, area: int = 0, max_detections: int = MAX_DETECTIONS
) -> FloatArray:
    """Compute the AP at every IoU threshold with every image once, (T,); NaN without true boxes."""
    ones = np.ones((1, matches.truth_counts.shape[1]))
    by_threshold: FloatArray = weighted_average_precision(
        matches, ones, area=area, max_detections=max_detections
    )[0]
    return by_threshold


def rank_average_precision(
    scores: FloatArray,
    image_indices: IntArray,
    true_positives: BoolArray,
    weights: FloatArray,
    totals: FloatArray,
) -> FloatArray:
    """Compute the AP of a ranking of predictions, for every weighting of the images.

    Args:
        scores: (N,), falling.
        image_indices: int64 (N,), the image of each prediction.
        true_positives: bool (N,).
        weights: (R, I), how often each image counts, 0 or more.
        totals: (R,), weight of all true boxes.

    Returns:
        (R,), fractions; NaN where no true box has weight.
    """
    number = len(scores)
    predictions = RankedPredictions(
        scores,
        image_indices,
        np.zeros(number, np.int64),
        true_positives[None],
        np.zeros((1, number), np.bool_),
    )
    return _compute_in_blocks(predictions, 1, weights, totals)[:, 0]


def _compute_in_blocks(
    predictions: RankedPredictions, max_detections: int, weights: FloatArray, totals: FloatArray
) -> FloatArray:
    """Compute AP (R, T) in blocks of weightings that fit into the processor's cache."""
    rows = build_curve_rows(predictions, max_detections, weights)
    parts = [
        _compute_block(rows, row_weights, totals[block])
        for block, row_weights in iterate_blocks(rows, weights)
    ]
    return np.concatenate([*parts, np.zeros((0, len(rows.true_positives)))])


def _compute_block(rows: CurveRows, row_weights: FloatArray, totals: FloatArray) -> FloatArray:
    """Compute AP (r, T) of one block of weightings from the weights of images and copies."""
    # weight of the predictions up to each position, of those that count at every threshold
    always_counted = rows.counted.all(axis=0)
    positions = np.flatnonzero(rows.true_positives.any(axis=0))
    common = cumulate_weights(
        row_weights, rows.weight_rows, np.flatnonzero(always_counted), positions
    )
    common += np.spacing(1)  # as pycocotools
    true_buffer, prediction_buffer, *buffers = np.empty((4, *common.shape))
    precision = np.empty((len(totals), len(rows.true_positives)))
    for threshold, (is_true, is_counted) in enumerate(
        zip(rows.true_positives, rows.counted, strict=True)
    ):
        at = np.flatnonzero(is_true)
        true_weight = np.take(
            row_weights, rows.weight_rows[at], axis=0, out=true_buffer[: len(at)], mode="clip"
        )
        accumulate_rows(np.add, true_weight)
        prediction_weight = np.take(
            common,
            positions.searchsorted(at),
            axis=0,
            out=prediction_buffer[: len(at)],
            mode="clip",
        )
        sometimes_counted = np.flatnonzero(is_counted & ~always_counted)
        if len(sometimes_counted):
            prediction_weight += cumulate_weights(
                row_weights, rows.weight_rows, sometimes_counted, at
            )
        precision[:, threshold] = _mean_interpolated_precision(
            true_weight, prediction_weight, np.where(totals > 0, totals, 1.0), buffers
        )
    precision[totals == 0] = np.nan
    return precision


def _mean_interpolated_precision(
    true_weight: FloatArray,
    prediction_weight: FloatArray,
    totals: FloatArray,
    buffers: Sequence[FloatArray],
) -> FloatArray:
    """Average the monotone precision-recall curve over 101 recalls, (r,).

    Args:
        true_weight: Weight of the true positives up to each one, (H, r); overwritten.
        prediction_weight: Weight of the predictions up to each true positive, (H, r); overwritten.
        totals: Weight of the true boxes, (r,), not 0.
        buffers: Two arrays of at least H rows to write into: allocating memory would cost more
            time than the arithmetic.
    """
    precision = np.divide(true_weight, prediction_weight, out=prediction_weight)
    accumulate_rows(np.maximum, precision[::-1])  # monotone: the maximum of all that follow
    reached = _count_reached_recalls(np.divide(true_weight, totals, out=true_weight), buffers)
    # how many of the 101 recalls are reached first at each true positive
    steps = buffers[1][: len(true_weight)]
    steps[:1] = reached[:1]
    np.subtract(reached[1:], reached[:-1], out=steps[1:])
    mean: FloatArray = np.einsum("hr,hr->r", precision, steps) / len(RECALL_THRESHOLDS)
    return mean


def _count_reached_recalls(recall: FloatArray, buffers: Sequence[FloatArray]) -> FloatArray:
    """Count the `RECALL_THRESHOLDS`, multiples of 0.01, that each recall reaches."""
    nearest, rounded = (buffer[: len(recall)] for buffer in buffers)
    np.rint(np.multiply(recall, 100, out=nearest), out=nearest)
    np.multiply(nearest, 0.01, out=rounded)
    nearest += rounded <= recall
    return nearest
