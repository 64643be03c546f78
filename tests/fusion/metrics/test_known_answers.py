"""Values by hand for constant, identical, copied, inverted and shifted images, and for noise."""

import math

import numpy as np
import pytest

from fusebench import plugins
from fusion.scoring.cache import direct_evaluator
from fusion.scoring.metric import load_metrics
from tests.helpers.fusion.deterministic_images import make_image_triple

RNG = np.random.default_rng(0)
A, B, F = make_image_triple(176, 208)
FLAT = np.full_like(A, 128)
ALL = plugins.list_plugins("fusion.metrics")


def measure(name, a, b, f):
    (metric,) = load_metrics({name: {}})
    return metric.measure((a, b), f, direct_evaluator)


def get_note(name, a, b, f):
    (metric,) = load_metrics({name: {}})
    return metric.note((a, b), f, direct_evaluator)


def measure_entropy(image):
    return measure("entropy", image, image, image)


CONSTANT = {
    "entropy": 0,
    "standard_deviation": 0,
    "spatial_frequency": 0,
    "average_gradient": 0,
    "correlation_coefficient": 0,
    "mutual_information": 0,
    "visual_information_fidelity": 0,
    "phase_congruency": None,
}


@pytest.mark.parametrize(("name", "expected"), CONSTANT.items())
def test_constant_fused_image_has_the_documented_value(name, expected):
    assert measure(name, A, B, FLAT) == expected


@pytest.mark.parametrize("name", ALL)
def test_constant_images_give_a_number_or_none_without_a_warning(name):
    for case in [(A, B, FLAT), (FLAT, B, F), (A, FLAT, F), (FLAT, FLAT, F), (FLAT, FLAT, FLAT)]:
        for level in (0, 255):
            value = measure(name, *(np.full_like(x, level) if x is FLAT else x for x in case))
            assert value is None or math.isfinite(value)


IDENTICAL = {
    "correlation_coefficient": 1,
    "mutual_information": 2 * measure_entropy(A),
    "mutual_information.normalized": 2,
    "visual_information_fidelity": 2,
    "visual_information_fidelity.mean": 1,
    "fusion_artifacts": 0,
    "structural_similarity": 1,
    "structural_similarity.sum": 2,
    "multi_scale_structural_similarity": 1,
    "multi_exposure_similarity": 1,
    "edge_dependent_quality": 1,
    "feature_mutual_information": 1,
    "feature_mutual_information.pixel": 1,
    "cross_entropy": 0,
    "peak_signal_to_noise": None,
    # G = gF is large where both edges are equal: 0.9994 * 0.9879 / (1 + exp(-22 * 0.2))
    "edge_preservation": 0.9994 * 0.9879 / (1 + math.exp(-4.4)),
    "edge_preservation.eq1": 0.9994 / (1 + math.exp(-7.5)) * 0.9879 / (1 + math.exp(-4.4)),
}


@pytest.mark.parametrize(("name", "expected"), IDENTICAL.items())
def test_three_identical_images_have_the_best_value(name, expected):
    value = measure(name, A, A, A)
    assert value == (expected if expected is None else pytest.approx(expected, rel=1e-6, abs=1e-12))


def test_copy_of_one_source_has_the_full_value_for_it():
    r = np.corrcoef(A.ravel(), B.ravel())[0, 1]
    shared = measure("mutual_information", A, A, B) / 2
    assert measure("correlation_coefficient", A, B, A) == pytest.approx((1 + r) / 2)
    assert measure("mutual_information", A, B, A) == pytest.approx(measure_entropy(A) + shared)
    assert measure("visual_information_fidelity.ir", A, B, A) == pytest.approx(1)
    assert measure("multi_scale_structural_similarity.ir", A, B, A) == pytest.approx(1)


def test_sum_of_the_sources_has_the_maximum_sum_of_correlations_of_differences():
    # F - B = A and F - A = B
    a, b = A // 2, B // 2
    assert measure("sum_of_correlations_of_differences", a, b, a + b) == pytest.approx(2)


def test_inversion_keeps_the_information_and_negates_the_correlation():
    inverted = 255 - A
    assert measure("correlation_coefficient", A, A, inverted) == pytest.approx(-1)
    assert measure("mutual_information", A, A, inverted) == pytest.approx(2 * measure_entropy(A))
    assert measure("visual_information_fidelity", A, A, inverted) == pytest.approx(0, abs=1e-9)
    for name in ("entropy", "standard_deviation", "spatial_frequency", "average_gradient"):
        assert measure(name, A, A, inverted) == pytest.approx(measure(name, A, A, A), rel=1e-12)


