"""Every variant of every fusion metric against values that were derived by hand, case by case."""

import numpy as np
import pytest
from known_answers import BARS, CONSTANT, FINE, FLAT, IDENTICAL, LATER, RAMP, Between
from known_answers_moved import BARS_MOVED, NOISE, SHIFTED, SIDE
from known_answers_negative import COPY, COPY_BESIDE_FLAT, LOST, NEGATIVE, NEGATIVE_FINE

from bench import plugins
from fusion.catalogue import variants
from fusion.metric import chosen
from fusion.metrics._parts.sharing import directly

ALL = {
    metric.name
    for name in plugins.available("fusion.metrics")
    for metric in variants(plugins.find("fusion.metrics", name))
}
DRAWN = np.random.default_rng(0).integers(0, 256, (3, SIDE, SIDE), dtype=np.uint8)
CASES = {
    "identical": [((BARS, BARS, BARS), IDENTICAL)],
    "constant": [((FLAT, FLAT, FLAT), CONSTANT)],
    "lost": [((BARS, BARS, FLAT), LOST)],
    "copied": [((BARS, 255 - BARS, BARS), COPY), ((BARS, FLAT, BARS), COPY_BESIDE_FLAT)],
    "inverted": [((BARS, BARS, 255 - BARS), NEGATIVE), ((FINE, FINE, 255 - FINE), NEGATIVE_FINE)],
    "shifted": [((RAMP, RAMP, RAMP + 1), SHIFTED), ((BARS, BARS, LATER), BARS_MOVED)],
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
    (metric,) = chosen({name: {}})
    found = metric.value(images[:2], images[2], directly)
    exact = wanted is None or isinstance(wanted, Between)
    assert found == (wanted if exact else pytest.approx(wanted, rel=1e-6, abs=1e-9))


@pytest.mark.parametrize("name", ["phase_congruency.liu", "phase_congruency.kovesi"])
def test_a_negative_has_the_features_of_its_image(name):
    (metric,) = chosen({name: {}})
    wanted = metric.value((BARS, BARS), BARS, directly)
    assert metric.value((BARS, BARS), 255 - BARS, directly) == pytest.approx(wanted, rel=1e-9)
    assert metric.value((BARS, 255 - BARS), BARS, directly) == pytest.approx(wanted, rel=1e-9)
