"""Fusion with guided filtering: saliency and weights by hand, symmetry, what each image gives."""

import numpy as np
import pytest

from fusebench.errors import UserError
from fusebench.option_values import validate_model
from fusion.methods import guided_filter
from fusion.methods.guided_filter import Options

RNG = np.random.default_rng(3)


def test_the_image_with_the_larger_laplacian_nearby_is_salient():
    """One pixel that differs by d has a Laplacian of 4 d there and d at its four neighbors."""
    infrared, visible = np.full((2, 40, 40), 100, np.uint8)
    infrared[10, 10] = 130
    visible[10, 30] = 101
    selected = guided_filter.select_salient_pixels(infrared, visible, Options())
    # The window's radius is 5: a neighbor's Laplacian reaches 6 pixels, but not diagonally.
    expected = np.zeros((40, 40), bool)
    expected[5:16, 4:17] = expected[4:17, 5:16] = True
    np.testing.assert_array_equal(selected[0] > selected[1], expected)
    np.testing.assert_array_equal(selected[1] > selected[0], np.roll(expected, 20, axis=1))
    assert np.all(selected[0] + selected[1] >= 1)  # both where neither differs


def test_weights_of_images_that_are_salient_everywhere_are_one_half():
    images = list(RNG.random((2, 30, 30)))
    everywhere, nowhere = np.ones((30, 30)), np.zeros((30, 30))
    for pair, weight in (
        ((everywhere, everywhere), 0.5),
        ((everywhere, nowhere), 1),
        ((nowhere, everywhere), 0),
        ((nowhere, nowhere), 0.5),
    ):
        weights = guided_filter.compute_infrared_weight(images, pair, 7, 1e-6)
        np.testing.assert_allclose(weights, weight, atol=1e-9)


def test_weights_are_between_0_and_1_where_the_filter_overshoots():
    image = (RNG.random((40, 40)) < 0.5).astype(float)
    weights = guided_filter.compute_infrared_weight([image, 1 - image], (image, 1 - image), 2, 1e-6)
    assert weights.min() >= 0
    assert weights.max() <= 1


def test_exchanging_the_images_changes_nothing():
    infrared, visible = RNG.integers(0, 256, (2, 60, 70), dtype=np.uint8)
    visible[:, :30] = 255  # flat in both images: the mean of both
    infrared[:, :30] = 1
    fused = guided_filter.fuse_luminance(infrared, visible, Options())
    exchanged = guided_filter.fuse_luminance(visible, infrared, Options())
    np.testing.assert_allclose(exchanged, fused, atol=1e-9)


def test_each_side_is_that_of_the_image_with_texture_there():
    texture = np.tile(np.array([[80, 120], [120, 80]], np.uint8), (60, 100))
    infrared, visible = texture.copy(), texture.copy()
    infrared[:, 100:], visible[:, :100] = 20, 200
    fused = guided_filter.fuse_luminance(infrared, visible, Options(base_radius=7))
    for part in (np.s_[:, :70], np.s_[:, 130:]):
        np.testing.assert_allclose(fused[part], texture[part], atol=0.5)


def test_equal_details_on_different_backgrounds_are_kept_whole():
    """The weights of the details add up to 1."""
    stripes = np.tile(np.array([0, 30], np.uint8), (80, 40))
    fused = guided_filter.fuse_luminance(60 + stripes, 160 + stripes, Options())
    difference = fused[:, 31:49:2] - fused[:, 30:48:2]
    np.testing.assert_allclose(difference, 30, atol=0.1)


@pytest.mark.parametrize(
    "options",
    [{"base_radius": 0}, {"detail_epsilon": 0}, {"saliency_sigma": -1}, {"average_radius": 2000}],
)
def test_options_outside_their_range_are_one_error_that_names_them(options):
    (name,) = options
    with pytest.raises(UserError, match=name):
        validate_model(Options, options, "sources.gff.options")
