"""Box labels: counts, files that cannot be read, tiny, huge and duplicated boxes."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from fusebench.data.box_labels import label_notes
from fusebench.data.boxes import Boxes
from fusebench.doctor.dataset_files import DatasetFiles, PairFiles
from fusebench.doctor.findings import (
    PICTURE_COUNT,
    Corners,
    Finding,
    Item,
    Picture,
    Section,
    Severity,
    Table,
    format_count,
)
from fusebench.evaluation.box_matching import pairwise_iou

MIN_SIDE = 3.0  # pixels; one box of M3FD's 34,407 is smaller
HUGE_SHARE = 0.9  # of the image's area
DUPLICATE_IOU = 0.9  # two annotators of one object agree about as well
SMALL_AREA = 32**2  # COCO's limit of small objects, pixels
MEDIUM_AREA = 96**2  # and of medium ones
SPECIAL_LABELS: Mapping[str, tuple[Severity, str, str]] = {
    label_notes.DUPLICATE: (
        "warning",
        "boxes are given twice, with the same class and corners",
        "One of each is used. Delete the others: programs that count both report more objects.",
    ),
    label_notes.CLIPPED: (
        "note",
        "boxes reach beyond the edge of the image, by at most 1 % or 1 px",
        "They are cut at the edge. Many boxes: were they made for another image size?",
    ),
    label_notes.DELETED: ("note", "objects are marked as deleted", "They are left out."),
    label_notes.DIFFICULT: (
        "note",
        "objects are marked as difficult",
        "Programs differ in whether they count them; compare with published numbers in mind.",
    ),
    label_notes.UNLABELED: (
        "note",
        "images have no label file",
        "They count as images without objects. Make sure that no label file is missing.",
    ),
}


def check_box_labels(files: DatasetFiles, sizes: Mapping[str, tuple[int, int]]) -> Section:
    """Find box labels that are wrong or unusual.

    Args:
        files: The data set.
        sizes: (width, height) per key, in pixels; unreadable images are left out.
    """
    labeled = {pair.key: pair for pair in files.pairs if pair.boxes is not None}
    boxes = {key: pair.boxes for key, pair in labeled.items() if pair.boxes is not None}
    findings = [
        *_report_unreadable(files),
        *_report_special_labels(labeled),
        *_report_sizes(boxes, sizes, files.classes),
        *_report_overlaps(boxes, files.classes),
        *_report_empty(boxes),
        *_report_unused_classes(boxes, files.classes),
    ]
    return Section(
        "box_labels",
        "Box labels",
        "Boxes as the programs read them. A label file with one box that they refuse (outside the "
        "image, without area, of an unknown class) counts as not readable.",
        tuple(findings),
        _build_tables(files, boxes) if boxes else (),
    )


def _report_unreadable(files: DatasetFiles) -> list[Finding]:
    items = tuple(Item(pair.key, pair.label_fault) for pair in files.pairs if pair.label_fault)
    if not items:
        return []
    return [
        Finding(
            "error",
            f"{format_count(len(items), len(files.pairs), 'label files')} cannot be read",
            "The programs stop at the first of them. Correct the files as their messages say.",
            items,
        )
    ]


def _report_special_labels(labeled: Mapping[str, PairFiles]) -> list[Finding]:
    findings = []
    for kind, (severity, text, advice) in SPECIAL_LABELS.items():
        counts = {key: pair.label_counts.get(kind, 0) for key, pair in labeled.items()}
        items = [Item(key, str(count)) for key, count in counts.items() if count]
        if items:
            title = f"{sum(counts.values()):,} {text} (in {len(items):,} images)"
            findings.append(Finding(severity, title, advice, tuple(items)))
    return findings


def _report_sizes(
    boxes: Mapping[str, Boxes], sizes: Mapping[str, tuple[int, int]], classes: Sequence[str]
) -> list[Finding]:
    tiny: list[tuple[float, str, int]] = []
    huge: list[tuple[float, str, int]] = []
    for key, each in boxes.items():
        sides = each.corners[:, 2:] - each.corners[:, :2]
        tiny += [(float(sides[i].min()), key, i) for i in np.flatnonzero(sides.min(1) < MIN_SIDE)]
        if key in sizes:
            shares = sides.prod(axis=1) / float(np.prod(sizes[key]))
            huge += [(-float(shares[i]), key, i) for i in np.flatnonzero(shares > HUGE_SHARE)]
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


def _report_overlaps(boxes: Mapping[str, Boxes], classes: Sequence[str]) -> list[Finding]:
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


def _report_empty(boxes: Mapping[str, Boxes]) -> list[Finding]:
    empty = [key for key, each in boxes.items() if not len(each)]
    if not empty:
        return []
    is_all = len(empty) == len(boxes)
    return [
        Finding(
            "error" if is_all else "note",
            f"{format_count(len(empty), len(boxes), 'images')} have no box",
            "Were the labels lost?"
            if is_all
            else "They lower the precision of a detector that sees something there. Make sure that "
            "they have no objects, and were not left out by the annotators.",
            tuple(Item(key) for key in empty),
            tuple(Picture("pair", key, key) for key in empty[:PICTURE_COUNT]),
        )
    ]


def _report_unused_classes(boxes: Mapping[str, Boxes], classes: Sequence[str]) -> list[Finding]:
    if not boxes:
        return []
    ids = {int(i) for each in boxes.values() for i in each.class_ids}
    unused = [name for i, name in enumerate(classes) if i not in ids]
    if not unused or not ids:
        return []
    return [
        Finding(
            "warning",
            f"{len(unused)} classes have no box: {', '.join(unused)}",
            "Their scores are undefined. Is the class order right, and are all label files here?",
        )
    ]


def _get_corners(boxes: Boxes, place: int) -> Corners:
    left, top, right, bottom = map(float, boxes.corners[place])
    return left, top, right, bottom


def _describe_box(boxes: Boxes, place: int, classes: Sequence[str]) -> str:
    corners = ", ".join(f"{value:.1f}" for value in _get_corners(boxes, place))
    return f"{classes[boxes.class_ids[place]]} ({corners})"


def _build_picture(key: str, boxes: Boxes, place: int, classes: Sequence[str]) -> Picture:
    caption = f"{key}: {_describe_box(boxes, place, classes)}"
    return Picture("box", key, caption, box=_get_corners(boxes, place))


def _build_tables(files: DatasetFiles, boxes: Mapping[str, Boxes]) -> tuple[Table, ...]:
    ids = np.concatenate([np.zeros(0, np.int64), *(each.class_ids for each in boxes.values())])
    corners = np.concatenate([np.zeros((0, 4)), *(each.corners for each in boxes.values())])
    areas = (corners[:, 2:] - corners[:, :2]).prod(axis=1)
    images = Counter(int(i) for each in boxes.values() for i in np.unique(each.class_ids))
    parts = {pair.key: pair.part for pair in files.pairs}
    by_part = {
        part: Counter(
            int(i) for key, each in boxes.items() if parts[key] == part for i in each.class_ids
        )
        for part in ("train", "test")
    }
    rows = []
    for i, name in enumerate(files.classes):
        own = areas[ids == i]
        shares = [
            f"{100 * is_in.mean():.0f} %" if own.size else ""
            for is_in in (
                own < SMALL_AREA,
                (own >= SMALL_AREA) & (own < MEDIUM_AREA),
                own >= MEDIUM_AREA,
            )
        ]
        median = f"{np.sqrt(np.median(own)):.0f}" if own.size else ""
        counts = [f"{by_part[part][i]:,}" for part in ("train", "test")]
        rows.append((name, f"{own.size:,}", *counts, f"{images[i]:,}", median, *shares))
    headers = (
        "class",
        "boxes",
        "train",
        "test",
        "images",
        "median side",
        "small",
        "medium",
        "large",
    )
    return (Table("Boxes (sides in pixels; sizes as in COCO)", headers, tuple(rows)),)
