"""Hybrid multi-scale decomposition: parts by hand, saliency of a sine, what is taken from where."""

import math

import numpy as np
import pytest

from fusebench.errors import UserError
from fusebench.option_values import validate_model
from fusion.methods import _classical, hybrid_multiscale
from fusion.methods._perceptual_saliency import measure_perceptual_saliency
from fusion.methods.hybrid_multiscale import Options

RNG = np.random.default_rng(4)


def test_the_mean_is_the_guided_filter_of_the_authors_program():
    """Its epsilon is 100^2, for gray levels of 0 to 1."""
    image = RNG.random((40, 50))
    guided = _classical.smooth_with_guided_filter(image, image, 4, 100.0**2)
    mean = hybrid_multiscale.compute_mean(image, 4)
    assert np.abs(guided - mean).max() * 255 < 0.01


def test_weights_of_edges_by_hand():
    """R = 0, 0.1 and 0.2; half of the largest: atan(50) / atan(100) = 1.55080 / 1.56080."""
    infrared = np.array([[0.1, -0.4, 0.5]], np.float32)
    visible = np.array([[-0.3, 0.3, 0.3]], np.float32)
    weights = hybrid_multiscale.compute_infrared_weight([infrared, visible], 100)
    np.testing.assert_allclose(weights, [[0, 1.55080 / 1.56080, 1]], atol=1e-5)


def test_edges_of_rounding_errors_have_no_weight():
    edges = [np.full((2, 2), 3e-7, np.float32), np.zeros((2, 2), np.float32)]
    np.testing.assert_array_equal(hybrid_multiscale.compute_infrared_weight(edges, 2000), 0)


def test_the_stronger_texture_is_selected_and_the_visible_images_if_equal():
    infrared, visible = np.array([[[2, -3, 1]], [[1, 2, 1]]], np.float32)
    assert hybrid_multiscale.select_infrared([infrared, visible]).tolist() == [[1, 1, 0]]


def test_saliency_of_a_sine_by_hand():
    """Four pixels a period, 32 pixels a degree: f = 8, A = 2.6 (0.0192 + 0.912) exp(-0.912^1.1).

    The energy of a block is that of the sine, amplitude / sqrt(2), times A = 0.98078, and of its
    mean times A(0) = 0.04992.
    """
    row = 128 + 100 * np.array([0, 1, 0, -1])
    image = np.tile(row.astype(np.uint8), (42, 11))[:, :42]  # 40 x 40 without the border
    energy = math.hypot(0.98078 * 100 / math.sqrt(2), 0.04992 * 128)
    assert measure_perceptual_saliency(image) == pytest.approx(energy, rel=1e-4)


def test_saliency_is_proportional_to_the_gray_levels():
    image = RNG.integers(0, 100, (90, 61), dtype=np.uint8)  # with incomplete blocks
    doubled = measure_perceptual_saliency(2 * image)
    assert doubled == pytest.approx(2 * measure_perceptual_saliency(image))


@pytest.mark.parametrize("shape", [(1, 1), (2, 50), (30, 30)])
def test_an_image_without_gradients_has_no_saliency(shape):
    assert measure_perceptual_saliency(np.full(shape, 9, np.uint8)) == 0


@pytest.mark.parametrize(
    ("infrared", "visible", "steepness"),
    [(5, 10, 100), (10, 10, 600), (12, 10, 1100), (15, 10, 1850), (20, 10, 2000), (5, 0, 2000)],
)
def test_steepness_is_2500_times_the_ratio_less_1900_between_its_bounds(
    infrared, visible, steepness
):
    image = RNG.integers(0, 13, (60, 60), dtype=np.uint8)
    chosen = hybrid_multiscale.choose_steepness(infrared * image, visible * image)
    assert chosen == pytest.approx(steepness)


def test_a_hot_object_is_added_to_the_texture_of_the_visible_image():
    visible = RNG.integers(80, 121, (200, 200), dtype=np.uint8)
    infrared = np.full((200, 200), 20, np.uint8)
    infrared[90:110, 90:110] = 220
    fused = hybrid_multiscale.fuse_luminance(infrared, visible, Options())
    assert fused[95:105, 95:105].mean() > 180
    added = (fused - visible)[:, :60]  # the base: as smooth as its weights, sigma is 64 pixels
    assert np.abs(np.diff(added, axis=0)).max() < 1 > np.abs(np.diff(added)).max()
    steep = hybrid_multiscale.fuse_luminance(infrared, visible, Options(steepness=2000))
    shallow = hybrid_multiscale.fuse_luminance(infrared, visible, Options(steepness=10))
    assert np.abs(steep - shallow)[60:140, 60:140].max() > 1


def test_gain_multiplies_the_fused_image():
    image = RNG.integers(0, 100, (30, 30), dtype=np.uint8)
    fused = hybrid_multiscale.fuse_luminance(image, image, Options(gain=275 / 255))
    np.testing.assert_allclose(fused, image * (275 / 255), atol=1e-3)


@pytest.mark.parametrize("options", [{"levels": 1}, {"steepness": 0}, {"epsilon": 0}, {"gain": 0}])
def test_options_outside_their_range_are_one_error_that_names_them(options):
    (name,) = options
    with pytest.raises(UserError, match=name):
        validate_model(Options, options, "sources.hmsd.options")