def test_ramp_shifted_by_one_pixel_differs_by_one_gray_level():
    wide = np.tile(np.arange(201, dtype=np.uint8), (50, 1))
    ramp, shifted = wide[:, :-1], wide[:, 1:]
    assert measure("peak_signal_to_noise", ramp, ramp, shifted) == pytest.approx(48.1308, abs=1e-4)
    assert measure("correlation_coefficient", ramp, ramp, shifted) == pytest.approx(1)
    assert measure("spatial_frequency", ramp, ramp, shifted) == 1
    assert measure("average_gradient", ramp, ramp, shifted) == pytest.approx(math.sqrt(0.5))


def test_chessboard_shifted_by_one_pixel_is_its_negative():
    board = (np.indices((32, 33)).sum(axis=0) % 2 * 255).astype(np.uint8)
    original, shifted = board[:, :-1], board[:, 1:]
    assert measure("correlation_coefficient", original, original, shifted) == pytest.approx(-1)
    assert measure("standard_deviation", original, original, shifted) == 127.5
    assert measure("spatial_frequency", original, original, shifted) == pytest.approx(
        255 * math.sqrt(2)
    )
    assert measure("peak_signal_to_noise", original, original, shifted) == 0


def test_independent_noise_has_the_values_expected_by_chance():
    a, b, f = RNG.integers(0, 256, (3, 512, 512), dtype=np.uint8)
    # expected: 8 - 255 / (2 N ln 2); correlations within 5 / sqrt(N)
    assert measure("entropy", a, b, f) == pytest.approx(
        8 - 255 / (2 * f.size * math.log(2)), abs=1e-4
    )
    assert abs(measure("correlation_coefficient", a, b, f)) < 5 / 512
    assert measure("standard_deviation", a, b, f) == pytest.approx(
        math.sqrt((256**2 - 1) / 12), abs=0.3
    )
    # mean square of the difference of two uniform variables: 2 (256^2 - 1) / 12
    error = 2 * (256**2 - 1) / 12
    assert measure("peak_signal_to_noise", a, b, f) == pytest.approx(
        10 * math.log10(255**2 / error), abs=0.05
    )


def test_cross_entropy_by_hand():
    # A: half 0, half 1; F: a quarter 0, three quarters 1: 1/2 log2(2) + 1/2 log2(2/3)
    a, f = np.array([[0, 0, 1, 1]], np.uint8), np.array([[0, 1, 1, 1]], np.uint8)
    assert measure("cross_entropy", a, a, f) == pytest.approx(0.5 + 0.5 * math.log2(2 / 3))


def test_variant_sat254_has_one_bin_for_levels_254_and_255():
    ends = np.array([[254, 255, 254, 255]], np.uint8)
    assert measure("entropy", ends, ends, ends) == 1
    assert measure("entropy.sat254", ends, ends, ends) == 0


def test_preserved_lost_and_new_edges_sum_to_1():
    names = [f"fusion_artifacts{variant}" for variant in ("", ".loss", ".kept")]
    assert sum(measure(name, A, B, F) for name in names) == pytest.approx(1, rel=1e-12)


def test_psnr_of_images_of_0_to_1_with_a_peak_of_255_is_48_db_too_high():
    psnr = measure("peak_signal_to_noise", A, B, F)
    assert measure("peak_signal_to_noise.scaled", A, B, F) - psnr == pytest.approx(
        48.1308, abs=1e-4
    )


def test_note_explains_terms_that_count_as_0():
    assert "undefined" in get_note("correlation_coefficient", A, B, FLAT)
    assert "undefined" in get_note("sum_of_correlations_of_differences", A, B, A)
    assert "infinite" in get_note("peak_signal_to_noise", A, A, A)
    assert "negative" in get_note("multi_scale_structural_similarity", A, A, 255 - A)
    assert "shorter than 176" in get_note(
        "multi_scale_structural_similarity", *(x[:99] for x in (A, B, F))
    )
    assert get_note("multi_scale_structural_similarity", A, B, F) == ""


@pytest.mark.parametrize("name", ["multi_scale_structural_similarity", "multi_exposure_similarity"])
def test_negative_scale_counts_as_0(name):
    assert measure(name, A, A, 255 - A) == 0
