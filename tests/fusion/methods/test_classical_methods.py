"""Methods without trained networks: values by hand, and properties that all of them have."""

import cv2
import numpy as np
import pytest

from fusebench.data.images import luminance
from fusion.methods import (
    average,
    guided_filter,
    hybrid_multiscale,
    laplacian,
    low_pass_ratio,
    maximum,
)

METHODS = (average, maximum, laplacian, low_pass_ratio, guided_filter, hybrid_multiscale)
RNG = np.random.default_rng(0)
IR = np.array([[0, 100], [200, 255]], np.uint8)
GRAY = np.array([[100, 100], [100, 1]], np.uint8)
VISIBLE = np.repeat(GRAY[..., None], 3, axis=2)


def fuse(method, infrared, visible):
    """Fused luminance of two gray images."""
    color = np.repeat(visible[..., None], 3, axis=2)
    return method.load(method.Options(), "cpu")(infrared, color)[..., 0]


def test_average_by_hand():
    fused = average.load(average.Options(), "cpu")(IR, VISIBLE)
    assert fused[..., 0].tolist() == [[50, 100], [150, 128]]


def test_weighted_average_by_hand():
    fused = average.load(average.Options(infrared_weight=0.25), "cpu")(IR, VISIBLE)
    assert fused[..., 1].tolist() == [[75, 100], [125, 64]]  # 64.5 goes to the even neighbor


def test_maximum_by_hand():
    fused = maximum.load(maximum.Options(), "cpu")(IR, VISIBLE)
    assert fused[..., 2].tolist() == [[100, 100], [200, 255]]


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(33, 50), (16, 16), (5, 7), (1, 40), (40, 1), (1, 1)])
def test_equal_inputs_come_back_unchanged(method, shape):
    gray = RNG.integers(0, 256, shape, dtype=np.uint8)
    np.testing.assert_array_equal(fuse(method, gray, gray), gray)


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("shape", [(48, 64), (3, 5), (1, 1)])
@pytest.mark.parametrize("levels", [(0, 0), (255, 255), (0, 255), (255, 0), (70, 201)])
def test_constant_images_give_a_constant_that_is_not_outside_theirs(method, shape, levels):
    fused = fuse(method, *(np.full(shape, level, np.uint8) for level in levels))
    assert fused.min() == fused.max()
    assert min(levels) <= fused.min() <= max(levels)


@pytest.mark.parametrize("method", METHODS)
def test_a_black_image_beside_noise_is_fused_without_warnings(method):
    noise = RNG.integers(0, 3, (40, 40), dtype=np.uint8)
    for pair in ((noise, np.zeros_like(noise)), (np.zeros_like(noise), noise)):
        assert fuse(method, *pair).max() <= 20


@pytest.mark.parametrize("shape", [(64, 80), (33, 51), (5, 7), (2, 3), (1, 1)])
def test_collapsing_a_pyramid_reconstructs_the_image(shape):
    image = RNG.integers(0, 256, shape, dtype=np.uint8)
    reconstructed = laplacian.collapse_laplacian_pyramid(
        laplacian.build_laplacian_pyramid(image, 4)
    )
    np.testing.assert_allclose(reconstructed, image, atol=1e-9)


def test_finest_level_equals_opencvs():
    image = RNG.integers(0, 256, (64, 80), dtype=np.uint8).astype(np.float64)
    detail = laplacian.build_laplacian_pyramid(image.astype(np.uint8), 1)[0]
    np.testing.assert_allclose(detail, image - cv2.pyrUp(cv2.pyrDown(image)), atol=1e-9)


@pytest.mark.parametrize("method", [laplacian, low_pass_ratio, guided_filter, hybrid_multiscale])
def test_detail_that_only_one_image_has_is_kept(method):
    """A fine texture in one image and none in the other is kept fully; averaging halves it."""
    texture = np.tile(np.array([[100, 140], [140, 100]], np.uint8), (32, 32))
    flat = np.full_like(texture, 120)
    selected = fuse(method, texture, flat).astype(float)
    averaged = fuse(average, texture, flat).astype(float)
    assert selected[8:-8, 8:-8].std() == pytest.approx(20, abs=0.5)
    assert averaged[8:-8, 8:-8].std() == pytest.approx(10, abs=0.5)


@pytest.mark.parametrize("method", METHODS)
def test_color_differences_are_the_visible_images(method):
    """Cb ~ B - Y and Cr ~ R - Y are unchanged where nothing is clipped."""
    visible = RNG.integers(100, 156, (32, 32, 3), dtype=np.uint8)
    infrared = RNG.integers(100, 156, (32, 32), dtype=np.uint8)
    fused = method.load(method.Options(), "cpu")(infrared, visible).astype(int)
    before = visible.astype(int) - luminance(visible)[..., None]
    after = fused - luminance(fused.astype(np.uint8))[..., None]
    assert np.abs(before - after).max() <= 2  # three roundings
