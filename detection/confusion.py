"""Confusion matrix of a detector: true and predicted boxes matched regardless of class.

The pairs of a true and a predicted box with an IoU of at least 0.5 are visited in falling IoU (on
ties, the higher score first); a pair is matched if both boxes are still unmatched. (YOLOv5's own
matrix uses an IoU of 0.45, and a box whose best partner is taken stays unmatched.) An unmatched
predicted box is background predicted as an object; an unmatched true box is an object predicted
as background. Predictions below the confidence threshold are ignored. An ignored true box is not
matched, and an unmatched prediction that lies on one counts for nothing, whatever its class.
"""

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes
from fusebench.evaluation.box_matching import (
    lie_on_ignored_boxes,
    match_any_class,
    pairwise_iou,
)

BACKGROUND = "background"


def compute_confusion_matrix(
    truth: Mapping[str, Boxes], predicted: Mapping[str, Boxes], class_count: int, confidence: float
) -> NDArray[np.int64]:
    """Count boxes by true and predicted class.

    Args:
        truth: True boxes by key.
        predicted: Predictions by key; at least the same keys.
        class_count: C, the number of classes.
        confidence: Predictions with a lower score are ignored.

    Returns:
        int64 (C + 1, C + 1), rows are the truth. The last row and column are the background;
        where they meet is 0.
    """
    size = class_count + 1
    indices = [np.zeros(0, np.int64)]  # flat: true class * size + predicted class, one per box
    for key, true_boxes in truth.items():
        # confident predictions in falling score
        order = np.argsort(-predicted[key].scores, kind="stable")
        confident = predicted[key].select(order[predicted[key].scores[order] >= confidence])
        counted = true_boxes.drop_ignored()
        matches = match_any_class(pairwise_iou(confident.corners, counted.corners))
        is_matched = matches >= 0
        # true boxes: the class of their match, or background
        predicted_as = np.full(len(counted), class_count, np.int64)
        predicted_as[matches[is_matched]] = confident.class_ids[is_matched]
        indices.append(counted.class_ids * size + predicted_as)
        # unmatched predictions: background predicted as an object
        is_wrong = ~is_matched & ~lie_on_ignored_boxes(true_boxes, confident, is_class_ignored=True)
        indices.append(class_count * size + confident.class_ids[is_wrong])
    counts = np.bincount(np.concatenate(indices), minlength=size**2)
    return counts.reshape(size, size).astype(np.int64)
