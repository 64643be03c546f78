"""Box labels: counts, files that cannot be read, tiny, huge and duplicated boxes."""

from collections import Counter
from collections.abc import Mapping, Sequence

import numpy as np

from fusebench.data.box_labels import label_notes
from fusebench.data.boxes import Boxes
from fusebench.doctor.checks.box_geometry import report_overlaps, report_sizes
from fusebench.doctor.dataset_files import DatasetFiles, PairFiles
from fusebench.doctor.findings import (
    PICTURE_COUNT,
    Finding,
    Item,
    Picture,
    Section,
    Severity,
    Table,
    format_count,
)

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
        *report_sizes(boxes, sizes, files.classes),
        *report_overlaps(boxes, files.classes),
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
