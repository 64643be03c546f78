import pytest

from reports.statistics import power
from reports.statistics.confidence_intervals import Estimate
from reports.statistics.power import SampleSizes

AT = SampleSizes(group_count=100, image_count=400, seeds_per_source=3)


def estimate(images, both=0.0, seeds=0.0):
    return Estimate(0.0, 0.0, 0.0, 0.0, 99.0, 1.0, images, both, seeds)


def test_many_groups_are_the_textbook_sample_size():
    # n = (1.95996 + 0.84162)^2 s^2 / d^2 with s^2 = 100 x 1e-4 and d = 0.01: 784.9
    assert power.find_required_groups(estimate(1e-4), AT, 3) == pytest.approx(785, abs=4)


def test_the_smallest_difference_halves_with_four_times_the_groups():
    few, many = (
        power.minimum_detectable_difference(estimate(1e-4), AT, groups, 3)
        for groups in (1000, 4000)
    )
    assert few / many == pytest.approx(2, rel=0.01)


def test_no_number_of_images_helps_where_the_seeds_alone_exceed_it():
    assert power.find_required_groups(estimate(1e-4, seeds=1e-3), AT, 3) is None
    # 0.01 needs V (2.8)^2 <= 1e-4: of 1e-3 x 3 / K that is K >= 235.5, with the images' 0: more
    assert power.find_required_seeds(estimate(0.0, seeds=1e-3), AT) == pytest.approx(237, abs=3)


def test_parts_shrink_with_what_they_come_from():
    of = estimate(3e-4, both=1e-4, seeds=5e-4)
    # (3 - 1) / 2 + 1 / 2 / 4 + 5 / 4
    assert power.predict_variance(of, AT, 200, 12) == pytest.approx((1.0 + 0.125 + 1.25) * 1e-4)
