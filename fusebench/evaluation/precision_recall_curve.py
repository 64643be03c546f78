"""The precision-recall curve of one class as COCO reads it: made monotone, at 101 recalls.

    P(i) = hits among the surest i / i      R(i) = hits among the surest i / true boxes
    p(r) = max of P(i) with R(i) >= r, or 0     AP   = mean of p(r) over r = 0, .01, ..., 1

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
        kept: int64 (K,), for each of the K recalls that are reached, first ones first, how many of
            the surest predictions reach it.
    """

    precision: NDArray[np.float64]
    prediction_counts: NDArray[np.int64]

    @property
    def average_precision(self) -> float:
        """Average precision."""
        return float(self.precision.mean())


def compute_curve(hits: NDArray[np.bool_], truths: int) -> InterpolatedCurve:
    """The curve of predictions in falling score.

    Args:
        hits: bool (N,), whether each took a true box.
        truths: True boxes, at least one.

    Raises:
        ValueError: If there is no true box: the recall is undefined.
    """
    if truths < 1:
        raise ValueError(f"the recall of {truths} true boxes is undefined")
    right = hits.cumsum()
    precision = right / np.arange(1, len(hits) + 1)
    monotone = np.maximum.accumulate(precision[::-1])[::-1]
    at = np.searchsorted(right / truths, RECALLS)
    at = at[at < len(hits)]
    found = np.zeros(len(RECALLS))
    found[: len(at)] = monotone[at]
    return InterpolatedCurve(found, at.astype(np.int64) + 1)
