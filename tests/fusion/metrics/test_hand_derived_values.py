"""Every variant of every fusion metric against values derived by hand."""

import numpy as np
import pytest

from fusebench import plugins
from fusion.scoring.cache import direct_evaluator
from fusion.scoring.listing import load_variants
from fusion.scoring.metric import load_metrics
from tests.helpers.fusion import expected_faults
from tests.helpers.fusion.expected_metrics import (
    BARS,
    BARS_SHIFTED_IMAGE,
    CONSTANT,
    FINE,
    FLAT,
    IDENTICAL,
    RAMP,
    ValueRange,
)
from tests.helpers.fusion.expected_metrics_negative import (
    COPY,
    COPY_BESIDE_FLAT,
    LOST_BARS,
    NEGATIVE,
    NEGATIVE_FINE,
)
from tests.helpers.fusion.expected_metrics_shifted import BARS_SHIFTED, NOISE, NOISE_SIDE, SHIFTED
from tests.helpers.fusion.naive_metrics import NAIVE_METRICS

BUILT_IN = {  # by name: a metric that a user adds needs no expected values here
    metric.name
    for name in NAIVE_METRICS
    for metric in load_variants(plugins.load_fusion_metric(name))
}
NOISE_IMAGES = np.random.default_rng(0).integers(
    0, 256, (3, NOISE_SIDE, NOISE_SIDE), dtype=np.uint8
)
CASES = {
    "identical": [((BARS, BARS, BARS), IDENTICAL | expected_faults.PERFECT)],
    "constant": [((FLAT, FLAT, FLAT), CONSTANT | expected_faults.CONSTANT)],
    "lost": [((BARS, BARS, FLAT), LOST_BARS | expected_faults.LOST)],
    "copied": [
        ((BARS, 255 - BARS, BARS), COPY | expected_faults.PERFECT),
        ((BARS, FLAT, BARS), COPY_BESIDE_FLAT | expected_faults.COPY_BESIDE_FLAT),
    ],
    "inverted": [
        ((BARS, BARS, 255 - BARS), NEGATIVE | expected_faults.INVERTED),
        ((FINE, FINE, 255 - FINE), NEGATIVE_FINE),
    ],
    "shifted": [
        ((RAMP, RAMP, RAMP + 1), SHIFTED | expected_faults.PERFECT),
        ((BARS, BARS, BARS_SHIFTED_IMAGE), BARS_SHIFTED),
    ],
    "noise": [(tuple(NOISE_IMAGES), NOISE | expected_faults.NOISE)],
}
EXPECTED_VALUES = [
    pytest.param(images, name, expected, id=f"{case}-{number}-{name}")
    for case, parts in CASES.items()
    for number, (images, values) in enumerate(parts)
    for name, expected in values.items()
]


@pytest.mark.parametrize("case", CASES)
def test_every_variant_of_a_built_in_metric_has_an_expected_value(case):
    assert set().union(*(values for _, values in CASES[case])) == BUILT_IN


@pytest.mark.parametrize(("images", "name", "expected"), EXPECTED_VALUES)
def test_value_equals_the_one_derived_by_hand(images, name, expected):
    (metric,) = load_metrics({name: {}})
    value = metric.measure(images[:2], images[2], direct_evaluator)
    if expected is not None and not isinstance(expected, ValueRange):
        expected = pytest.approx(expected, rel=1e-6, abs=1e-9)
    assert value == expected


@pytest.mark.parametrize("name", ["phase_congruency.liu", "phase_congruency.kovesi"])
def test_inverted_image_has_the_same_features(name):
    (metric,) = load_metrics({name: {}})
    expected = metric.measure((BARS, BARS), BARS, direct_evaluator)
    assert metric.measure((BARS, BARS), 255 - BARS, direct_evaluator) == pytest.approx(
        expected, rel=1e-9
    )
    assert metric.measure((BARS, 255 - BARS), BARS, direct_evaluator) == pytest.approx(
        expected, rel=1e-9
    )
