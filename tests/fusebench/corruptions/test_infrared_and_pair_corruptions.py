"""Corruptions of the infrared image and of the pair, with numbers computed by hand."""

import numpy as np
import pytest

from fusebench.corruption_parts.pair_images import PairImages
from fusebench.corruptions.infrared import (
    dead_pixels,
    infrared_blur,
    infrared_low_contrast,
    infrared_noise,
    infrared_stripes,
)
from fusebench.corruptions.pair import missing_infrared, missing_visible, rotation, shift, time_lag


def make_pair(infrared, earlier=None):
    return PairImages(infrared, np.repeat(infrared[..., None], 3, axis=2), earlier)


def generator():
    return np.random.default_rng(0)


def test_low_contrast_moves_gray_levels_towards_the_mean():
    image = np.array([[50, 150]], np.uint8)  # mean 100
    options = infrared_low_contrast.Options(contrast=(0.5, 0.2, 0))
    results = [
        infrared_low_contrast.corrupt(make_pair(image), s, options, generator()).infrared.tolist()
        for s in (1, 2, 3)
    ]
    assert results == [[[75, 125]], [[90, 110]], [[100, 100]]]


def test_infrared_noise_has_its_deviation_and_no_mean():
    flat = np.full((300, 400), 128, np.uint8)
    noisy = infrared_noise.corrupt(make_pair(flat), 2, infrared_noise.Options(), generator())
    difference = noisy.infrared.astype(float) - 128
    assert difference.std() == pytest.approx(12, rel=0.02)
    assert abs(difference.mean()) < 0.15


def test_stripes_are_the_same_in_every_row_of_a_flat_image():
    flat = np.full((30, 5000), 100, np.uint8)
    striped = infrared_stripes.corrupt(make_pair(flat), 2, infrared_stripes.Options(), generator())
    assert (striped.infrared == striped.infrared[0]).all()
    # offsets of 10 and gains of 10 / 255 at 100: sqrt(100 + 15.4) = 10.7
    assert striped.infrared[0].std() == pytest.approx(10.7, rel=0.03)


def test_blur_of_an_edge_is_halfway_at_the_edge_and_ends_after_the_radius():
    image = np.zeros((50, 200), np.uint8)
    image[:, 100:] = 200
    options = infrared_blur.Options(radius=(0.02, 0.02, 0.02))  # 4 pixels
    row = infrared_blur.corrupt(make_pair(image), 1, options, generator()).infrared[25]
    assert int(row[99]) + int(row[100]) == pytest.approx(200, abs=1)
    assert row[95] == 0
    assert row[96] > 0
    assert row[104] == 200


def test_a_radius_below_half_a_pixel_changes_nothing():
    image = np.random.default_rng(1).integers(0, 256, (20, 30), dtype=np.uint8)
    options = infrared_blur.Options(radius=(0.01, 0, 0))  # 0.3 pixels
    for severity in (1, 2):
        blurred = infrared_blur.corrupt(make_pair(image), severity, options, generator()).infrared
        np.testing.assert_array_equal(blurred, image)


def test_the_named_share_of_pixels_is_black_or_white_and_the_named_rows_are_flat():
    flat = np.full((200, 300), 100, np.uint8)
    options = dead_pixels.Options(pixels=(0.05, 0, 0), rows=(0, 0.1, 0))
    pixels = dead_pixels.corrupt(make_pair(flat), 1, options, generator()).infrared
    assert (pixels != 100).mean() == pytest.approx(0.05, abs=0.005)
    assert set(np.unique(pixels)) == {0, 100, 255}
    rows = dead_pixels.corrupt(make_pair(flat), 2, options, generator()).infrared
    assert (rows == rows[:, :1]).all()
    assert 15 <= (rows[:, 0] != 100).sum() <= 20  # 20 rows, of which one can be 100 by chance
    clean = dead_pixels.corrupt(make_pair(flat), 3, options, generator()).infrared
    np.testing.assert_array_equal(clean, flat)


