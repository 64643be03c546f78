"""Which predicted boxes of one image are hits: enough to draw them, not to score them."""

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes
from fusebench.evaluation import box_matching

MIN_CONFIDENCE = 0.25  # predictions below it are not drawn


def filter_by_confidence(predicted: Boxes) -> Boxes:
    """The predictions with a score of at least `MIN_CONFIDENCE`, best first."""
    order = np.argsort(-predicted.scores, kind="stable")
    kept = order[predicted.scores[order] >= MIN_CONFIDENCE]
    return Boxes(predicted.corners[kept], predicted.class_ids[kept], predicted.scores[kept])


def classify_boxes(truth: Boxes, predicted: Boxes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell hits from false positives, and found objects from missed ones.

    Args:
        truth: True boxes.
        predicted: Predictions.

    Returns:
        For every prediction whether it is a hit; for every true box whether it was found.
    """
    taken = box_matching.match_boxes(truth, predicted)
    hit = taken >= 0
    found = np.zeros(len(truth), bool)
    found[taken[hit]] = True
    return hit, found
