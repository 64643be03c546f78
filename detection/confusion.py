"""What is taken for what: true and predicted boxes paired whatever their classes.

As is the custom, the pairs of a true and a predicted box that overlap by at least 0.5 are gone
through from the one that overlaps most (of equals, the surer prediction), and taken where both are
still free. (YOLOv5's own matrix asks for 0.45 and lets no box have its second choice.) A predicted
box that is left is background taken for an object, a true one that is left is an object taken for
background. Only predictions of at least one confidence count.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes
from fusebench.evaluation.box_matching import match_any_class, pairwise_iou

BACKGROUND = "background"


def compute_confusion_matrix(
    truth: Mapping[str, Boxes], predicted: Mapping[str, Boxes], number: int, confidence: float
) -> NDArray[np.int64]:
    """Boxes by true and predicted class, int64 (C + 1, C + 1): rows are the truth.

    The last row and column are the background; where they meet is 0.

    Args:
        truth: True boxes by key.
        predicted: Predictions by key; the same keys.
        number: C, how many classes there are.
        confidence: Least score.
    """
    pairs = []
    for key, boxes in truth.items():
        order = np.argsort(-predicted[key].scores, kind="stable")
        sure = order[predicted[key].scores[order] >= confidence]
        classes = predicted[key].class_ids[sure]
        taken = match_any_class(pairwise_iou(predicted[key].corners[sure], boxes.corners))
        hits = taken >= 0
        called = np.full(len(boxes), number, np.int64)
        called[taken[hits]] = classes[hits]
        pairs.append(boxes.class_ids * (number + 1) + called)
        pairs.append(number * (number + 1) + classes[~hits])
    joined = np.concatenate([np.zeros(0, np.int64), *pairs])
    counts = np.bincount(joined, minlength=(number + 1) ** 2)
    return counts.reshape(number + 1, number + 1).astype(np.int64)