@pytest.mark.parametrize(
    ("direction", "place"),
    [("right", (10, 28)), ("left", (10, 12)), ("down", (18, 20)), ("up", (2, 20))],
)
def test_a_shift_of_8_moves_a_pixel_by_8(direction, place):
    image = np.zeros((30, 40), np.uint8)
    image[10, 20] = 255
    options = shift.Options(direction=direction)
    moved = shift.corrupt(make_pair(image), 2, options, generator())
    assert [tuple(p) for p in np.argwhere(moved.infrared)] == [place]
    np.testing.assert_array_equal(moved.visible, make_pair(image).visible)


def test_behind_a_shifted_image_its_border_is_repeated():
    image = np.arange(10, dtype=np.uint8)[None, :]
    options = shift.Options(pixels=(0, 2, 20), moved="visible")
    results = [
        shift.corrupt(make_pair(image), s, options, generator()).visible[0, :, 0].tolist()
        for s in (1, 2, 3)
    ]
    assert results == [list(range(10)), [0, 0, 0, 1, 2, 3, 4, 5, 6, 7], [0] * 10]


def test_a_rotation_of_90_degrees_is_that_of_numpy():
    image = np.random.default_rng(1).integers(0, 256, (21, 21), dtype=np.uint8)
    options = rotation.Options(degrees=(90, 0, -90))
    turned = [
        rotation.corrupt(make_pair(image), severity, options, generator()).infrared
        for severity in (1, 2, 3)
    ]
    for image_by_us, expected in zip(
        turned, (np.rot90(image), image, np.rot90(image, -1)), strict=True
    ):
        np.testing.assert_array_equal(image_by_us, expected)


def test_time_lag_takes_the_infrared_image_of_the_earlier_frame():
    now, before = np.full((4, 5), 200, np.uint8), np.full((4, 5), 50, np.uint8)
    pair = make_pair(now, make_pair(before))
    late = time_lag.corrupt(pair, 1, time_lag.Options(), generator())
    assert late.infrared.tolist() == before.tolist()
    assert late.visible.tolist() == pair.visible.tolist()
    late = time_lag.corrupt(pair, 1, time_lag.Options(delayed="visible"), generator())
    assert late.infrared.tolist() == now.tolist()
    assert set(late.visible.ravel().tolist()) == {50}
    assert [time_lag.frames_back(s, time_lag.Options()) for s in (1, 2, 3)] == [1, 2, 4]


def test_an_earlier_frame_that_is_missing_or_has_another_size_is_refused():
    now, small = np.zeros((4, 5), np.uint8), np.zeros((2, 2), np.uint8)
    for earlier in (None, make_pair(small)):
        with pytest.raises(ValueError, match="the earlier infrared frame is"):
            time_lag.corrupt(make_pair(now, earlier), 1, time_lag.Options(), generator())


@pytest.mark.parametrize("plugin", [missing_infrared, missing_visible])
def test_a_missing_image_is_black_or_the_frame_before(plugin):
    now, before = np.full((4, 5), 200, np.uint8), np.full((4, 5), 50, np.uint8)
    pair = make_pair(now, make_pair(before))
    (sensor,) = plugin.changed_sensors(plugin.Options())
    levels = [
        set(plugin.corrupt(pair, 3, plugin.Options(fill=fill), generator()).get(sensor).ravel())
        for fill in ("black", "last_frame")
    ]
    assert levels == [{0}, {50}]
    assert plugin.frames_back(1, plugin.Options()) == 0
    assert plugin.frames_back(1, plugin.Options(fill="last_frame")) == 1


def test_half_of_the_frames_are_lost_with_severity_2():
    pair = make_pair(np.full((1, 1), 9, np.uint8))
    rng = np.random.default_rng(0)
    options = missing_infrared.Options()
    lost = [
        missing_infrared.corrupt(pair, 2, options, rng).infrared[0, 0] == 0 for _ in range(1000)
    ]
    assert sum(lost) == pytest.approx(500, abs=50)
