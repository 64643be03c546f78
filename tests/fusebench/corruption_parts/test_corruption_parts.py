"""Light, blur kernels and moved images that corruptions share."""

import math

import numpy as np
import pytest

from fusebench.corruption_parts.blur import blur, build_disk_kernel, build_line_kernel
from fusebench.corruption_parts.light import compute_luminance, decode_light, encode_light
from fusebench.corruption_parts.movement import rotate_image, shift_image
from fusebench.corruption_parts.pair_images import round_to_uint8


def test_the_transfer_function_is_that_of_srgb():
    levels = np.array([0, 10, 11, 128, 188, 255], np.uint8)
    # 10 / 255 / 12.92 below the knee; 128 and 188 are the well-known 21.6 % and half of the light
    expected = [0, 0.0030353, 0.0033465, 0.2158605, 0.5028865, 1]
    np.testing.assert_allclose(decode_light(levels), expected, rtol=1e-4)


def test_every_gray_level_survives_decoding_and_encoding():
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(encode_light(decode_light(levels)), levels)
    assert encode_light(np.array([-0.5, 7.0], np.float32)).tolist() == [0, 255]


def test_green_light_has_most_of_the_luminance():
    colors = np.eye(3, dtype=np.float32)[None]
    np.testing.assert_allclose(compute_luminance(colors)[0], [0.299, 0.587, 0.114], rtol=1e-6)


@pytest.mark.parametrize(("length", "angle"), [(0, 0.3), (1, 0), (7.5, 0.4), (20, math.pi / 2)])
def test_a_line_kernel_has_sum_1_and_its_center_in_the_middle(length, angle):
    kernel = build_line_kernel(length, angle)
    steps = np.arange(len(kernel)) - len(kernel) // 2
    assert kernel.sum() == pytest.approx(1, rel=1e-6)
    assert kernel.sum(axis=0) @ steps == pytest.approx(0, abs=1e-4)
    assert kernel.sum(axis=1) @ steps == pytest.approx(0, abs=1e-4)


def test_a_horizontal_line_is_one_row_of_its_length():
    kernel = build_line_kernel(10, 0)
    assert np.flatnonzero(kernel.any(axis=1)).tolist() == [len(kernel) // 2]
    assert np.count_nonzero(kernel) == 11  # ends between two pixels


def test_the_variance_of_a_disk_is_a_quarter_of_its_squared_radius():
    kernel = build_disk_kernel(6)
    steps = np.arange(len(kernel)) - len(kernel) // 2
    assert kernel.sum(axis=0) @ steps**2 == pytest.approx(9, rel=0.02)
    np.testing.assert_allclose(kernel, kernel.T)
    assert build_disk_kernel(0.2).tolist() == [[1]]


def test_blur_repeats_the_border():
    flat = np.full((5, 6, 3), 0.7, np.float32)
    np.testing.assert_allclose(blur(flat, build_disk_kernel(3)), flat, rtol=1e-6)


def test_a_shift_there_and_back_leaves_the_middle():
    image = np.random.default_rng(0).integers(0, 256, (20, 30, 3), dtype=np.uint8)
    moved = shift_image(shift_image(image, 4, -3), -4, 3)
    np.testing.assert_array_equal(moved[3:-3, 4:-4], image[3:-3, 4:-4])


def test_a_corner_of_640_x_480_moves_by_7_pixels_per_degree():
    image = np.zeros((480, 640), np.uint8)
    image[40:43, 40:43] = 255
    rotated = rotate_image(image, 1)
    before, after = (np.argwhere(im > 100).mean(axis=0) for im in (image, rotated))
    radius = np.hypot(*(before - (239.5, 319.5)))
    assert np.hypot(*(after - before)) == pytest.approx(radius * math.radians(1), abs=0.3)


def test_gray_levels_are_rounded_and_saturate():
    assert round_to_uint8(np.array([-3.0, 0.4, 0.6, 254.6, 300])).tolist() == [0, 0, 1, 255, 255]
