"""Schedules against reference tables; noise and sampling against closed forms."""

import math

import pytest
import torch

from fusion.diffusion import process
from tests.helpers.fusion.reference_tensors import load_reference


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("cosine_2000", process.build_cosine_schedule(2000)),
        ("cosine_3000", process.build_cosine_schedule(3000)),
        ("linear_2000", process.build_linear_schedule(2000)),
    ],
)
def test_schedules_are_those_of_the_released_code(name, schedule):
    for t, expected in load_reference("noise_schedules")[name].items():
        level = float(schedule.noise_levels[int(t)])
        assert level == pytest.approx(expected["sqrt_alpha_bar"], rel=1e-9)
        assert math.sqrt(1 - level**2) == pytest.approx(expected["sigma"], rel=1e-9)
        if expected["beta"] is not None:
            assert float(schedule.betas[int(t) - 1]) == pytest.approx(expected["beta"], rel=1e-9)


def test_adding_noise_keeps_unit_variance():
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 1, 1, 400, 400, generator=generator, dtype=torch.float64)
    x = process.add_noise(clean, noise, torch.tensor([0.6], dtype=torch.float64))
    torch.testing.assert_close(x, 0.6 * clean + 0.8 * noise)
    assert float(x.var()) == pytest.approx(1, abs=0.02)


def test_single_noise_steps_add_up_to_the_closed_form():
    """Eq. 3 of DMNet applied t times is its eq. 6."""
    schedule = process.build_linear_schedule(50, 1e-3, 2e-2)
    signal, variance = 1.0, 0.0
    for beta in schedule.betas.tolist():
        signal, variance = signal * math.sqrt(1 - beta), variance * (1 - beta) + beta
    assert float(schedule.noise_levels[-1]) == pytest.approx(signal, rel=1e-12)
    assert 1 - float(schedule.alpha_bar[-1]) == pytest.approx(variance, rel=1e-12)


def test_noise_levels_are_interpolated_between_two_steps():
    schedule = process.build_cosine_schedule(10)
    t = torch.tensor([1, 1, 10])
    interpolated = process.interpolate_noise_level(schedule, t, torch.tensor([0.0, 0.5, 1.0]))
    levels = schedule.noise_levels
    expected = torch.stack([levels[0], (levels[0] + levels[1]) / 2, levels[10]])
    torch.testing.assert_close(interpolated, expected)


def test_the_posterior_is_bayes_rule():
    """Product of both Gaussians of DMNet eq. 7, by completing the square."""
    schedule = process.build_linear_schedule(20, 1e-2, 2e-1)
    t, x, clean = 7, 0.3, -1.2
    beta, alpha_bar = float(schedule.betas[t - 1]), float(schedule.alpha_bar[t - 1])
    precision = (1 - beta) / beta + 1 / (1 - alpha_bar)
    mean = (
        math.sqrt(1 - beta) * x / beta + math.sqrt(alpha_bar) * clean / (1 - alpha_bar)
    ) / precision
    posterior_mean, variance = process.compute_posterior(
        schedule, torch.tensor(x, dtype=torch.float64), torch.tensor(clean, dtype=torch.float64), t
    )
    assert variance == pytest.approx(1 / precision, rel=1e-12)
    assert float(posterior_mean) == pytest.approx(mean, rel=1e-12)


def test_the_last_step_has_zero_variance():
    schedule = process.build_cosine_schedule(10)
    _, variance = process.compute_posterior(schedule, torch.zeros(1), torch.ones(1), 1)
    assert variance == 0


def build_perfect_predictor(clean):
    """A noise predictor that knows the clean image."""
    return lambda x, level: (
        (x - level[:, None, None, None] * clean) / (1 - level[:, None, None, None] ** 2).sqrt()
    )


@pytest.mark.parametrize("steps", [range(100, 0, -1), range(100, 0, -7), (100, 3)])
@pytest.mark.parametrize("limits", [None, (-3.0, 3.0)])
def test_ddim_reaches_the_clean_image_of_a_perfect_predictor(steps, limits):
    clean = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(1, 1, 3, 4)
    noisy = torch.randn(1, 1, 3, 4, dtype=torch.float64)
    sampled = process.sample_ddim(
        build_perfect_predictor(clean),
        noisy,
        process.build_cosine_schedule(100),
        list(steps),
        limits,
    )
    torch.testing.assert_close(sampled, clean, rtol=1e-6, atol=1e-6)


def test_ancestral_sampling_reaches_the_clean_image_and_is_reproducible():
    clean = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(1, 1, 3, 4)
    noisy = torch.randn(1, 1, 3, 4, dtype=torch.float64)
    samples = [
        process.sample_ancestral(
            build_perfect_predictor(clean),
            noisy,
            process.build_linear_schedule(30, 1e-3, 0.2),
            start=30,
            generator=torch.Generator().manual_seed(5),
            limits=(-1, 1),
        )
        for _ in range(2)
    ]
    assert torch.equal(*samples)
    torch.testing.assert_close(samples[0], clean, rtol=1e-6, atol=1e-6)


def test_ancestral_sampling_of_a_gaussian_has_its_standard_deviation():
    """For x_0 ~ N(0, s^2) the optimal noise predictor has a closed form."""
    standard_deviation, schedule = 0.5, process.build_linear_schedule(200, 1e-4, 0.05)

    def predict_noise(x, level):
        level = level[:, None, None, None]
        return x * (1 - level**2).sqrt() / (level**2 * standard_deviation**2 + 1 - level**2)

    generator = torch.Generator().manual_seed(0)
    noisy = torch.randn(1, 1, 200, 200, generator=generator, dtype=torch.float64)
    sampled = process.sample_ancestral(
        predict_noise, noisy, schedule, start=200, generator=generator
    )
    assert float(sampled.std()) == pytest.approx(standard_deviation, rel=0.03)


@pytest.mark.parametrize("steps", [[], [3, 3], [1, 2], [11], [2, 0]])
def test_steps_that_are_not_decreasing_or_out_of_range_are_an_error(steps):
    with pytest.raises(ValueError, match="expected strictly decreasing steps"):
        process.sample_ddim(
            build_perfect_predictor(0),
            torch.zeros(1, 1, 2, 2),
            process.build_cosine_schedule(10),
            steps,
        )


def test_the_noise_loss_is_the_mean_squared_error():
    clean, noise = torch.zeros(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    level = torch.tensor([0.6, 0.8])
    perfect = process.compute_noise_loss(lambda x, _: torch.ones_like(x), clean, noise, level)
    zero = process.compute_noise_loss(lambda x, _: x * 0, clean, noise, level)
    assert float(perfect) == 0
    assert float(zero) == 1
