"""Tiny and huge boxes, and boxes that overlap almost completely."""

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes
from fusebench.doctor.findings import (
    PICTURE_COUNT,
    Corners,
    Finding,
    Item,
    Picture,
    format_count,
)
from fusebench.evaluation.box_matching import pairwise_iou

MIN_SIDE = 3.0  # pixels; one box of M3FD's 34,407 is smaller
HUGE_SHARE = 0.9  # of the image's area
DUPLICATE_IOU = 0.9  # two annotators of one object agree about as well


def report_sizes(
    boxes: Mapping[str, Boxes], sizes: Mapping[str, tuple[int, int]], classes: Sequence[str]
) -> list[Finding]:
    """Report tiny and huge boxes.

    Args:
        boxes: True boxes per key.
        sizes: (width, height) per key, in pixels.
        classes: Class names in the order of their ids.
    """
    tiny: list[tuple[float, str, int]] = []
    huge: list[tuple[float, str, int]] = []
    for key, each in boxes.items():
        sides = each.corners[:, 2:] - each.corners[:, :2]
        tiny += [
            (float(sides[i].min()), key, i)
            for i in np.flatnonzero(sides.min(axis=1) < MIN_SIDE).tolist()
        ]
        if key in sizes:
            shares = sides.prod(axis=1) / float(np.prod(sizes[key]))
            huge += [
                (-float(shares[i]), key, i) for i in np.flatnonzero(shares > HUGE_SHARE).tolist()
            ]
    total = sum(map(len, boxes.values()))
    findings = []
    for rows, text, advice in (
        (
            tiny,
            f"have a side below {MIN_SIDE:g} px",
            "Slips of the mouse, or objects that nobody can recognize: delete or correct them.",
        ),
        (
            huge,
            f"cover more than {100 * HUGE_SHARE:.0f} % of the image",
            "Was the whole image labeled, instead of an object? Delete or correct them.",
        ),
    ):
        if rows:
            ordered = sorted(rows)
            findings.append(
                Finding(
                    "warning",
                    f"{format_count(len(rows), total, 'boxes')} {text}",
                    advice,
                    tuple(Item(k, _describe_box(boxes[k], i, classes)) for _, k, i in ordered),
                    tuple(
                        _build_picture(k, boxes[k], i, classes)
                        for _, k, i in ordered[:PICTURE_COUNT]
                    ),
                )
            )
    return findings


def find_overlaps(boxes: Boxes) -> Iterator[tuple[int, int, float]]:
    """Yield places of two boxes of one image that overlap almost completely, and their IoU."""
    if len(boxes) < 2:
        return
    overlaps: NDArray[np.float64] = pairwise_iou(boxes.corners, boxes.corners)
    for i, j in zip(*np.nonzero(np.triu(overlaps >= DUPLICATE_IOU, 1)), strict=True):
        yield int(i), int(j), float(overlaps[i, j])


def report_overlaps(boxes: Mapping[str, Boxes], classes: Sequence[str]) -> list[Finding]:
    """Report boxes that overlap almost completely, apart for equal and different classes."""
    same: list[tuple[float, str, int, int]] = []
    other: list[tuple[float, str, int, int]] = []
    for key, each in boxes.items():
        for i, j, overlap in find_overlaps(each):
            is_same = each.class_ids[i] == each.class_ids[j]
            (same if is_same else other).append((-overlap, key, i, j))
    findings = []
    for rows, text, advice in (
        (
            same,
            "of one class overlap almost completely",
            "Probably one object that was labeled twice: a detector that finds it once misses the "
            "second box. Delete one of them.",
        ),
        (
            other,
            "of different classes overlap almost completely",
            "Probably one object with two classes; a rider and the bicycle differ more. Delete the "
            "wrong one.",
        ),
    ):
        if rows:
            ordered = sorted(rows)
            findings.append(
                Finding(
                    "warning",
                    f"{len(rows):,} pair(s) of boxes {text} (IoU {DUPLICATE_IOU:g} or more)",
                    advice,
                    tuple(
                        Item(
                            key,
                            f"{_describe_box(boxes[key], i, classes)} and "
                            f"{_describe_box(boxes[key], j, classes)}: IoU {-negative:.2f}",
                        )
                        for negative, key, i, j in ordered
                    ),
                    tuple(
                        _build_picture(key, boxes[key], i, classes)
                        for _, key, i, _ in ordered[:PICTURE_COUNT]
                    ),
                )
            )
    return findings


def _get_corners(boxes: Boxes, place: int) -> Corners:
    left, top, right, bottom = map(float, boxes.corners[place])
    return left, top, right, bottom


def _describe_box(boxes: Boxes, place: int, classes: Sequence[str]) -> str:
    corners = ", ".join(f"{value:.1f}" for value in _get_corners(boxes, place))
    return f"{classes[boxes.class_ids[place]]} ({corners})"


def _build_picture(key: str, boxes: Boxes, place: int, classes: Sequence[str]) -> Picture:
    caption = f"{key}: {_describe_box(boxes, place, classes)}"
    return Picture("box", key, caption, box=_get_corners(boxes, place))
