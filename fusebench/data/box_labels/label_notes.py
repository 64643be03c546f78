"""What a reader of scores has to know about the label files of a split, as notes of the split."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

import numpy as np

from fusebench.data.box_labels.relative_boxes import drop_duplicates
from fusebench.data.boxes import Boxes, make_boxes
from fusebench.data.pairs import CAUTION_PREFIX, Split
from fusebench.errors import UserError

# Count in `BoxLabels.counts`, name of its note, and the note's text.
DUPLICATE = "duplicate"
CLIPPED = "clipped"
DELETED = "deleted"
DIFFICULT = "difficult"
UNLABELED = "unlabeled"
LEFT_OUT = "left out"
CROWD = "crowd"
NOTES = {
    DUPLICATE: ("duplicate boxes", "{count} of {boxes} dropped: same class and box as another one"),
    CLIPPED: ("clipped boxes", "{count} of {boxes} reached beyond the edge of the image"),
    DELETED: ("deleted objects", "{count} marked as deleted in the label files, left out"),
    DIFFICULT: (
        f"{CAUTION_PREFIX}difficult objects",
        "{count} of {boxes} boxes are marked as difficult and count as objects, as in COCO's "
        "evaluation; that of Pascal VOC ignores them",
    ),
    CROWD: (
        f"{CAUTION_PREFIX}crowd regions",
        "{count} left out (iscrowd or ignore in the COCO file); a detection in one counts as a "
        "false positive, where COCO's evaluation ignores it",
    ),
    LEFT_OUT: ("boxes of other classes", "{count} left out, as data.boxes.rename says"),
    UNLABELED: ("images without a label file", "{count} of {images}, without objects"),
}


@dataclass(frozen=True)
class BoxLabels:
    """The true boxes of one image and how many of its labels were special.

    Attributes:
        boxes: True boxes, without scores.
        counts: Number of labels per key of `NOTES`; none is 0.
    """

    boxes: Boxes
    counts: Mapping[str, int] = field(default_factory=dict)


UNLABELED_IMAGE = BoxLabels(make_boxes([], []), {UNLABELED: 1})


def build_labels(
    boxes: Boxes, size: tuple[int, int], counts: Mapping[str, int] = MappingProxyType({})
) -> BoxLabels:
    """Build the labels of one image: drops duplicates and counts them.

    Args:
        boxes: True boxes as the label file lists them.
        size: (width, height) of the image, in pixels.
        counts: Number of labels per key of `NOTES`, without duplicates.

    Raises:
        UserError: If an edge is not finite.
    """
    if not np.isfinite(boxes.corners).all():
        raise UserError(f"a true box is not finite: {boxes.corners.tolist()}")
    unique = drop_duplicates(boxes, size)
    if len(unique) < len(boxes):
        counts = {**counts, DUPLICATE: len(boxes) - len(unique)}
    return BoxLabels(unique, {kind: count for kind, count in counts.items() if count})


def build_notes(
    counts: Mapping[str, int], box_count: int, image_count: int
) -> tuple[tuple[str, str], ...]:
    """Build the notes of a split, as (name, text).

    Args:
        counts: Sums of `BoxLabels.counts` over the images.
        box_count: Number of true boxes of the images, without duplicates.
        image_count: Number of images.
    """
    box_count += counts.get(DUPLICATE, 0)
    return tuple(
        (name, text.format(count=counts[kind], boxes=box_count, images=image_count))
        for kind, (name, text) in NOTES.items()
        if counts.get(kind)
    )


def describe_missing_boxes(train: Split | None, test: Split) -> dict[str, str]:
    """Describe classes that a detector is tested on without true boxes to train on.

    Args:
        train: Training images; None if nothing is trained.
        test: Test images.

    Returns:
        Protocol facts, name to text; empty if there is nothing to say.
    """
    tested = test.count_boxes()
    if not any(tested):
        return {f"{CAUTION_PREFIX}true boxes": f"the {len(test.pairs)} tested images have none"}
    if train is None:
        return {}
    counts = zip(test.classes, train.count_boxes(), tested, strict=True)
    untrained = [name for name, in_train, in_test in counts if in_test and not in_train]
    if not untrained:
        return {}
    text = f"{', '.join(untrained)}: tested, but no training image has a true box of them"
    return {f"{CAUTION_PREFIX}classes without training boxes": text}
