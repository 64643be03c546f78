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
"""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.matches import ClassMatches, Flags, Whole

RECALLS = np.linspace(0.0, 1.0, 101)
MOST = 100  # boxes per image and class, COCO's
ALL = slice(None)
AT_ONCE = 400_000  # weights held at once: as many as stay in the processor's cache

Floats = NDArray[np.float64]


class _Columns(NamedTuple):
    """The predictions at one size and some overlaps: hits and ignored are (T, N)."""

    scores: Floats
    images: Whole
    ranks: Whole
    hits: Flags
    ignored: Flags


@dataclass(frozen=True, eq=False)
class _Rows:
    """The predictions that shape the curve, repeated ones included.

    Attributes:
        images: int64 (N,), the image of each row.
        copies: int64 (N,), the number of the copy; -1 for rows that are not split into copies.
        hits: bool (T, N).
        counted: bool (T, N), not ignored; None if all are.
    """

    images: Whole
    copies: Whole
    hits: Flags
    counted: Flags | None


def weighted(
    found: ClassMatches,
    weights: Floats,
    *,
    area: int = 0,
    most: int = MOST,
    overlaps: slice = ALL,
) -> Floats:
    """AP of one class at every overlap, for every weighting of the images.

    Args:
        found: The matches of the class on I images.
        weights: (R, I), how often each image counts, 0 or more.
        area: Which of `bench.matches.AREAS`.
        most: Boxes per image, at most `bench.matches.MOST`.
        overlaps: Which of `bench.matches.THRESHOLDS`.

    Returns:
        (R, overlaps), fractions; NaN (arrays have no None) where no true box has weight.

    Raises:
        ValueError: If the weights are not one per image, or negative.
    """
    truths = found.truths[area]
    if weights.ndim != 2 or weights.shape[1] != len(truths) or (weights < 0).any():
        raise ValueError(f"weights {weights.shape} for {len(truths)} images, or negative ones")
    every = np.ascontiguousarray(weights, np.float64)
    totals = every @ truths
    rows = _rows(_at(found, area, overlaps), most, float(every.max(initial=0.0)))
    step = max(1, AT_ONCE // max(1, len(rows.images)))
    parts = [
        _some(rows, every[start : start + step], totals[start : start + step])
        for start in range(0, len(every), step)
    ]
    return np.concatenate([*parts, np.zeros((0, len(rows.hits)))])


def plain(found: ClassMatches, *, area: int = 0, most: int = MOST) -> Floats:
    """AP at every overlap with every image once, (thresholds,); NaN without true boxes."""
    ones = np.ones((1, found.truths.shape[1]))
    once: Floats = weighted(found, ones, area=area, most=most)[0]
    return once


def _at(found: ClassMatches, area: int, overlaps: slice) -> _Columns:
    hits, ignored = found.hits[area][overlaps], found.ignored[area][overlaps]
    return _Columns(found.scores, found.images, found.ranks, hits, ignored)


def _rows(found: _Columns, most: int, heaviest: float) -> _Rows:
    kept = np.flatnonzero(found.ranks < most)
    some = np.flatnonzero(found.hits[:, kept].any(axis=0))
    scores, images = found.scores[kept], found.images[kept]
    if len(some):  # what follows the last hit, and is not tied with it, changes nothing
        last = some[-1]
        tied = (scores == scores[last]) & (images == images[last])
        kept = kept[: int(np.flatnonzero(tied)[-1]) + 1]
    else:
        kept = kept[:0]
    order, copies = _interleaved(found, kept, heaviest)
    chosen = kept[order]
    ignored = found.ignored[:, chosen]
    return _Rows(
        found.images[chosen],
        copies,
        found.hits[:, chosen],
        ~ignored if ignored.any() else None,
    )


def _interleaved(found: _Columns, kept: Whole, heaviest: float) -> tuple[Whole, Whole]:
    """The order of the rows once equals of one image are repeated, and the copy each belongs to."""
    scores, images, hits = found.scores[kept], found.images[kept], found.hits[:, kept]
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


def _some(rows: _Rows, weights: Floats, totals: Floats) -> Floats:
    """AP of a few weightings, (r, T)."""
    weight = weights[:, rows.images]
    split = rows.copies >= 0
    if split.any():
        weight[:, split] = (weight[:, split] - rows.copies[split]).clip(0, 1)
    seen = weight.cumsum(axis=1) if rows.counted is None else None
    found = np.empty((len(weights), len(rows.hits)))
    for threshold, hits in enumerate(rows.hits):
        at = np.flatnonzero(hits)
        right = weight[:, at].cumsum(axis=1)
        if rows.counted is None:
            assert seen is not None
            all_there = seen[:, at]
        else:
            all_there = (weight * rows.counted[threshold]).cumsum(axis=1)[:, at]
        found[:, threshold] = _read(right, all_there, totals)
    found[totals == 0] = np.nan
    return found


def _read(right: Floats, seen: Floats, totals: Floats) -> Floats:
    """The mean of the monotone curve at 101 recalls, (r,).

    Args:
        right: Weight of the hits up to each hit, (r, H).
        seen: Weight of the predictions up to each hit, (r, H).
        totals: Weight of the true boxes, (r,).
    """
    precision = right / (seen + np.spacing(1))
    falling = precision[:, ::-1]
    np.maximum.accumulate(falling, axis=1, out=falling)
    recall = right / np.where(totals > 0, totals, 1.0)[:, None]
    reached = RECALLS.searchsorted(recall, side="right")  # how many of the 101, at each hit
    steps = np.diff(reached, axis=1, prepend=0)
    mean: Floats = np.einsum("rh,rh->r", precision, steps) / len(RECALLS)
    return mean
