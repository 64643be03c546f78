"""Every variant of every fusion metric against values that were derived by hand, case by case."""

import numpy as np
import pytest

from fusebench import plugins
from fusion.scoring.cache import direct_evaluator
from fusion.scoring.listing import load_variants
from fusion.scoring.metric import load_metrics
from tests.helpers.expected_metrics import (
    BARS,
    BARS_SHIFTED_IMAGE,
    CONSTANT,
    FINE,
    FLAT,
    IDENTICAL,
    RAMP,
    ValueRange,
)
from tests.helpers.expected_metrics_negative import (
    COPY,
    COPY_BESIDE_FLAT,
    LOST_BARS,
    NEGATIVE,
    NEGATIVE_FINE,
)
from tests.helpers.expected_metrics_shifted import BARS_SHIFTED, NOISE, NOISE_SIDE, SHIFTED

ALL = {
    metric.name
    for name in plugins.list_plugins("fusion.metrics")
    for metric in load_variants(plugins.load_plugin("fusion.metrics", name))
}
DRAWN = np.random.default_rng(0).integers(0, 256, (3, NOISE_SIDE, NOISE_SIDE), dtype=np.uint8)
CASES = {
    "identical": [((BARS, BARS, BARS), IDENTICAL)],
    "constant": [((FLAT, FLAT, FLAT), CONSTANT)],
    "lost": [((BARS, BARS, FLAT), LOST_BARS)],
    "copied": [((BARS, 255 - BARS, BARS), COPY), ((BARS, FLAT, BARS), COPY_BESIDE_FLAT)],
    "inverted": [((BARS, BARS, 255 - BARS), NEGATIVE), ((FINE, FINE, 255 - FINE), NEGATIVE_FINE)],
    "shifted": [
        ((RAMP, RAMP, RAMP + 1), SHIFTED),
        ((BARS, BARS, BARS_SHIFTED_IMAGE), BARS_SHIFTED),
    ],
    "noise": [(tuple(DRAWN), NOISE)],
}
WANTED = [
    pytest.param(images, name, wanted, id=f"{case}-{number}-{name}")
    for case, parts in CASES.items()
    for number, (images, answers) in enumerate(parts)
    for name, wanted in answers.items()
]


@pytest.mark.parametrize("case", CASES)
def test_no_variant_is_left_out(case):
    assert set().union(*(answers for _, answers in CASES[case])) == ALL


@pytest.mark.parametrize(("images", "name", "wanted"), WANTED)
def test_the_value_is_the_one_derived_by_hand(images, name, wanted):
    (metric,) = load_metrics({name: {}})
    found = metric.measure(images[:2], images[2], direct_evaluator)
    exact = wanted is None or isinstance(wanted, ValueRange)
    assert found == (wanted if exact else pytest.approx(wanted, rel=1e-6, abs=1e-9))


@pytest.mark.parametrize("name", ["phase_congruency.liu", "phase_congruency.kovesi"])
def test_a_negative_has_the_features_of_its_image(name):
    (metric,) = load_metrics({name: {}})
    wanted = metric.measure((BARS, BARS), BARS, direct_evaluator)
    assert metric.measure((BARS, BARS), 255 - BARS, direct_evaluator) == pytest.approx(
        wanted, rel=1e-9
    )
    assert metric.measure((BARS, 255 - BARS), BARS, direct_evaluator) == pytest.approx(
        wanted, rel=1e-9
    )
