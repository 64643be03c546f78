"""The precision-recall curve of one class as COCO reads it: made monotone, at 101 recalls.

    P(i) = TP among the first i / i      R(i) = TP among the first i / true boxes
    p(r) = max of P(i) with R(i) >= r, or 0, for r = 0, .01, ..., 1

Its mean is AP, which `fusebench.evaluation.average_precision` computes.

Source: Lin et al., "Microsoft COCO: common objects in context", ECCV 2014, and its evaluation code.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

RECALLS = np.linspace(0.0, 1.0, 101)


@dataclass(frozen=True, eq=False)
class InterpolatedCurve:
    """A curve at `RECALLS`.

    Attributes:
        precision: float64 (101,), falling; 0 at recalls that are not reached.
        prediction_counts: int64 (K,), for each of the K recalls that are reached, the lowest
            first: how many predictions with the highest scores reach it.
    """

    precision: NDArray[np.float64]
    prediction_counts: NDArray[np.int64]


def compute_curve(true_positives: NDArray[np.bool_], truth_count: int) -> InterpolatedCurve:
    """Compute the curve of predictions in falling score.

    Args:
        true_positives: bool (N,).
        truth_count: Number of true boxes, at least one.

    Raises:
        ValueError: If there is no true box: the recall is undefined.
    """
    if truth_count < 1:
        raise ValueError(f"the recall of {truth_count} true boxes is undefined")
    correct = true_positives.cumsum()
    precision = correct / np.arange(1, len(true_positives) + 1)
    monotone = np.maximum.accumulate(precision[::-1])[::-1]
    # the first prediction that reaches each recall
    positions = np.searchsorted(correct / truth_count, RECALLS)
    positions = positions[positions < len(true_positives)]
    interpolated = np.zeros(len(RECALLS))
    interpolated[: len(positions)] = monotone[positions]
    return InterpolatedCurve(interpolated, positions.astype(np.int64) + 1)
