"""Metrics of visible faults on small images whose values are calculated by hand."""

import numpy as np
import pytest

from fusion.scoring.cache import CachingEvaluator, direct_evaluator
from fusion.scoring.metric import load_metrics
from tests.helpers.fusion.deterministic_images import make_image_triple

FLAT = np.full((20, 20), 100, np.uint8)


def measure(name, infrared, visible, fused, compute=direct_evaluator):
    (metric,) = load_metrics({name: {}})
    return metric.measure((infrared, visible), fused, compute)


def make_columns(levels):
    """20 rows of 20 columns; ``levels``: column to gray level, 100 elsewhere."""
    row = [levels.get(column, 100) for column in range(20)]
    return np.tile(np.array(row, np.uint8), (20, 1))


def make_step(height, column=10):
    """A step up at the left border of a column: its gradient is height / 2 in two columns."""
    return make_columns(dict.fromkeys(range(column, 20), 100 + height))


def make_dots(*dots):
    """Gray level 100, 30 x 30 pixels, with single pixels of (row, column, contrast)."""
    image = np.full((30, 30), 100, np.uint8)
    for row, column, contrast in dots:
        image[row, column] += contrast
    return image


def make_sources():
    """Two images with even gray levels up to 200, so that averages and gains are exact."""
    return [(image // 50 * 40).astype(np.uint8) for image in make_image_triple(60, 66)[:2]]


# --- spurious gradient ---


def test_gradient_of_a_step_that_no_source_has_counts_in_full():
    # 80 / 2 in 2 of 20 columns
    assert measure("spurious_gradient", FLAT, FLAT, make_step(80)) == pytest.approx(4)


@pytest.mark.parametrize(("shift", "expected"), [(0, 0), (1, 0), (2, 2), (3, 4)])
def test_gradient_of_a_source_explains_that_of_the_next_pixel(shift, expected):
    source, fused = make_step(80), make_step(80, 10 + shift)
    assert measure("spurious_gradient", source, FLAT, fused) == pytest.approx(expected)
    assert measure("spurious_gradient", FLAT, source, fused) == pytest.approx(expected)


@pytest.mark.parametrize(("height", "expected"), [(40, 0), (60, 0), (80, 1)])
def test_gradient_above_one_and_a_half_times_that_of_the_source_counts(height, expected):
    # 80 / 2 - 1.5 40 / 2 = 10 in 2 of 20 columns
    value = measure("spurious_gradient", make_step(40), FLAT, make_step(height))
    assert value == pytest.approx(expected)


def test_average_copy_and_gain_of_one_fifth_have_no_spurious_gradient_and_no_gain_has_lines():
    a, b = make_sources()
    average = ((a.astype(int) + b) // 2).astype(np.uint8)
    for fused in (a, b, a // 5 * 6, average):
        assert measure("spurious_gradient", a, b, fused) == 0
    for fused in (a, b, a // 5 * 6, b // 5 * 6):
        assert measure("spurious_lines", a, b, fused) == 0


def test_spurious_gradient_of_a_pixelwise_maximum_is_a_fraction_of_a_gray_level():
    a, b = make_image_triple(60, 66)[:2]
    assert measure("spurious_gradient", a, b, np.maximum(a, b)) < 0.01


def test_noise_in_a_flat_region_counts():
    noise = np.random.default_rng(0).integers(90, 111, (240, 240), dtype=np.uint8)
    flat = np.full_like(noise, 100)
    gy, gx = np.gradient(noise.astype(float))
    # Sobel averages the central difference over 3 pixels with weights 1, 2, 1: 6 / 16 of the power
    expected = np.sqrt(6 / 16) * np.sqrt(gx**2 + gy**2).mean()
    assert measure("spurious_gradient", flat, flat, noise) == pytest.approx(expected, rel=0.05)


def test_new_edge_in_a_flat_region_counts_here_and_next_to_nothing_in_nabf():
    source, fused = make_step(80, 4), make_step(80, 4)
    fused[:, 14:] = 100
    assert measure("spurious_gradient", source, FLAT, fused) == pytest.approx(4)
    assert measure("fusion_artifacts", source, FLAT, fused) < 1e-4


# --- spurious lines ---


@pytest.mark.parametrize(
    ("width", "expected"), [(1, 30 / 20), (2, 60 / 20), (4, 120 / 20), (5, 0), (8, 0)]
)
def test_depth_of_a_line_of_at_most_four_pixels_counts(width, expected):
    dark = make_columns({8 + k: 70 for k in range(width)})
    assert measure("spurious_lines", FLAT, FLAT, dark) == pytest.approx(expected)
    assert measure("spurious_lines.dark", FLAT, FLAT, dark) == pytest.approx(expected)
    assert measure("spurious_lines.bright", FLAT, FLAT, dark) == 0
    assert measure("spurious_lines.bright", FLAT, FLAT, 200 - dark) == pytest.approx(expected)


@pytest.mark.parametrize("first_column", [8, 10])
def test_dark_outline_along_an_edge_of_a_source_counts_and_the_edge_does_not(first_column):
    source = make_step(50)
    outlined = source.copy()
    outlined[:, first_column : first_column + 2] = 70
    assert measure("spurious_lines", source, FLAT, source) == 0
    # the line is filled up to the lower one of both sides
    assert measure("spurious_lines", source, FLAT, outlined) == pytest.approx(30 * 2 / 20)


def test_line_of_a_source_explains_a_line_of_the_same_sign_only():
    dark, bright = make_columns({9: 70, 10: 70}), make_columns({9: 130, 10: 130})
    assert measure("spurious_lines", dark, FLAT, dark) == 0
    assert measure("spurious_lines", FLAT, dark, make_columns({9: 60, 10: 60})) == 0
    assert measure("spurious_lines.bright", dark, FLAT, bright) == pytest.approx(30 * 2 / 20)


def test_dark_gap_of_a_pixelwise_maximum_counts():
    # bright left of the gap in one source, right of it in the other one
    left, right = make_columns(dict.fromkeys(range(9), 150)), make_step(50, 11)
    assert measure("spurious_lines.dark", left, right, np.maximum(left, right)) == 50 * 2 / 20


# --- lost contrast ---


def test_flat_and_inverted_images_lose_everything_and_a_copy_with_any_gain_nothing():
    source, flat = make_dots((14, 14, 40)), make_dots()
    expected = {0: 1, -40: 1, -20: 1, 40: 0, 48: 0, 80: 0, 20: 0.5, 10: 0.75}
    for contrast, lost in expected.items():
        fused = flat.copy()
        fused[14, 14] = 100 + contrast
        assert measure("lost_contrast", source, flat, fused) == pytest.approx(lost, abs=1e-12)


def test_contrast_of_dots_counts_by_its_height():
    source = make_dots((7, 7, 60), (22, 22, 30))
    assert measure("lost_contrast", source, make_dots(), make_dots((7, 7, 60))) == pytest.approx(
        30 / 90
    )
    assert measure("lost_contrast", source, make_dots(), make_dots((22, 22, 30))) == pytest.approx(
        60 / 90
    )


def test_contrast_of_the_weaker_source_is_not_asked_for():
    strong, weak = make_dots((14, 14, 60)), make_dots((14, 14, 20))
    for other in (weak, 200 - weak):
        assert measure("lost_contrast", strong, other, strong) == 0
    assert measure("lost_contrast", strong, weak, weak) == pytest.approx(40 / 60)
    assert measure("lost_contrast", strong, 200 - weak, 200 - weak) == 1


def test_variants_tell_which_sensor_is_lost():
    infrared, visible = make_dots((7, 7, 60)), make_dots((22, 22, 20))
    names = ("lost_contrast", "lost_contrast.ir", "lost_contrast.vi")
    values = [measure(name, infrared, visible, infrared) for name in names]
    assert values == pytest.approx([20 / 80, 0, 1])
    values = [measure(name, infrared, visible, visible) for name in names]
    assert values == pytest.approx([60 / 80, 1, 0])
    flat = make_dots()
    assert measure("lost_contrast.vi", infrared, flat, infrared) is None


def test_average_of_two_unrelated_sources_loses_half():
    infrared, visible = make_dots((7, 7, 60)), make_dots((22, 22, 60))
    average = make_dots((7, 7, 30), (22, 22, 30))
    assert measure("lost_contrast", infrared, visible, average) == pytest.approx(0.5)
    assert measure("lost_contrast", infrared, visible, np.maximum(infrared, visible)) == 0


def test_of_two_sources_with_the_same_contrast_the_retained_one_is_the_better_one():
    source = make_dots((14, 14, 40))
    assert measure("lost_contrast", source, 200 - source, source) == 0
    assert measure("lost_contrast", source, 200 - source, 200 - source) == 0


def test_lost_contrast_is_undefined_without_contrast_and_for_small_images():
    flat = make_dots()
    assert measure("lost_contrast", flat, flat, make_dots((14, 14, 40))) is None
    assert measure("lost_contrast", *[np.eye(8, 30, dtype=np.uint8)] * 3) is None
    assert measure("lost_contrast", *[np.eye(9, 9, dtype=np.uint8)] * 3) == 0


@pytest.mark.parametrize(
    "name", ["spurious_gradient", "spurious_lines", "lost_contrast", "lost_contrast.vi"]
)
def test_cached_results_give_the_same_value(name):
    a, b, f = make_image_triple(60, 66)
    compute = CachingEvaluator(a, b)
    expected = [measure(name, a, b, image) for image in (f, np.maximum(a, b))]
    assert expected[0] != expected[1]
    assert [measure(name, a, b, x, compute) for x in (f, np.maximum(a, b))] == expected
