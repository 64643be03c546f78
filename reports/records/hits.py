"""Which predicted boxes of one image are hits: enough to draw them, not to score them."""

import numpy as np
from numpy.typing import NDArray

from bench import matching
from bench.boxes import Boxes

CONFIDENCE = 0.25  # predictions below it are not drawn


def confident(predicted: Boxes) -> Boxes:
    """The predictions with a score of at least `CONFIDENCE`, best first."""
    order = np.argsort(-predicted.scores, kind="stable")
    kept = order[predicted.scores[order] >= CONFIDENCE]
    return Boxes(predicted.corners[kept], predicted.classes[kept], predicted.scores[kept])


def match(truth: Boxes, predicted: Boxes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Tell hits from false positives, and found objects from missed ones.

    Args:
        truth: True boxes.
        predicted: Predictions.

    Returns:
        For every prediction whether it is a hit; for every true box whether it was found.
    """
    taken = matching.match(truth, predicted)
    hit = taken >= 0
    found = np.zeros(len(truth), bool)
    found[taken[hit]] = True
    return hit, found
