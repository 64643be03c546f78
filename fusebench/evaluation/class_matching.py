"""The matches of one class over many images (see `fusebench.evaluation.box_matching`): what every metric counts."""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes
from fusebench.evaluation.box_matching import IOU_THRESHOLD, match_boxes


@dataclass(frozen=True, eq=False)
class ThresholdMatches:
    """What became of the boxes of one class over many images.

    Attributes:
        scores: float64 (N,), of all predictions, falling.
        hits: bool (N,), whether each prediction took a true box.
        images: int64 (N,), which image each is in: an index into the sorted keys.
        truths: int64 (I,), true boxes per image.
    """

    scores: NDArray[np.float64]
    true_positives: NDArray[np.bool_]
    image_indices: NDArray[np.int64]
    truth_counts: NDArray[np.int64]


def match_class(
    truth: Mapping[str, Boxes],
    predicted: Mapping[str, Boxes],
    index: int,
    threshold: float = IOU_THRESHOLD,
    most: int | None = None,
) -> ThresholdMatches:
    """The matches of one class over all images of ``truth``.

    Args:
        truth: True boxes by key.
        predicted: Predictions by key; the same keys.
        index: The class.
        threshold: Least overlap.
        most: Boxes per image, surest first; all if None.
    """
    scores, hits, images, truths = [], [], [], []
    for number, key in enumerate(sorted(truth)):
        mine, theirs = _select_class(truth[key], index), _select_class(predicted[key], index)
        theirs = theirs if most is None else select_top_scoring(theirs, most)
        taken = match_boxes(mine, theirs, threshold)
        scores.append(theirs.scores)
        hits.append(taken >= 0)
        images.append(np.full(len(theirs), number, np.int64))
        truths.append(len(mine))
    joined = np.concatenate([*scores, np.zeros(0)])
    order = np.argsort(-joined, kind="stable")
    return ThresholdMatches(
        joined[order],
        np.concatenate([*hits, np.zeros(0, np.bool_)])[order],
        np.concatenate([*images, np.zeros(0, np.int64)])[order],
        np.asarray(truths, np.int64),
    )


def select_top_scoring(predicted: Boxes, most: int) -> Boxes:
    """At most so many predictions of every class of one image, in falling score."""
    order = np.argsort(-predicted.scores, kind="stable")
    classes = predicted.class_ids[order]
    same = classes[:, None] == classes[None, :]
    kept = order[np.tril(same, -1).sum(axis=1) < most]
    return Boxes(predicted.corners[kept], predicted.class_ids[kept], predicted.scores[kept])


def _select_class(boxes: Boxes, index: int) -> Boxes:
    mine = boxes.class_ids == index
    scores = boxes.scores[mine] if len(boxes.scores) else boxes.scores
    return Boxes(boxes.corners[mine], boxes.class_ids[mine], scores)
