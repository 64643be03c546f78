"""Entropy: known answers, invariance, input validation."""

import numpy as np
import pytest

from fusion.metrics.information.entropy import measure

RNG = np.random.default_rng(0)


def test_one_gray_level_carries_no_information():
    flat = np.full((4, 4), 7, np.uint8)
    assert measure(flat, flat, flat) == 0.0


def test_two_levels_equally_often_are_one_bit():
    halves = np.array([[0, 0], [255, 255]], np.uint8)
    assert measure(halves, halves, halves) == 1.0


def test_all_levels_equally_often_are_eight_bits():
    ramp = np.arange(256, dtype=np.uint8).reshape(16, 16)
    assert measure(ramp, ramp, ramp) == pytest.approx(8.0, abs=1e-12)


def test_does_not_care_where_pixels_are():
    noise = RNG.integers(0, 256, (32, 32), dtype=np.uint8)
    shuffled = RNG.permutation(noise.ravel()).reshape(noise.shape)
    assert measure(noise, noise, noise) == pytest.approx(measure(noise, noise, shuffled), rel=1e-12)


def test_refuses_an_empty_image():
    empty = np.zeros((0, 4), np.uint8)
    with pytest.raises(ValueError, match="empty image"):
        measure(empty, empty, empty)
