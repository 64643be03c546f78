"""Average, maximum and Laplacian pyramid: values by hand and properties."""

import cv2
import numpy as np
import pytest

from fusebench.data.images import luminance
from fusion.methods import average, laplacian, maximum

RNG = np.random.default_rng(0)
IR = np.array([[0, 100], [200, 255]], np.uint8)
GRAY = np.array([[100, 100], [100, 1]], np.uint8)
VISIBLE = np.repeat(GRAY[..., None], 3, axis=2)


def test_average_by_hand():
    fused = average.load(average.Options(), "cpu")(IR, VISIBLE)
    assert fused[..., 0].tolist() == [[50, 100], [150, 128]]


def test_weighted_average_by_hand():
    fused = average.load(average.Options(infrared_weight=0.25), "cpu")(IR, VISIBLE)
    assert fused[..., 1].tolist() == [[75, 100], [125, 64]]  # 64.5 goes to the even neighbor


def test_maximum_by_hand():
    fused = maximum.load(maximum.Options(), "cpu")(IR, VISIBLE)
    assert fused[..., 2].tolist() == [[100, 100], [200, 255]]


@pytest.mark.parametrize("method", [average, maximum, laplacian])
def test_equal_inputs_come_back_unchanged(method):
    gray = RNG.integers(0, 256, (33, 50), dtype=np.uint8)
    fused = method.load(method.Options(), "cpu")(gray, np.repeat(gray[..., None], 3, axis=2))
    np.testing.assert_array_equal(fused[..., 0], gray)


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


def test_laplacian_keeps_detail_that_only_one_image_has():
    """A fine texture in one image and none in the other is kept fully; averaging halves it."""
    texture = np.tile(np.array([[100, 140], [140, 100]], np.uint8), (32, 32))
    flat = np.full_like(texture, 120)
    visible = np.repeat(flat[..., None], 3, axis=2)
    selected = laplacian.load(laplacian.Options(), "cpu")(texture, visible)[..., 0].astype(float)
    averaged = average.load(average.Options(), "cpu")(texture, visible)[..., 0].astype(float)
    assert selected[8:-8, 8:-8].std() == pytest.approx(20, abs=0.5)
    assert averaged[8:-8, 8:-8].std() == pytest.approx(10, abs=0.5)


@pytest.mark.parametrize("method", [average, maximum, laplacian])
def test_color_differences_are_the_visible_images(method):
    """Cb ~ B - Y and Cr ~ R - Y are unchanged where nothing is clipped."""
    visible = RNG.integers(100, 156, (32, 32, 3), dtype=np.uint8)
    infrared = RNG.integers(100, 156, (32, 32), dtype=np.uint8)
    fused = method.load(method.Options(), "cpu")(infrared, visible).astype(int)
    before = visible.astype(int) - luminance(visible)[..., None]
    after = fused - luminance(fused.astype(np.uint8))[..., None]
    assert np.abs(before - after).max() <= 2  # three roundings
