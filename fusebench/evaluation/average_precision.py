"""Weighted average precision (AP) of matched predictions, for many image weightings at once.

    P(i) = sum of w over true positives among the first i / sum of w over the first i
    R(i) = sum of w over true positives among the first i / sum of w over true boxes
    AP   = mean over r = 0, 0.01, ..., 1 of  max of P(j) over j with R(j) >= r

With every weight 1 it is COCO's AP (Lin et al., "Microsoft COCO: common objects in context", ECCV
2014, as pycocotools computes it). With integer weights it is the AP of a data set in which each
image is repeated so often, e.g. a bootstrap resample; thousands of resamples are computed at once.
Precision rises only at true positives, so the curve is computed there alone.

Predictions of one image with equal scores would be interleaved if the image were repeated: (true,
false, true, false), not (true, true, false, false). Where that matters, copy number c of such
predictions is a row of its own with the weight max(0, min(1, w - c)), which extends to fractional
weights.

Arrays of weights are (predictions, weightings): sums along the curve then add whole rows.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusebench.evaluation.match_table import BoolArray, ClassMatches, IntArray

RECALL_THRESHOLDS = np.linspace(0.0, 1.0, 101)
MAX_DETECTIONS = 100  # predictions per image and class, COCO's
ALL_THRESHOLDS = slice(None)
MAX_BLOCK_ELEMENTS = 1_000_000  # numbers in an array: more would not stay in the processor's cache
MIN_ROWWISE_WEIGHTINGS = 64  # from this many on, one NumPy call per row is faster

FloatArray = NDArray[np.float64]


class _Predictions(NamedTuple):
    """Predictions of one class at one size and T IoU thresholds; flags are (T, N)."""

    scores: FloatArray
    image_indices: IntArray
    ranks: IntArray
    true_positives: BoolArray
    ignored: BoolArray


@dataclass(frozen=True, eq=False)
class _CurveRows:
    """The predictions that affect the curve, copies included.

    Attributes:
        weight_rows: int64 (N,), the row of each prediction in the table of weights: rows 0 to I - 1
            are the images, the following rows the copies.
        copies: int64 (2, C), image index and copy number of each row of copies.
        true_positives: bool (T, N).
        counted: bool (T, N), not ignored.
    """

    weight_rows: IntArray
    copies: IntArray
    true_positives: BoolArray
    counted: BoolArray


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
    truth = matches.truth_counts[area]
    if weights.ndim != 2 or weights.shape[1] != len(truth) or (weights < 0).any():
        raise ValueError(f"weights {weights.shape} for {len(truth)} images, or negative ones")
    totals = np.asarray(weights, np.float64) @ truth
    predictions = _Predictions(
        matches.scores,
        matches.image_indices,
        matches.ranks,
        matches.true_positives[area][thresholds],
        matches.ignored[area][thresholds],
    )
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
    predictions = _Predictions(
        scores,
        image_indices,
        np.zeros(number, np.int64),
        true_positives[None],
        np.zeros((1, number), np.bool_),
    )
    return _compute_in_blocks(predictions, 1, weights, totals)[:, 0]


def _compute_in_blocks(
    predictions: _Predictions, max_detections: int, weights: FloatArray, totals: FloatArray
) -> FloatArray:
    """Compute AP (R, T) in blocks of weightings that fit into the processor's cache."""
    rows = _build_curve_rows(predictions, max_detections, weights)
    positions = max(1, int(rows.true_positives.any(axis=0).sum()))  # where the curve is computed
    step = max(MIN_ROWWISE_WEIGHTINGS, MAX_BLOCK_ELEMENTS // positions)
    blocks = [slice(start, start + step) for start in range(0, len(weights), step)]
    parts = [
        _compute_block(rows, np.ascontiguousarray(weights[block].T, np.float64), totals[block])
        for block in blocks
    ]
    return np.concatenate([*parts, np.zeros((0, len(rows.true_positives)))])


def _build_curve_rows(
    predictions: _Predictions, max_detections: int, weights: FloatArray
) -> _CurveRows:
    """Select the predictions that affect the curve; repeat tied ones that copies interleave."""
    kept = np.flatnonzero(predictions.ranks < max_detections)
    positives = np.flatnonzero(predictions.true_positives[:, kept].any(axis=0))
    scores, images = predictions.scores[kept], predictions.image_indices[kept]
    if len(positives):
        # what follows the last true positive, and is not tied with it, changes nothing
        last = positives[-1]
        tied = (scores == scores[last]) & (images == images[last])
        kept = kept[: int(np.flatnonzero(tied)[-1]) + 1]
    else:
        kept = kept[:0]
    order, copy_numbers = _interleave_copies(predictions, kept, float(weights.max(initial=0.0)))
    chosen = kept[order]
    is_copy = copy_numbers >= 0
    pairs = np.stack([predictions.image_indices[chosen[is_copy]], copy_numbers[is_copy]])
    copies, copy_indices = np.unique(pairs, axis=1, return_inverse=True)
    weight_rows = predictions.image_indices[chosen]
    weight_rows[is_copy] = weights.shape[1] + copy_indices
    return _CurveRows(
        weight_rows,
        copies,
        predictions.true_positives[:, chosen],
        ~predictions.ignored[:, chosen],
    )


def _interleave_copies(
    predictions: _Predictions, kept: IntArray, max_weight: float
) -> tuple[IntArray, IntArray]:
    """Repeat tied predictions of one image; return the order of the rows and their copy numbers.

    Args:
        predictions: All predictions.
        kept: Indices of the predictions that affect the curve.
        max_weight: Largest weight of an image.

    Returns:
        Indices into ``kept``, and the copy number of each, -1 where it is not repeated.
    """
    scores, images = predictions.scores[kept], predictions.image_indices[kept]
    true_positives = predictions.true_positives[:, kept]
    number = len(kept)
    order, copies = np.arange(number), np.full(number, -1, np.int64)
    if number == 0 or max_weight <= 1:
        return order, copies
    # runs of tied predictions of one image
    is_first = np.ones(number, np.bool_)
    is_first[1:] = (scores[1:] != scores[:-1]) | (images[1:] != images[:-1])
    starts = np.flatnonzero(is_first)
    sizes = np.diff(np.append(starts, number))
    # only runs with both true and false positives depend on their order
    positives = np.add.reduceat(true_positives, starts, axis=1, dtype=np.int64)
    is_mixed = (sizes > 1) & ((positives > 0) & (positives < sizes)).any(axis=0)
    pieces, numbers = [], []
    end = 0
    for start, size in zip(starts[is_mixed], sizes[is_mixed], strict=True):
        times = int(np.ceil(max_weight))
        pieces += [np.arange(end, start), np.tile(np.arange(start, start + size), times)]
        numbers += [np.full(start - end, -1), np.repeat(np.arange(times), size)]
        end = start + size
    pieces.append(np.arange(end, number))
    numbers.append(np.full(number - end, -1))
    return np.concatenate(pieces), np.concatenate(numbers).astype(np.int64)


def _compute_block(rows: _CurveRows, weights: FloatArray, totals: FloatArray) -> FloatArray:
    """Compute AP (r, T) of one block of weightings from the weights of the images, (I, r)."""
    # weights of images, then those of copies
    images, copy_numbers = rows.copies
    row_weights = np.concatenate([weights, (weights[images] - copy_numbers[:, None]).clip(0, 1)])
    # weight of the predictions up to each position, of those that count at every threshold
    always_counted = rows.counted.all(axis=0)
    positions = np.flatnonzero(rows.true_positives.any(axis=0))
    common = _cumulate_weights(
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
        _accumulate_rows(np.add, true_weight)
        prediction_weight = np.take(
            common,
            positions.searchsorted(at),
            axis=0,
            out=prediction_buffer[: len(at)],
            mode="clip",
        )
        sometimes_counted = np.flatnonzero(is_counted & ~always_counted)
        if len(sometimes_counted):
            prediction_weight += _cumulate_weights(
                row_weights, rows.weight_rows, sometimes_counted, at
            )
        precision[:, threshold] = _mean_interpolated_precision(
            true_weight, prediction_weight, np.where(totals > 0, totals, 1.0), buffers
        )
    precision[totals == 0] = np.nan
    return precision


def _cumulate_weights(
    weights: FloatArray, weight_rows: IntArray, chosen: IntArray, positions: IntArray
) -> FloatArray:
    """Sum the weights of the chosen predictions up to and including each position, (S, r)."""
    from scipy.sparse import csr_array  # its product is faster than gathering and adding

    ends = np.append(0, chosen.searchsorted(positions, side="right"))
    ones = np.ones(ends[-1])
    shape = (len(positions), len(weights))
    between = csr_array((ones, weight_rows[chosen[: ends[-1]]], ends), shape)
    total: FloatArray = between @ weights
    _accumulate_rows(np.add, total)
    return total


def _accumulate_rows(function: np.ufunc, values: FloatArray) -> None:
    """Apply ``function`` cumulatively along axis 0, in place."""
    if values.shape[1] < MIN_ROWWISE_WEIGHTINGS:
        function.accumulate(values, axis=0, out=values)
        return
    for before, row in pairwise(values):
        function(before, row, out=row)


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
    _accumulate_rows(np.maximum, precision[::-1])  # monotone: the maximum of all that follow
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
