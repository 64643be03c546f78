"""True and false positives among the predicted boxes of one image, for drawing, not for scores."""

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes
from fusebench.evaluation import box_matching

MIN_CONFIDENCE = 0.25  # predictions below it are not drawn


def filter_by_confidence(predicted: Boxes) -> Boxes:
    """Select the predictions with a score of at least `MIN_CONFIDENCE`, highest first."""
    order = np.argsort(-predicted.scores, kind="stable")
    confident = order[predicted.scores[order] >= MIN_CONFIDENCE]
    return predicted.select(confident)


def classify_boxes(truth: Boxes, predicted: Boxes) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Classify predictions as true or false positives, and true boxes as detected or missed.

    Args:
        truth: True boxes of the image, none of them ignored.
        predicted: Predicted boxes, none of them on an ignored box.

    Returns:
        bool (P,), whether each prediction is a true positive, and bool (T,), whether each true
        box is detected.
    """
    matched_truth = box_matching.match_boxes(truth, predicted)
    is_true_positive = matched_truth >= 0
    is_detected = np.zeros(len(truth), bool)
    is_detected[matched_truth[is_true_positive]] = True
    return is_true_positive, is_detected
