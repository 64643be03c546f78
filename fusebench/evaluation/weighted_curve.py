"""A ranking of predictions under many image weightings: what AP and miss rate share.

A curve over falling scores changes its recall only at true positives, so that it is computed there
alone. A weight of an image says how often it counts, e.g. in a bootstrap resample.

Predictions of one image with equal scores would be interleaved if the image were repeated: (true,
false, true, false), not (true, true, false, false). Where that matters, copy number c of such
predictions is a row of its own with the weight max(0, min(1, w - c)), which extends to fractional
weights.

Arrays of weights are (predictions, weightings): sums along the curve then add whole rows.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fusebench.evaluation.match_table import BoolArray, ClassMatches, IntArray

MAX_BLOCK_ELEMENTS = 1_000_000  # numbers in an array: more would not stay in the processor's cache
MIN_ROWWISE_WEIGHTINGS = 64  # from this many on, one NumPy call per row is faster

FloatArray = NDArray[np.float64]


class RankedPredictions(NamedTuple):
    """Predictions of one class at one size and T IoU thresholds; flags are (T, N)."""

    scores: FloatArray
    image_indices: IntArray
    ranks: IntArray
    true_positives: BoolArray
    ignored: BoolArray


@dataclass(frozen=True, eq=False)
class CurveRows:
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


def select_predictions(
    matches: ClassMatches, weights: FloatArray, area: int, thresholds: slice
) -> tuple[RankedPredictions, FloatArray]:
    """Select the predictions at one size of true box and some IoU thresholds.

    Args:
        matches: The matches of the class on I images.
        weights: (R, I), how often each image counts, 0 or more.
        area: Index into `fusebench.evaluation.match_table.AREA_RANGES`.
        thresholds: Selects some of `fusebench.evaluation.match_table.IOU_THRESHOLDS`.

    Returns:
        The predictions, and the weight of all true boxes (R,).

    Raises:
        ValueError: If the weights are not one per image, or negative.
    """
    truth = matches.truth_counts[area]
    if weights.ndim != 2 or weights.shape[1] != len(truth) or (weights < 0).any():
        raise ValueError(f"weights {weights.shape} for {len(truth)} images, or negative ones")
    predictions = RankedPredictions(
        matches.scores,
        matches.image_indices,
        matches.ranks,
        matches.true_positives[area][thresholds],
        matches.ignored[area][thresholds],
    )
    return predictions, np.asarray(weights, np.float64) @ truth


def iterate_blocks(rows: CurveRows, weights: FloatArray) -> Iterator[tuple[slice, FloatArray]]:
    """Yield blocks of weightings that fit into the processor's cache.

    Yields:
        The slice of the block's r weightings, and the weights of the images and then of the copies
        (W, r), to which `CurveRows.weight_rows` refers.
    """
    positions = max(1, int(rows.true_positives.any(axis=0).sum()))  # where the curve is computed
    step = max(MIN_ROWWISE_WEIGHTINGS, MAX_BLOCK_ELEMENTS // positions)
    images, copy_numbers = rows.copies
    for start in range(0, len(weights), step):
        block = slice(start, start + step)
        of_images = np.ascontiguousarray(weights[block].T, np.float64)
        of_copies = (of_images[images] - copy_numbers[:, None]).clip(0, 1)
        yield block, np.concatenate([of_images, of_copies])


def build_curve_rows(
    predictions: RankedPredictions, max_detections: int, weights: FloatArray
) -> CurveRows:
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
    return CurveRows(
        weight_rows,
        copies,
        predictions.true_positives[:, chosen],
        ~predictions.ignored[:, chosen],
    )


def cumulate_weights(
    weights: FloatArray, weight_rows: IntArray, chosen: IntArray, positions: IntArray
) -> FloatArray:
    """Sum the weights of the chosen predictions up to and including each position, (S, r)."""
    from scipy.sparse import csr_array  # its product is faster than gathering and adding

    ends = np.append(0, chosen.searchsorted(positions, side="right"))
    ones = np.ones(ends[-1])
    shape = (len(positions), len(weights))
    between = csr_array((ones, weight_rows[chosen[: ends[-1]]], ends), shape)
    total: FloatArray = between @ weights
    accumulate_rows(np.add, total)
    return total


def accumulate_rows(function: np.ufunc, values: FloatArray) -> None:
    """Apply ``function`` cumulatively along axis 0, in place."""
    if values.shape[1] < MIN_ROWWISE_WEIGHTINGS:
        function.accumulate(values, axis=0, out=values)
        return
    for before, row in pairwise(values):
        function(before, row, out=row)


def _interleave_copies(
    predictions: RankedPredictions, kept: IntArray, max_weight: float
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
