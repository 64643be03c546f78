"""Calibration of the statistics of attributes: correlations with a known rho, and A/A tables.

Variables are normal, with a part that is common to a sequence. Of two variables with the
correlation r, Spearman's rho is 6 / pi asin(r / 2) (Pearson, 1907).
"""

import math
from dataclasses import dataclass

import numpy as np

from reports.statistics import clustered_correlation, clustered_mean, gain_explanation
from reports.statistics.calibration_trials import SIGNIFICANCE_LEVEL, IntArray, TrialOutcome
from reports.statistics.clustered_correlation import FloatArray

ATTRIBUTE_COUNT = 9
SOURCE_COUNT = 3
SCORE_STEP = 0.5  # scores per image have few values, so that many are equal


@dataclass(frozen=True)
class AttributeModel:
    """Images in sequences.

    Attributes:
        sequence_sizes: Images per sequence.
        attribute_share: Share of an attribute's variance that is between sequences.
        gain_share: The same of a gain.
        correlation: Of attribute and gain, within and between sequences.
    """

    sequence_sizes: IntArray
    attribute_share: float = 0.7
    gain_share: float = 0.3
    correlation: float = 0.0


def run_correlation_trial(model: AttributeModel, rng: np.random.Generator) -> TrialOutcome | None:
    """Estimate the rank correlation of an attribute and a gain.

    Returns:
        A false finding is a correlation that is shown where there is none. None without an
        interval.
    """
    units = np.repeat(np.arange(len(model.sequence_sizes)), model.sequence_sizes)
    weight = math.sqrt(1 - model.correlation**2)

    def draw_pair(count: int) -> tuple[FloatArray, FloatArray]:
        first, other = rng.standard_normal((2, count))
        return first, model.correlation * first + weight * other

    between, within = draw_pair(len(model.sequence_sizes)), draw_pair(len(units))
    shares = (model.attribute_share, model.gain_share)
    attribute, gain = (
        math.sqrt(share) * of_sequence[units] + math.sqrt(1 - share) * of_image
        for share, of_sequence, of_image in zip(shares, between, within, strict=True)
    )
    total = model.correlation * (
        math.sqrt(math.prod(shares)) + math.sqrt(math.prod(1 - share for share in shares))
    )
    truth = 6 / math.pi * math.asin(total / 2)
    estimate = clustered_correlation.estimate_correlation(attribute, gain, units)
    if estimate is None or estimate.p_value is None:
        return None
    assert estimate.low is not None
    assert estimate.high is not None
    is_false = model.correlation == 0 and estimate.p_value < SIGNIFICANCE_LEVEL
    return TrialOutcome(is_false, estimate.low <= truth <= estimate.high)


def run_mean_trial(model: AttributeModel, rng: np.random.Generator) -> TrialOutcome:
    """Estimate a mean over images, whose true value is 0."""
    units = np.repeat(np.arange(len(model.sequence_sizes)), model.sequence_sizes)
    estimate = clustered_mean.estimate_mean(_draw_gain(model, units, rng), units)
    assert estimate is not None
    assert estimate.low is not None
    assert estimate.high is not None
    is_covered = estimate.low <= 0 <= estimate.high
    return TrialOutcome(not is_covered, is_covered)


def run_table_trial(model: AttributeModel, rng: np.random.Generator) -> TrialOutcome:
    """Explain the gains of several sources by attributes that have nothing to do with them.

    The attributes depend on each other, and so do the gains, which share the sensor's errors.

    Returns:
        A false finding is any explanation of the table that is shown.
    """
    units = np.repeat(np.arange(len(model.sequence_sizes)), model.sequence_sizes)
    mixing = rng.standard_normal((ATTRIBUTE_COUNT, ATTRIBUTE_COUNT))
    share = math.sqrt(model.attribute_share), math.sqrt(1 - model.attribute_share)
    of_sequence = rng.standard_normal((len(model.sequence_sizes), ATTRIBUTE_COUNT)) @ mixing
    of_image = rng.standard_normal((len(units), ATTRIBUTE_COUNT)) @ mixing
    attributes = share[0] * of_sequence[units] + share[1] * of_image
    sensor = _draw_gain(model, units, rng)
    explanations = []
    for _ in range(SOURCE_COUNT):
        gain = _draw_gain(model, units, rng) - sensor
        gain = np.round(gain / SCORE_STEP) * SCORE_STEP
        explanations += [
            gain_explanation.explain_gain(attribute, gain, units) for attribute in attributes.T
        ]
    adjusted = gain_explanation.adjust_explanations(explanations)
    return TrialOutcome(any(each is not None and each.is_shown for each in adjusted))


def _draw_gain(model: AttributeModel, units: IntArray, rng: np.random.Generator) -> FloatArray:
    of_sequence = rng.standard_normal(len(model.sequence_sizes))[units]
    of_image = rng.standard_normal(len(units))
    gain: FloatArray = (
        math.sqrt(model.gain_share) * of_sequence + math.sqrt(1 - model.gain_share) * of_image
    )
    return gain
