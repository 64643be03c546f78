"""Does an attribute of the images explain the gain of fusion? Correlation, check, and threshold.

The correlation of attribute and gain is tested over sequences (`clustered_correlation`). Because
attributes differ between few sequences, it is checked on others: the sequences are divided into
folds, and the gain of each fold is predicted from the others by a line over the ranks of the
attribute. The share of the variance that is predicted,

    R2 = 1 - sum (gain - prediction)^2 / sum (gain - mean of the other folds)^2

is above 0 if the attribute helps on sequences that it was not fitted to. In the same folds, the
threshold that divides the gains best is found on the other sequences; the mean gain of the images
on its better side, each with the threshold of the others, says whether there is a gain at all.
"""

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from reports.statistics import clustered_correlation, clustered_mean, false_discovery
from reports.statistics.clustered_correlation import CorrelationEstimate
from reports.statistics.clustered_mean import MeanEstimate
from reports.statistics.confidence_intervals import CONFIDENCE_LEVEL

FOLDS = 10
MIN_IMAGES = 20
THRESHOLD_QUANTILES = tuple(np.linspace(0.1, 0.9, 17))
SIGNIFICANCE_LEVEL = 1 - CONFIDENCE_LEVEL

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]


@dataclass(frozen=True)
class Explanation:
    """How far an attribute explains a gain.

    Attributes:
        correlation: Rank correlation of attribute and gain.
        predicted_share: R2 on sequences that were not used; None without folds.
        threshold: Value of the attribute that divides the gains best.
        is_gain_below: Whether the gain is larger below the threshold.
        selected_gain: Mean gain on the better side of the thresholds of other sequences; None
            without folds.
        adjusted_p_value: Of the correlation, for all findings of the table; None without a test.
    """

    correlation: CorrelationEstimate
    predicted_share: float | None = None
    threshold: float = 0.0
    is_gain_below: bool = False
    selected_gain: MeanEstimate | None = None
    adjusted_p_value: float | None = None

    @property
    def is_shown(self) -> bool:
        """Whether a correlation is shown, and confirmed on other sequences."""
        return (
            self.adjusted_p_value is not None
            and self.adjusted_p_value < SIGNIFICANCE_LEVEL
            and self.predicted_share is not None
            and self.predicted_share > 0
        )

    @property
    def is_gain_shown(self) -> bool:
        """Whether a gain on one side of the threshold is shown too."""
        low = self.selected_gain.low if self.selected_gain else None
        return self.is_shown and low is not None and low > 0


def explain_gain(attribute: FloatArray, gain: FloatArray, units: IntArray) -> Explanation | None:
    """Explain a gain by one attribute, without adjustment for other attributes.

    Args:
        attribute: float64 (I,), NaN where undefined; such images are left out.
        gain: float64 (I,), likewise.
        units: int64 (I,), sequence of each image.

    Returns:
        None with fewer than `MIN_IMAGES` images, and if the attribute or the gain is constant.
    """
    is_defined = np.isfinite(attribute) & np.isfinite(gain)
    x, y, units = attribute[is_defined], gain[is_defined], units[is_defined]
    if len(x) < MIN_IMAGES:
        return None
    correlation = clustered_correlation.estimate_correlation(x, y, units)
    if correlation is None:
        return None
    if correlation.p_value is None:
        return Explanation(correlation)
    share, selected = _validate(x, y, units)
    threshold, is_below = find_threshold(x, y)
    selected_gain = clustered_mean.estimate_mean(y[selected], units[selected])
    return Explanation(correlation, share, threshold, is_below, selected_gain)


def adjust_explanations(explanations: list[Explanation | None]) -> list[Explanation | None]:
    """Adjust the p-values of all explanations of a table for the false discovery rate."""
    tested = [
        (i, each.correlation.p_value)
        for i, each in enumerate(explanations)
        if each is not None and each.correlation.p_value is not None
    ]
    adjusted = false_discovery.adjust_p_values([p_value for _, p_value in tested])
    result = list(explanations)
    for (i, _), p_value in zip(tested, adjusted, strict=True):
        each = result[i]
        assert each is not None  # only explanations are tested
        result[i] = replace(each, adjusted_p_value=p_value)
    return result


def find_threshold(x: FloatArray, y: FloatArray) -> tuple[float, bool]:
    """Find the threshold of x that divides y best: the largest variance between both sides.

    Returns:
        The threshold, one of the quantiles `THRESHOLD_QUANTILES`, and whether y is larger below it.
    """
    best, threshold, is_below = -1.0, float(np.median(x)), False
    for value in np.quantile(x, THRESHOLD_QUANTILES):
        below = x <= value
        count = int(below.sum())
        if count in (0, len(x)):
            continue
        difference = float(y[below].mean() - y[~below].mean())
        between = difference**2 * count * (len(x) - count)
        if between > best:
            best, threshold, is_below = between, float(value), difference > 0
    return threshold, is_below


def _validate(x: FloatArray, y: FloatArray, units: IntArray) -> tuple[float, NDArray[np.bool_]]:
    """Predict the gain of each fold from the others; return R2 and which images are selected."""
    _, units = np.unique(units, return_inverse=True)
    folds = units % FOLDS
    errors, deviations = np.zeros(len(x)), np.zeros(len(x))
    selected = np.zeros(len(x), np.bool_)
    for fold in np.unique(folds):
        test = folds == fold
        train = ~test
        ordered = np.sort(x[train])
        ranks, test_ranks = (
            (np.searchsorted(ordered, values, "left") + np.searchsorted(ordered, values, "right"))
            for values in (x[train], x[test])
        )
        mean = y[train].mean()
        centered = ranks - ranks.mean()
        norm = float(centered @ centered)
        slope = float(centered @ y[train]) / norm if norm > 0 else 0.0
        errors[test] = y[test] - mean - slope * (test_ranks - ranks.mean())
        deviations[test] = y[test] - mean
        threshold, is_below = find_threshold(x[train], y[train])
        selected[test] = (x[test] <= threshold) == is_below
    total = float(deviations @ deviations)
    share = 1 - float(errors @ errors) / total if total > 0 else 0.0
    return share, selected
