"""Ratio of low-pass pyramid: ratios by hand, reconstruction, selection by relative contrast."""

import numpy as np
import pytest

from fusion.methods import laplacian, low_pass_ratio

RNG = np.random.default_rng(2)


@pytest.mark.parametrize("shape", [(64, 80), (33, 51), (5, 7), (2, 3), (1, 1), (1, 30)])
@pytest.mark.parametrize("density", [0.05, 1])
def test_collapsing_a_pyramid_reconstructs_the_image(shape, density):
    """Also where most pixels are 0, so that backgrounds are 0 or nearly so."""
    image = RNG.integers(0, 256, shape, dtype=np.uint8) * (RNG.random(shape) < density)
    reconstructed = low_pass_ratio.collapse_ratio_pyramid(
        low_pass_ratio.build_ratio_pyramid(image.astype(np.uint8), 4)
    )
    np.testing.assert_allclose(reconstructed, image, atol=1e-3)


@pytest.mark.parametrize(
    ("pixel", "ratio"),
    [
        # Per axis, an odd pixel is 1/4 of two coarse pixels, and gets 1/2 of each.
        ((7, 7), 1 / (2 / 4 / 2) ** 2),
        # An even pixel is 6/16 of one and 1/16 of its neighbors, and gets 6/8 and 1/8 of these.
        ((8, 8), 1 / (6 / 16 * 6 / 8 + 2 * 1 / 16 * 1 / 8) ** 2),
    ],
)
def test_ratio_of_a_single_bright_pixel_by_hand(pixel, ratio):
    image = np.zeros((16, 16), np.uint8)
    image[pixel] = 200
    ratios = low_pass_ratio.build_ratio_pyramid(image, 1)[0]
    assert ratios[pixel] == pytest.approx(ratio, rel=1e-6)
    assert ratios[pixel[0], pixel[1] + 1] == 0  # black on a background that is not
    assert ratios[0, 0] == 1  # black on black


def test_ratios_do_not_depend_on_the_exposure():
    image = RNG.integers(1, 127, (32, 32), dtype=np.uint8)
    *ratios, base = low_pass_ratio.build_ratio_pyramid(image, 3)
    *doubled_ratios, doubled_base = low_pass_ratio.build_ratio_pyramid(2 * image, 3)
    for ratio, doubled in zip(ratios, doubled_ratios, strict=True):
        np.testing.assert_allclose(doubled, ratio, rtol=1e-5)
    np.testing.assert_allclose(doubled_base, 2 * base, rtol=1e-6)


def test_the_larger_relative_contrast_is_selected_where_a_laplacian_takes_the_larger_difference():
    """Stripes of 10 on 20 have a contrast of 0.5, stripes of 20 on 200 one of 0.1."""
    dark = np.tile(np.array([[10, 30]], np.uint8), (32, 16))
    bright = np.tile(np.array([[180, 180], [220, 220]], np.uint8), (16, 16))
    ratio = low_pass_ratio.fuse_luminance(dark, bright, 1)[8:-8, 8:-8]
    detail = laplacian.fuse_luminance(dark, bright, 1)[8:-8, 8:-8]
    np.testing.assert_allclose(ratio[0, ::2], 55, atol=0.1)  # the mean of 20 and 200, x 0.5
    np.testing.assert_allclose(ratio[0, 1::2], 165, atol=0.1)
    np.testing.assert_allclose(detail[::2, 0], 90, atol=0.1)  # the mean, - 20
    np.testing.assert_allclose(detail[1::2, 0], 130, atol=0.1)
