"""True and predicted boxes of one pair as rows of whole numbers, for the data of the page.

Coordinates are in tenths of a pixel, confidences in millionths. A match does not depend on
predictions with lower scores (`fusebench.evaluation.box_matching`), so that the page can count true
and false positives at any confidence by comparing numbers: nothing is matched again.
"""

import numpy as np
from numpy.typing import NDArray

from fusebench.data.boxes import Boxes
from fusebench.evaluation import box_matching

STEPS_PER_PIXEL = 10
STEPS_OF_CONFIDENCE = 1_000_000
TRUTH_COLUMNS = ("left", "top", "right", "bottom", "class", "is_ignored")
PREDICTION_COLUMNS = ("left", "top", "right", "bottom", "class", "confidence", "match")


def build_truth_rows(truth: Boxes) -> list[int]:
    """Build the values of `TRUTH_COLUMNS`, box after box."""
    columns = (truth.class_ids, truth.ignored.astype(np.int64))
    return _join_columns(truth.corners, *columns)


def build_prediction_rows(truth: Boxes, predicted: Boxes, min_confidence: int) -> list[int]:
    """Build the values of `PREDICTION_COLUMNS`, box after box, highest confidence first.

    Predictions that count for nothing, because they lie on an ignored true box, are left out.

    Args:
        truth: True boxes of the pair.
        predicted: All predictions of one source on it.
        min_confidence: Smallest confidence of the rows, in millionths.

    Returns:
        ``match`` is the index of the true box that the prediction is matched to, -1 for a false
        positive.
    """
    counted = box_matching.drop_predictions_on_ignored_boxes(truth, predicted)
    matches = box_matching.match_boxes(truth, counted)
    confidences = convert_confidences(counted.scores)
    order = np.argsort(-counted.scores, kind="stable")
    order = order[confidences[order] >= min_confidence]
    columns = (counted.class_ids[order], confidences[order], matches[order])
    return _join_columns(counted.corners[order], *columns)


def convert_confidences(scores: NDArray[np.float64]) -> NDArray[np.int64]:
    """Convert scores to the largest number n of millionths with n / 1,000,000 <= score.

    So ``score >= n / 1,000,000`` holds exactly when the converted score is at least n.
    """
    steps = np.floor(scores * STEPS_OF_CONFIDENCE).astype(np.int64)
    steps += ((steps + 1) / STEPS_OF_CONFIDENCE <= scores).astype(np.int64)
    steps -= (steps / STEPS_OF_CONFIDENCE > scores).astype(np.int64)
    return steps


def find_confidence_step(text: str, scores: NDArray[np.float64]) -> int:
    """Find the confidence, in millionths, that a rounded text stands for.

    Args:
        text: A confidence with six digits, ``f"{score:g}"`` of one of the scores, or of 1.
        scores: All scores of the predictions.
    """
    value = float(text)
    near = scores[np.abs(scores - value) <= 1e-5 * max(value, 1e-5)]
    exact = [score for score in near.tolist() if f"{score:g}" == text]
    return int(convert_confidences(np.array([min(exact, default=value)]))[0])


def _join_columns(corners: NDArray[np.float64], *columns: NDArray[np.int64]) -> list[int]:
    tenths = np.rint(corners * STEPS_PER_PIXEL).astype(np.int64)
    rows: list[int] = np.column_stack([tenths, *columns]).ravel().tolist()
    return rows
