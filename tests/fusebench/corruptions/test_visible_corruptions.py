"""Corruptions of the visible image against their equations, with numbers computed by hand."""

import math

import numpy as np
import pytest

from fusebench.corruption_parts.pair_images import PairImages
from fusebench.corruptions.visible import (
    darkness,
    haze,
    jpeg,
    motion_blur,
    overexposure,
    rain,
)

RNG = np.random.default_rng(0)


def make_pair(visible):
    return PairImages(np.zeros(visible.shape[:2], np.uint8), visible)


def test_photon_and_read_noise_have_the_variance_of_their_formula():
    # 400 electrons expected and 5 of read noise: variance 400 + 25 electrons, of 2000 at saturation
    light = np.full((400, 500), 0.2, np.float32)
    counted = darkness.expose(light, 2000, 5, np.random.default_rng(1))
    assert counted.mean() == pytest.approx(0.2, rel=1e-3)
    assert counted.var() == pytest.approx(425 / 2000**2, rel=0.02)


def test_without_light_only_read_noise_is_left():
    counted = darkness.expose(np.zeros((400, 500), np.float32), 1000, 8, np.random.default_rng(1))
    assert counted.std() == pytest.approx(0.008, rel=0.02)


def test_darkness_of_a_perfect_sensor_is_less_light():
    # 128 is a light of 0.2159; a quarter of it, 0.0540, is stored as 66 (sRGB)
    gray = np.full((50, 50, 3), 128, np.uint8)
    options = darkness.Options(full_well=1e6, read_noise=0)
    dark = darkness.corrupt(make_pair(gray), 1, options, np.random.default_rng(0)).visible
    assert np.median(dark) == 66


def test_haze_follows_koschmieder():
    light = np.full((2, 4, 3), 0.5, np.float32)
    hazy = haze.add_haze(light, np.array([1.0, 0.25]), 0.9)
    np.testing.assert_allclose(hazy[0], 0.5, rtol=1e-6)  # t = 1: clear
    np.testing.assert_allclose(hazy[1], 0.125 + 0.675, rtol=1e-6)


def test_at_the_visibility_5_percent_of_the_contrast_are_left():
    transmission = haze.compute_transmission(np.array([0.0, 100.0, 200.0]), 100.0)
    np.testing.assert_allclose(transmission, [1, 0.05, 0.0025])


def test_the_road_is_nearer_farther_down_and_at_most_at_the_farthest_distance():
    # 1.5 m above the road, 100 pixels of focal length: 150 m / rows below the horizon at row 2
    distances = haze.compute_road_distances(5, 100, 120.0)
    np.testing.assert_allclose(distances, [120, 120, 120, 120, 75])


def test_haze_of_a_gray_image_is_the_image():
    gray = np.full((6, 6, 3), 90, np.uint8)
    hazy = haze.corrupt(make_pair(gray), 3, haze.Options(), RNG).visible
    np.testing.assert_array_equal(hazy, gray)  # haze as bright as the image adds what it takes


def test_motion_blur_keeps_the_light_of_a_point_and_spreads_it_over_the_length():
    image = np.zeros((41, 101, 3), np.uint8)
    image[20, 50] = 255
    options = motion_blur.Options(length=(0.1, 0.1, 0.1))  # 10.1 pixels
    blurred = motion_blur.corrupt(make_pair(image), 1, options, np.random.default_rng(3)).visible
    columns = np.flatnonzero(blurred.any(axis=(0, 2)))
    assert 9 <= columns.max() - columns.min() <= 12
    assert abs((columns.max() + columns.min()) / 2 - 50) <= 1


def test_motion_of_no_length_changes_nothing():
    image = RNG.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    options = motion_blur.Options(length=(0, 0, 0))
    blurred = motion_blur.corrupt(make_pair(image), 2, options, np.random.default_rng(0)).visible
    np.testing.assert_array_equal(blurred, image)


def test_the_named_share_of_the_pixels_saturates():
    levels = np.linspace(60, 200, 100).astype(np.uint8)
    image = np.repeat(levels[None, :, None], 3, axis=2).repeat(10, axis=0)
    bright = overexposure.corrupt(make_pair(image), 2, overexposure.Options(), RNG).visible
    assert (bright == 255).all(axis=2).mean() == pytest.approx(0.5, abs=0.02)


def test_a_dark_image_is_exposed_by_3_stops_at_most():
    # 20 is a light of 0.00700; 8 times that, 0.0560, is stored as 67
    image = np.full((10, 10, 3), 20, np.uint8)
    bright = overexposure.corrupt(make_pair(image), 3, overexposure.Options(), RNG).visible
    assert set(np.unique(bright)) == {67}


def test_jpeg_of_the_best_quality_is_close_and_of_a_low_quality_is_not():
    image = RNG.integers(0, 256, (64, 64, 1), dtype=np.uint8).repeat(3, axis=2)  # no color to lose
    errors = [
        np.abs(jpeg.compress(image, quality).astype(float) - image).mean() for quality in (100, 5)
    ]
    assert errors[0] < errors[1] / 2
    gray = np.full((16, 16, 3), 128, np.uint8)
    np.testing.assert_array_equal(jpeg.compress(gray, 10), gray)


def test_jpeg_keeps_the_order_of_the_channels():
    red = np.full((16, 16, 3), (200, 20, 20), np.uint8)
    assert np.abs(jpeg.compress(red, 95).astype(int) - red).max() < 8


def test_there_are_as_many_large_drops_as_marshall_and_palmer_say():
    # R = 25 mm/h: slope 4.1 x 25^-0.21 = 2.0857 / mm; 8000 / 2.0857 x exp(-2.0857) = 476.5
    assert rain.compute_drop_density(25) == pytest.approx(476.5, rel=1e-3)


def test_a_drop_of_2_mm_falls_at_6_5_meters_per_second():
    assert rain.compute_speed(np.array([2.0]))[0] == pytest.approx(9.65 - 10.3 * math.exp(-1.2))
    assert rain.compute_speed(np.array([2.0]))[0] == pytest.approx(6.55, abs=0.01)


def test_streaks_are_bright_on_dark_and_absent_on_a_flat_image():
    alpha = rain.draw_streaks(200, 300, 75, np.random.default_rng(0))
    assert 0 < alpha.max() <= 0.5
    assert 0.001 < (alpha > 0.03).mean() < 0.3
    flat = np.full((200, 300, 3), 100, np.uint8)
    rainy = rain.corrupt(make_pair(flat), 3, rain.Options(), np.random.default_rng(0)).visible
    np.testing.assert_array_equal(rainy, flat)  # drops as bright as everything else


def test_heavier_rain_covers_more():
    shares = [
        (rain.draw_streaks(200, 300, rate, np.random.default_rng(0)) > 0.03).mean()
        for rate in (2, 20, 100)
    ]
    assert shares[0] < shares[1] < shares[2]
