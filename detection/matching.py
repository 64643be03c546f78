"""Which predicted box is which true box: the rule that every metric here counts by.

COCO's: per image and class, predictions in falling score; each takes the free true box that it
overlaps most, if the overlap (intersection over union) reaches the threshold. What a prediction
gets does not depend on the less sure ones after it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.boxes import Boxes

THRESHOLD = 0.5


@dataclass(frozen=True, eq=False)
class Matches:
    """What became of the boxes of one class over many images.

    Attributes:
        scores: float64 (N,), of all predictions, falling.
        hits: bool (N,), whether each prediction took a true box.
        images: int64 (N,), which image each is in: an index into the sorted keys.
        truths: int64 (I,), true boxes per image.
    """

    scores: NDArray[np.float64]
    hits: NDArray[np.bool_]
    images: NDArray[np.int64]
    truths: NDArray[np.int64]


def overlaps(left: NDArray[np.float64], right: NDArray[np.float64]) -> NDArray[np.float64]:
    """Intersection over union of every box of ``left`` (N, 4) with every one of ``right`` (M, 4).

    Returns:
        float64 (N, M), 0 to 1.
    """
    near = np.maximum(left[:, None, :2], right[None, :, :2])
    far = np.minimum(left[:, None, 2:], right[None, :, 2:])
    both = (far - near).clip(min=0).prod(axis=2)
    areas = [(boxes[:, 2:] - boxes[:, :2]).prod(axis=1) for boxes in (left, right)]
    shares: NDArray[np.float64] = both / (areas[0][:, None] + areas[1][None, :] - both)
    return shares


def match(truth: Boxes, predicted: Boxes, threshold: float = THRESHOLD) -> NDArray[np.int64]:
    """The index of the true box that each prediction takes, or -1; classes must agree.

    Args:
        truth: True boxes of one image.
        predicted: Predictions for it, with scores.
        threshold: Least overlap.
    """
    taken = np.full(len(predicted), -1, np.int64)
    shares = overlaps(predicted.corners, truth.corners)
    shares[predicted.classes[:, None] != truth.classes[None, :]] = -1.0
    for i in np.argsort(-predicted.scores, kind="stable"):
        if not len(truth):
            break
        best = int(shares[i].argmax())
        if shares[i, best] >= threshold:
            taken[i] = best
            shares[:, best] = -1.0
    return taken


def of_class(
    truth: Mapping[str, Boxes],
    predicted: Mapping[str, Boxes],
    index: int,
    threshold: float = THRESHOLD,
) -> Matches:
    """The matches of one class over all images of ``truth``.

    Args:
        truth: True boxes by key.
        predicted: Predictions by key; the same keys.
        index: The class.
        threshold: Least overlap.
    """
    scores, hits, images, truths = [], [], [], []
    for number, key in enumerate(sorted(truth)):
        mine, theirs = _only(truth[key], index), _only(predicted[key], index)
        taken = match(mine, theirs, threshold)
        scores.append(theirs.scores)
        hits.append(taken >= 0)
        images.append(np.full(len(theirs), number, np.int64))
        truths.append(len(mine))
    joined = np.concatenate([*scores, np.zeros(0)])
    order = np.argsort(-joined, kind="stable")
    return Matches(
        joined[order],
        np.concatenate([*hits, np.zeros(0, np.bool_)])[order],
        np.concatenate([*images, np.zeros(0, np.int64)])[order],
        np.asarray(truths, np.int64),
    )


def _only(boxes: Boxes, index: int) -> Boxes:
    mine = boxes.classes == index
    scores = boxes.scores[mine] if len(boxes.scores) else boxes.scores
    return Boxes(boxes.corners[mine], boxes.classes[mine], scores)
