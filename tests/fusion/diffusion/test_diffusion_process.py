"""Schedules against tables, noising and sampling against closed forms."""

import math

import pytest
import torch

from fusion.diffusion import process
from tests.helpers.reference_tensors import load_reference


@pytest.mark.parametrize(
    ("name", "schedule"),
    [
        ("cosine_2000", process.build_cosine_schedule(2000)),
        ("cosine_3000", process.build_cosine_schedule(3000)),
        ("linear_2000", process.build_linear_schedule(2000)),
    ],
)
def test_schedules_are_the_released_ones(name, schedule):
    for t, known in load_reference("noise_schedules")[name].items():
        level = float(schedule.noise_levels[int(t)])
        assert level == pytest.approx(known["sqrt_alpha_bar"], rel=1e-9)
        assert math.sqrt(1 - level**2) == pytest.approx(known["sigma"], rel=1e-9)
        if known["beta"] is not None:
            assert float(schedule.betas[int(t) - 1]) == pytest.approx(known["beta"], rel=1e-9)


def test_noising_keeps_the_variance():
    generator = torch.Generator().manual_seed(0)
    clean, noise = torch.randn(2, 1, 1, 400, 400, generator=generator, dtype=torch.float64)
    x = process.add_noise(clean, noise, torch.tensor([0.6], dtype=torch.float64))
    torch.testing.assert_close(x, 0.6 * clean + 0.8 * noise)
    assert float(x.var()) == pytest.approx(1, abs=0.02)


def test_noising_step_by_step_adds_up_to_noising_at_once():
    """Variances multiply out: (3) of DMNet applied t times is its (6)."""
    schedule = process.build_linear_schedule(50, 1e-3, 2e-2)
    signal, variance = 1.0, 0.0
    for beta in schedule.betas.tolist():
        signal, variance = signal * math.sqrt(1 - beta), variance * (1 - beta) + beta
    assert float(schedule.noise_levels[-1]) == pytest.approx(signal, rel=1e-12)
    assert 1 - float(schedule.alpha_bar[-1]) == pytest.approx(variance, rel=1e-12)


def test_levels_are_drawn_between_those_of_two_steps():
    schedule = process.build_cosine_schedule(10)
    t = torch.tensor([1, 1, 10])
    found = process.interpolate_noise_level(schedule, t, torch.tensor([0.0, 0.5, 1.0]))
    levels = schedule.noise_levels
    expected = torch.stack([levels[0], (levels[0] + levels[1]) / 2, levels[10]])
    torch.testing.assert_close(found, expected)


def test_the_posterior_is_bayes_rule():
    """The product of both Gaussians of DMNet eq. 7, completed to a square by hand."""
    schedule = process.build_linear_schedule(20, 1e-2, 2e-1)
    t, x, clean = 7, 0.3, -1.2
    beta, before = float(schedule.betas[t - 1]), float(schedule.alpha_bar[t - 1])
    precision = (1 - beta) / beta + 1 / (1 - before)
    mean = (math.sqrt(1 - beta) * x / beta + math.sqrt(before) * clean / (1 - before)) / precision
    found, variance = process.compute_posterior(
        schedule, torch.tensor(x, dtype=torch.float64), torch.tensor(clean, dtype=torch.float64), t
    )
    assert variance == pytest.approx(1 / precision, rel=1e-12)
    assert float(found) == pytest.approx(mean, rel=1e-12)


def test_the_last_step_draws_nothing():
    assert (
        process.compute_posterior(
            process.build_cosine_schedule(10), torch.zeros(1), torch.ones(1), 1
        )[1]
        == 0
    )


def knowing(clean):
    """A denoising network that knows the clean image."""
    return lambda x, level: (
        (x - level[:, None, None, None] * clean) / (1 - level[:, None, None, None] ** 2).sqrt()
    )


@pytest.mark.parametrize("steps", [range(100, 0, -1), range(100, 0, -7), (100, 3)])
@pytest.mark.parametrize("limits", [None, (-3.0, 3.0)])
def test_ddim_finds_what_the_network_knows(steps, limits):
    clean = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(1, 1, 3, 4)
    noisy = torch.randn(1, 1, 3, 4, dtype=torch.float64)
    found = process.sample_ddim(
        knowing(clean), noisy, process.build_cosine_schedule(100), list(steps), limits
    )
    torch.testing.assert_close(found, clean, rtol=1e-6, atol=1e-6)


def test_ancestral_sampling_finds_it_too_and_is_repeatable():
    clean = torch.linspace(-1, 1, 12, dtype=torch.float64).reshape(1, 1, 3, 4)
    noisy = torch.randn(1, 1, 3, 4, dtype=torch.float64)
    runs = [
        process.sample_ancestral(
            knowing(clean),
            noisy,
            process.build_linear_schedule(30, 1e-3, 0.2),
            start=30,
            generator=torch.Generator().manual_seed(5),
            limits=(-1, 1),
        )
        for _ in range(2)
    ]
    assert torch.equal(*runs)
    torch.testing.assert_close(runs[0], clean, rtol=1e-6, atol=1e-6)


def test_ancestral_sampling_of_a_gaussian_has_its_spread():
    """For x_0 ~ N(0, s^2) the best estimate of the noise is known; so is what comes out."""
    spread, schedule = 0.5, process.build_linear_schedule(200, 1e-4, 0.05)

    def best(x, level):
        level = level[:, None, None, None]
        return x * (1 - level**2).sqrt() / (level**2 * spread**2 + 1 - level**2)

    generator = torch.Generator().manual_seed(0)
    noisy = torch.randn(1, 1, 200, 200, generator=generator, dtype=torch.float64)
    found = process.sample_ancestral(best, noisy, schedule, start=200, generator=generator)
    assert float(found.std()) == pytest.approx(spread, rel=0.03)


@pytest.mark.parametrize("steps", [[], [3, 3], [1, 2], [11], [2, 0]])
def test_steps_that_do_not_fall_are_refused(steps):
    with pytest.raises(ValueError, match="steps have to fall"):
        process.sample_ddim(
            knowing(0), torch.zeros(1, 1, 2, 2), process.build_cosine_schedule(10), steps
        )


def test_a_network_that_knows_the_noise_has_no_loss():
    clean, noise = torch.zeros(2, 1, 4, 4), torch.ones(2, 1, 4, 4)
    level = torch.tensor([0.6, 0.8])
    assert (
        float(process.compute_noise_loss(lambda x, _: torch.ones_like(x), clean, noise, level)) == 0
    )
    assert float(process.compute_noise_loss(lambda x, _: x * 0, clean, noise, level)) == 1
