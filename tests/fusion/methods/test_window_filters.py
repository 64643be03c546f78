"""Window means and the guided filter: values by hand, and direct least squares in each window."""

import numpy as np
import pytest

from fusion.methods import _classical

RNG = np.random.default_rng(1)


def windows(shape, radius):
    """Center and slices of each pixel's window, cut off at the border."""
    for i, j in np.ndindex(shape):
        rows = slice(max(i - radius, 0), i + radius + 1)
        yield (i, j), (rows, slice(max(j - radius, 0), j + radius + 1))


def fit_each_window(image, guide, radius, epsilon):
    """The guided filter by its definition: ridge regression per window, then the mean of the fits.

    The penalty epsilon a^2 per pixel is one more row, sqrt(n epsilon) a = 0.
    """
    fits = {}
    for center, window in windows(guide.shape, radius):
        x, y = guide[window].ravel(), image[window].ravel()
        rows = np.stack([x, np.ones_like(x)], axis=1)
        penalty = np.array([[np.sqrt(len(x) * epsilon), 0]])
        fits[center] = np.linalg.lstsq(np.vstack([rows, penalty]), np.append(y, 0))[0]
    smoothed = np.empty_like(guide)
    coefficients = np.array([fits[i] for i in np.ndindex(guide.shape)]).reshape(*guide.shape, 2)
    for center, window in windows(guide.shape, radius):
        a, b = coefficients[window].reshape(-1, 2).mean(axis=0)
        smoothed[center] = a * guide[center] + b
    return smoothed


@pytest.mark.parametrize("shape", [(7, 9), (1, 6), (3, 1)])
@pytest.mark.parametrize("radius", [1, 2, 45])
@pytest.mark.parametrize("epsilon", [1e-6, 0.3])
def test_the_guided_filter_is_the_mean_of_least_squares_fits(shape, radius, epsilon):
    image, guide = RNG.random((2, *shape))
    smoothed = _classical.smooth_with_guided_filter(image, guide, radius, epsilon)
    np.testing.assert_allclose(smoothed, fit_each_window(image, guide, radius, epsilon), atol=1e-8)


def test_the_guided_filter_keeps_a_step_of_the_guide_and_removes_noise_elsewhere():
    guide = np.zeros((20, 20))
    guide[:, 10:] = 1
    image = guide + 0.1 * RNG.standard_normal(guide.shape)
    smoothed = _classical.smooth_with_guided_filter(image, guide, 3, 1e-4)
    assert smoothed[:, 10].mean() - smoothed[:, 9].mean() == pytest.approx(1, abs=0.1)
    assert np.abs(smoothed - guide).max() < 0.1 < np.abs(image - guide).max()


def test_a_window_mean_at_the_border_has_fewer_pixels():
    image = np.array([[1.0, 2, 3, 6]])
    mean = _classical.compute_window_mean(image, 1)
    np.testing.assert_allclose(mean, [[1.5, 2, 11 / 3, 4.5]])
    np.testing.assert_allclose(_classical.compute_window_mean(image.T, 100), np.full((4, 1), 3.0))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_filters_keep_the_dtype(dtype):
    image = RNG.random((6, 8)).astype(dtype)
    assert _classical.compute_window_mean(image, 2).dtype == dtype
    assert _classical.smooth_with_guided_filter(image, image, 2, 0.1).dtype == dtype
    assert all(level.dtype == dtype for level in _classical.build_gaussian_pyramid(image, 3))


def test_a_gaussian_pyramid_stops_before_a_side_of_one_pixel():
    image = np.zeros((9, 40))
    shapes = [level.shape for level in _classical.build_gaussian_pyramid(image, 10)]
    assert shapes == [(9, 40), (5, 20), (3, 10)]
    assert len(_classical.build_gaussian_pyramid(image, 1)) == 2
