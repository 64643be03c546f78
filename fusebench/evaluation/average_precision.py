"""Average precision (AP) from a table of matches, with a weight per image, for many weightings.

    P(i) = sum of w over hits among the first i / sum of w over the first i
    R(i) = sum of w over hits among the first i / sum of w over true boxes
    AP   = mean over r = 0, 0.01, ..., 1 of  max of P(j) over j with R(j) >= r

With every weight 1 it is COCO's AP (Lin et al., "Microsoft COCO: common objects in context", ECCV
2014, as pycocotools computes it); with whole weights it is that of the images repeated so often.
A bootstrap resample is such a weighting, and thousands of them are computed at once: precision
rises only at hits, so that the curve is needed there alone.

Equally sure predictions of one image would be interleaved if the image were repeated: (hit, miss,
hit, miss), not (hit, hit, miss, miss). Where that matters, copy number c of such predictions is a
row of its own with the weight max(0, min(1, w - c)), which continues to weights between.

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
MAX_DETECTIONS = 100  # boxes per image and class, COCO's
ALL_THRESHOLDS = slice(None)
MAX_BLOCK_ELEMENTS = 1_000_000  # numbers in an array: more would not stay in the processor's cache
MIN_ROWWISE_WEIGHTINGS = 64  # weightings from which on a row is worth a call of its own

FloatArray = NDArray[np.float64]


class _Predictions(NamedTuple):
    """The predictions at one size and some overlaps: hits and ignored are (T, N)."""

    scores: FloatArray
    image_indices: IntArray
    ranks: IntArray
    true_positives: BoolArray
    ignored: BoolArray


@dataclass(frozen=True, eq=False)
class _CurveRows:
    """The predictions that shape the curve, repeated ones included.

    Attributes:
        places: int64 (N,), which row of the weights each has: its image's, or after the I images
            that of a copy.
        copies: int64 (2, C), the image and the number of every copy that has weights of its own.
        hits: bool (T, N).
        counted: bool (T, N), not ignored.
    """

    weight_rows: IntArray
    copies: IntArray
    true_positives: BoolArray
    counted: BoolArray


def weighted_average_precision(
    found: ClassMatches,
    weights: FloatArray,
    *,
    area: int = 0,
    most: int = MAX_DETECTIONS,
    overlaps: slice = ALL_THRESHOLDS,
) -> FloatArray:
    """AP of one class at every overlap, for every weighting of the images.

    Args:
        found: The matches of the class on I images.
        weights: (R, I), how often each image counts, 0 or more.
        area: Which of `fusebench.evaluation.match_table.AREA_RANGES`.
        most: Boxes per image, at most `fusebench.evaluation.match_table.MAX_STORED_DETECTIONS`.
        overlaps: Which of `fusebench.evaluation.match_table.IOU_THRESHOLDS`.

    Returns:
        (R, overlaps), fractions; NaN (arrays have no None) where no true box has weight.

    Raises:
        ValueError: If the weights are not one per image, or negative.
    """
    truths = found.truth_counts[area]
    if weights.ndim != 2 or weights.shape[1] != len(truths) or (weights < 0).any():
        raise ValueError(f"weights {weights.shape} for {len(truths)} images, or negative ones")
    totals = np.asarray(weights, np.float64) @ truths
    predictions = _select_area_and_thresholds(found, area, overlaps)
    return _compute_in_blocks(predictions, most, weights, totals)


def unweighted_average_precision(
    matches: ClassMatches, *, area: int = 0, most: int = MAX_DETECTIONS
) -> FloatArray:
    """AP at every IoU threshold with every image once, (T,); NaN without true boxes."""
    ones = np.ones((1, matches.truth_counts.shape[1]))
    by_threshold: FloatArray = weighted_average_precision(matches, ones, area=area, most=most)[0]
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
    predictions: _Predictions, most: int, weights: FloatArray, totals: FloatArray
) -> FloatArray:
    """AP (R, T), for as many weightings at once as fit into the processor's cache."""
    rows = _build_curve_rows(predictions, most, weights)
    step = max(
        MIN_ROWWISE_WEIGHTINGS,
        MAX_BLOCK_ELEMENTS // max(1, int(rows.true_positives.any(axis=0).sum())),
    )
    blocks = [slice(start, start + step) for start in range(0, len(weights), step)]
    parts = [
        _compute_block(rows, np.ascontiguousarray(weights[some].T, np.float64), totals[some])
        for some in blocks
    ]
    return np.concatenate([*parts, np.zeros((0, len(rows.true_positives)))])


def _select_area_and_thresholds(found: ClassMatches, area: int, overlaps: slice) -> _Predictions:
    hits, ignored = found.true_positives[area][overlaps], found.ignored[area][overlaps]
    return _Predictions(found.scores, found.image_indices, found.ranks, hits, ignored)


def _build_curve_rows(found: _Predictions, most: int, weights: FloatArray) -> _CurveRows:
    kept = np.flatnonzero(found.ranks < most)
    some = np.flatnonzero(found.true_positives[:, kept].any(axis=0))
    scores, images = found.scores[kept], found.image_indices[kept]
    if len(some):  # what follows the last hit, and is not tied with it, changes nothing
        last = some[-1]
        tied = (scores == scores[last]) & (images == images[last])
        kept = kept[: int(np.flatnonzero(tied)[-1]) + 1]
    else:
        kept = kept[:0]
    order, numbers = _interleave_copies(found, kept, float(weights.max(initial=0.0)))
    chosen = kept[order]
    split = numbers >= 0
    pairs = np.stack([found.image_indices[chosen[split]], numbers[split]])
    copies, which = np.unique(pairs, axis=1, return_inverse=True)
    places = found.image_indices[chosen]
    places[split] = weights.shape[1] + which
    return _CurveRows(places, copies, found.true_positives[:, chosen], ~found.ignored[:, chosen])


