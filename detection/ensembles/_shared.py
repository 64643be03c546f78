"""Parts that the methods of ensembling share: the boxes of all members in one order."""

from collections.abc import Sequence
from typing import Annotated

import numpy as np
from numpy.typing import NDArray
from pydantic import Field

from fusebench.data.boxes import Boxes, make_boxes

CORNER_DECIMALS, SCORE_DECIMALS = 3, 6  # as detectors save them

IouThreshold = Annotated[float, Field(gt=0, lt=1)]


def join_boxes(predictions: Sequence[Boxes]) -> tuple[Boxes, NDArray[np.int64]]:
    """Join the boxes of all members, in falling score; of equals, the earlier member first.

    Args:
        predictions: Boxes with scores, per member.

    Returns:
        All N boxes, and the index of each one's member, int64 (N,).
    """
    boxes = make_boxes(
        np.concatenate([boxes.corners for boxes in predictions]),
        np.concatenate([boxes.class_ids for boxes in predictions]),
        np.concatenate([boxes.scores for boxes in predictions]),
    )
    members = np.repeat(np.arange(len(predictions)), [len(boxes) for boxes in predictions])
    order = np.argsort(-boxes.scores, kind="stable")
    return boxes.select(order), members[order]


def average_corners(boxes: Boxes) -> NDArray[np.float64]:
    """Average the corners (4,) of boxes, weighted by their scores; equally if all of them are 0."""
    weights = boxes.scores if boxes.scores.any() else None
    corners: NDArray[np.float64] = np.average(boxes.corners, axis=0, weights=weights)
    return corners


def build_boxes(
    corners: Sequence[NDArray[np.float64]], class_ids: Sequence[int], scores: Sequence[float]
) -> Boxes:
    """Build combined boxes in falling score, rounded like those of a detector."""
    order = np.argsort(-np.array(scores, np.float64), kind="stable")
    boxes = make_boxes(
        np.array(corners, np.float64).reshape(-1, 4).round(CORNER_DECIMALS),
        np.array(class_ids, np.int64),
        np.array(scores, np.float64).round(SCORE_DECIMALS),
    )
    return boxes.select(order)
