"""Statistical power against textbook sample sizes and hand calculation."""

import pytest

from reports.statistics import power
from reports.statistics.confidence_intervals import Estimate
from reports.statistics.power import SampleSizes

MEASURED = SampleSizes(group_count=100, image_count=400, seeds_per_source=3)


def make_estimate(images, interaction=0.0, seeds=0.0):
    return Estimate(0.0, 0.0, 0.0, 0.0, 99.0, 1.0, images, interaction, seeds)


def test_the_required_number_of_groups_is_the_textbook_sample_size():
    # n = (1.95996 + 0.84162)^2 s^2 / d^2 with s^2 = 100 x 1e-4 and d = 0.01: 784.9
    groups = power.find_required_groups(make_estimate(1e-4), MEASURED, 3)
    assert groups == pytest.approx(785, abs=4)


def test_the_detectable_difference_halves_with_four_times_the_groups():
    few, many = (
        power.minimum_detectable_difference(make_estimate(1e-4), MEASURED, groups, 3)
        for groups in (1000, 4000)
    )
    assert few / many == pytest.approx(2, rel=0.01)


def test_no_number_of_groups_is_enough_where_the_seed_variance_alone_is_too_large():
    estimate = make_estimate(1e-4, seeds=1e-3)
    assert power.find_required_groups(estimate, MEASURED, 3) is None
    # 0.01 needs V (2.8)^2 <= 1e-4: of 1e-3 x 3 / K that is K >= 235.5, with the images' 0: more
    estimate = make_estimate(0.0, seeds=1e-3)
    assert power.find_required_seeds(estimate, MEASURED) == pytest.approx(237, abs=3)


def test_each_variance_component_shrinks_with_its_own_sample_size():
    estimate = make_estimate(3e-4, interaction=1e-4, seeds=5e-4)
    # (3 - 1) / 2 + 1 / 2 / 4 + 5 / 4
    expected = (1.0 + 0.125 + 1.25) * 1e-4
    assert power.predict_variance(estimate, MEASURED, 200, 12) == pytest.approx(expected)
