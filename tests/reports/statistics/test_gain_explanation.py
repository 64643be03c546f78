"""Explanations of a gain: what is found where it is, and what is not claimed."""

import numpy as np
import pytest

from reports.statistics import gain_explanation
from reports.statistics.gain_explanation import adjust_explanations, explain_gain

UNITS = np.repeat(np.arange(20), 6)


def make_step(rng, noise=0.1, below=0.3, above=0.0):
    """An attribute from 0 to 100; the gain is ``below`` up to 40, ``above`` from there on."""
    attribute = rng.uniform(0, 100, len(UNITS))
    gain = np.where(attribute <= 40, below, above) + rng.normal(0, noise, len(UNITS))
    return attribute, gain


def test_a_step_is_found_with_its_threshold_and_its_gain():
    attribute, gain = make_step(np.random.default_rng(0))
    (explanation,) = adjust_explanations([explain_gain(attribute, gain, UNITS)])
    assert explanation.is_shown
    assert explanation.is_gain_shown
    assert explanation.is_gain_below
    assert explanation.correlation.rho < -0.5
    assert explanation.threshold == pytest.approx(40, abs=6)
    assert explanation.selected_gain.mean == pytest.approx(0.3, abs=0.05)
    assert 0.4 < explanation.predicted_share < 0.9


def test_a_smaller_loss_is_no_gain():
    attribute, gain = make_step(np.random.default_rng(1), below=-0.1, above=-0.4)
    (explanation,) = adjust_explanations([explain_gain(attribute, gain, UNITS)])
    assert explanation.is_shown
    assert not explanation.is_gain_shown


def test_a_correlation_of_one_sequence_alone_does_not_hold_on_others():
    rng = np.random.default_rng(2)
    attribute, gain = rng.uniform(0, 1, (2, len(UNITS)))
    attribute[UNITS == 0], gain[UNITS == 0] = 5, 50
    (explanation,) = adjust_explanations([explain_gain(attribute, gain, UNITS)])
    assert explanation.predicted_share < 0
    assert not explanation.is_shown


def test_images_without_attribute_or_gain_are_left_out():
    attribute, gain = make_step(np.random.default_rng(3))
    attribute[:10], gain[10:15] = np.nan, np.nan
    assert explain_gain(attribute, gain, UNITS).correlation.image_count == len(UNITS) - 15
    attribute[19:] = np.nan
    assert explain_gain(attribute, gain, UNITS) is None


def test_a_constant_gain_is_not_explained():
    attribute, _ = make_step(np.random.default_rng(4))
    assert explain_gain(attribute, np.zeros(len(UNITS)), UNITS) is None
    assert adjust_explanations([None]) == [None]


def test_with_few_sequences_nothing_is_shown():
    attribute, gain = make_step(np.random.default_rng(5))
    explanation = explain_gain(attribute, gain, UNITS % 4)
    assert explanation.correlation.low is None
    assert not explanation.is_shown
    assert explanation.selected_gain is None


def test_findings_are_adjusted_for_all_of_the_table():
    attribute, gain = make_step(np.random.default_rng(6), noise=0.8)
    single = adjust_explanations([explain_gain(attribute, gain, UNITS)])[0]
    rng = np.random.default_rng(7)
    others = [explain_gain(rng.uniform(size=len(UNITS)), gain, UNITS) for _ in range(30)]
    among = adjust_explanations([explain_gain(attribute, gain, UNITS), *others])[0]
    assert among.adjusted_p_value > 5 * single.adjusted_p_value


def test_the_threshold_is_a_quantile_of_the_attribute():
    x = np.arange(100.0)
    threshold, is_below = gain_explanation.find_threshold(x, (x > 59.5).astype(float))
    assert threshold == pytest.approx(59.4)
    assert not is_below