def _interleave_copies(
    found: _Predictions, kept: IntArray, heaviest: float
) -> tuple[IntArray, IntArray]:
    """The order of the rows once equals of one image are repeated, and the copy each belongs to."""
    scores, images, hits = (
        found.scores[kept],
        found.image_indices[kept],
        found.true_positives[:, kept],
    )
    number = len(kept)
    order, copies = np.arange(number), np.full(number, -1, np.int64)
    if number == 0 or heaviest <= 1:
        return order, copies
    first = np.ones(number, np.bool_)
    first[1:] = (scores[1:] != scores[:-1]) | (images[1:] != images[:-1])
    starts = np.flatnonzero(first)
    sizes = np.diff(np.append(starts, number))
    hit = np.add.reduceat(hits, starts, axis=1, dtype=np.int64)
    mixed = (sizes > 1) & ((hit > 0) & (hit < sizes)).any(axis=0)
    pieces, numbers = [], []
    last = 0
    for start, size in zip(starts[mixed], sizes[mixed], strict=True):
        times = int(np.ceil(heaviest))
        pieces += [np.arange(last, start), np.tile(np.arange(start, start + size), times)]
        numbers += [np.full(start - last, -1), np.repeat(np.arange(times), size)]
        last = start + size
    pieces.append(np.arange(last, number))
    numbers.append(np.full(number - last, -1))
    return np.concatenate(pieces), np.concatenate(numbers).astype(np.int64)


def _compute_block(rows: _CurveRows, weights: FloatArray, totals: FloatArray) -> FloatArray:
    """AP of a few weightings, (r, T), from the weights of the images, (I, r)."""
    images, numbers = rows.copies
    every = np.concatenate([weights, (weights[images] - numbers[:, None]).clip(0, 1)])
    always = rows.counted.all(axis=0)
    stops = np.flatnonzero(rows.true_positives.any(axis=0))
    common = _cumulate_weights(every, rows.weight_rows, np.flatnonzero(always), stops)
    common += np.spacing(1)
    right, seen, *spare = np.empty((4, *common.shape))
    found = np.empty((len(totals), len(rows.true_positives)))
    for threshold, (hits, counted) in enumerate(
        zip(rows.true_positives, rows.counted, strict=True)
    ):
        at = np.flatnonzero(hits)
        mine = np.take(every, rows.weight_rows[at], axis=0, out=right[: len(at)], mode="clip")
        _accumulate_rows(np.add, mine)
        there = np.take(common, stops.searchsorted(at), axis=0, out=seen[: len(at)], mode="clip")
        others = np.flatnonzero(counted & ~always)
        if len(others):
            there += _cumulate_weights(every, rows.weight_rows, others, at)
        found[:, threshold] = _mean_interpolated_precision(
            mine, there, np.where(totals > 0, totals, 1.0), spare
        )
    found[totals == 0] = np.nan
    return found


def _cumulate_weights(
    weights: FloatArray, places: IntArray, which: IntArray, stops: IntArray
) -> FloatArray:
    """Weight of some of the predictions up to each stop and with it, (S, r)."""
    from scipy.sparse import csr_array  # its product is faster than gathering and adding

    ends = np.append(0, which.searchsorted(stops, side="right"))
    ones = np.ones(ends[-1])
    between = csr_array((ones, places[which[: ends[-1]]], ends), (len(stops), len(weights)))
    found: FloatArray = between @ weights
    _accumulate_rows(np.add, found)
    return found


def _accumulate_rows(function: np.ufunc, values: FloatArray) -> None:
    """Accumulate down the rows, in place."""
    if values.shape[1] < MIN_ROWWISE_WEIGHTINGS:
        function.accumulate(values, axis=0, out=values)
        return
    for before, row in pairwise(values):
        function(before, row, out=row)


def _mean_interpolated_precision(
    right: FloatArray, seen: FloatArray, totals: FloatArray, spare: Sequence[FloatArray]
) -> FloatArray:
    """The mean of the monotone curve at 101 recalls, (r,).

    Args:
        right: Weight of the hits up to each hit, (H, r); overwritten.
        seen: Weight of the predictions up to each hit, (H, r); overwritten.
        totals: Weight of the true boxes, (r,), not 0.
        spare: Two arrays of at least that many rows to write into: new memory costs more time than
            all of the arithmetic.
    """
    precision = np.divide(right, seen, out=seen)
    _accumulate_rows(np.maximum, precision[::-1])
    reached = _count_reached_recalls(np.divide(right, totals, out=right), spare)
    steps = spare[1][: len(right)]
    steps[:1] = reached[:1]
    np.subtract(reached[1:], reached[:-1], out=steps[1:])
    mean: FloatArray = np.einsum("hr,hr->r", precision, steps) / len(RECALL_THRESHOLDS)
    return mean


def _count_reached_recalls(recall: FloatArray, spare: Sequence[FloatArray]) -> FloatArray:
    """How many of `RECALL_THRESHOLDS`, which are whole multiples of 0.01, are at most each recall."""
    nearest, rounded = (buffer[: len(recall)] for buffer in spare)
    np.rint(np.multiply(recall, 100, out=nearest), out=nearest)
    np.multiply(nearest, 0.01, out=rounded)
    nearest += rounded <= recall
    return nearest
