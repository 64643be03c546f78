"""Denoising diffusion: noise schedules, forward process, training loss and sampling.

Step t = 1 ... T adds noise of variance beta_t; alpha_t = 1 - beta_t and abar_t is the product of
alpha_1 to alpha_t. The papers print alpha_t or beta_t where abar_t or 1 - abar_t is meant (DMFuse
eqs. 2 and 4, DMNet eq. 8); here the equations are corrected.

Sources: Ho, Jain, Abbeel, "Denoising diffusion probabilistic models", NeurIPS 2020; Nichol,
Dhariwal, "Improved DDPM", ICML 2021 (cosine); Song, Meng, Ermon, "Denoising diffusion implicit
models", ICLR 2021.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import torch
from torch import Tensor

MAX_BETA = 0.999  # largest beta of the cosine schedule
NoisePredictor = Callable[[Tensor, Tensor], Tensor]  # (x_t, sqrt(abar_t), (N,)) -> noise


@dataclass(frozen=True)
class NoiseSchedule:
    """Noise schedule: variance of the noise that each step adds.

    Attributes:
        betas: float64, (T,); ``betas[t - 1]`` is beta_t.
    """

    betas: Tensor

    @property
    def steps(self) -> int:
        """Number of steps T."""
        return len(self.betas)

    @property
    def alpha_bar(self) -> Tensor:
        """abar_t: variance of the signal left after t steps, float64, (T + 1,); 1 at t = 0."""
        start = self.betas.new_ones(1)
        return torch.cat((start, (1 - self.betas).cumprod(0)))

    @property
    def noise_levels(self) -> Tensor:
        """sqrt(abar_t), the noise level given to the denoising network, float64, (T + 1,)."""
        return self.alpha_bar.sqrt()


def build_cosine_schedule(steps: int = 2000, offset: float = 0.008) -> NoiseSchedule:
    """Build the cosine schedule; DMFuse's released configuration has 2000 steps.

    abar_t = f(t) / f(0),   f(t) = cos^2(pi/2 (t/T + s) / (1 + s)),   betas at most 0.999
    """
    t = torch.arange(steps + 1, dtype=torch.float64) / steps
    f = torch.cos(math.pi / 2 * (t + offset) / (1 + offset)) ** 2
    return NoiseSchedule((1 - f[1:] / f[:-1]).clamp(max=MAX_BETA))


def build_linear_schedule(
    steps: int = 2000, first: float = 1e-6, last: float = 1e-2
) -> NoiseSchedule:
    """Build a schedule of linearly spaced betas.

    The defaults are those of Dif-Fusion, DANet and early DMNet code.
    """
    return NoiseSchedule(torch.linspace(first, last, steps, dtype=torch.float64))


def add_noise(clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """Sample x_t given x_0: x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise.

    Source: DMFuse eq. 2, DMNet eqs. 5 and 6.

    Args:
        clean: x_0, (N, C, H, W).
        noise: Standard normal noise, (N, C, H, W).
        level: Noise level sqrt(abar_t), (N,).

    Returns:
        x_t, (N, C, H, W).
    """
    level = level.to(clean.dtype)[:, None, None, None]
    return level * clean + (1 - level**2).clamp(min=0).sqrt() * noise


def compute_noise_loss(
    predict: NoisePredictor, clean: Tensor, noise: Tensor, level: Tensor
) -> Tensor:
    """Compute the mean squared error of the predicted noise.

    Source: DMFuse eq. 4, DMNet eq. 17, which print the norm. The released code of DMFuse divides
    the squared norm by the number of elements, as DDPM does.

    Args:
        predict: Predicts the noise in x_t.
        clean: x_0, (N, C, H, W).
        noise: Standard normal noise, (N, C, H, W).
        level: Noise level sqrt(abar_t), (N,).

    Returns:
        Scalar.
    """
    return torch.nn.functional.mse_loss(predict(add_noise(clean, noise, level), level), noise)


def interpolate_noise_level(schedule: NoiseSchedule, t: Tensor, fraction: Tensor) -> Tensor:
    """Interpolate between the noise levels of steps t - 1 and t, as in SR3's training.

    Args:
        schedule: Noise schedule.
        t: Integers 1 ... T, (N,).
        fraction: (N,) in [0, 1]; 0 is the level of step t - 1.

    Returns:
        float64, (N,).
    """
    upper, lower = schedule.noise_levels[t.cpu() - 1], schedule.noise_levels[t.cpu()]
    return upper + fraction.cpu().double() * (lower - upper)


def compute_posterior(
    schedule: NoiseSchedule, x: Tensor, clean: Tensor, t: int
) -> tuple[Tensor, float]:
    """Compute mean and variance of x_{t-1} given x_t and x_0.

        mean = sqrt(alpha_t) (1 - abar_{t-1}) / (1 - abar_t) x_t
             + sqrt(abar_{t-1}) (1 - alpha_t) / (1 - abar_t) x_0
        variance = (1 - alpha_t) (1 - abar_{t-1}) / (1 - abar_t)

    Source: DMNet eq. 8, with 1 - abar where it prints beta.

    Args:
        schedule: Noise schedule.
        x: x_t, any shape.
        clean: x_0, the same shape.
        t: Step, 1 ... T.

    Returns:
        Mean, of the shape of ``x``, and variance.
    """
    bars, beta = schedule.alpha_bar, float(schedule.betas[t - 1])
    before, after = float(bars[t - 1]), float(bars[t])
    mean = (
        math.sqrt(1 - beta) * (1 - before) / (1 - after) * x
        + math.sqrt(before) * beta / (1 - after) * clean
    )
    return mean, beta * (1 - before) / (1 - after)


def predict_clean(x: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """Compute the clean image from x_t and its noise.

    x_0 = (x_t - sqrt(1 - abar_t) noise) / sqrt(abar_t)
    """
    level = level.to(x.dtype)[:, None, None, None]
    return (x - (1 - level**2).clamp(min=0).sqrt() * noise) / level


@torch.no_grad()
def sample_ancestral(
    predict: NoisePredictor,
    noisy: Tensor,
    schedule: NoiseSchedule,
    *,
    start: int,
    generator: torch.Generator,
    limits: tuple[float, float] | None = None,
) -> Tensor:
    """Sample a clean image by ancestral sampling: every step samples from the posterior.

    Source: Ho et al., algorithm 2; DMNet eqs. 7 and 8.

    Args:
        predict: Denoising network.
        noisy: x_start, (N, C, H, W); pure noise for start = T.
        schedule: Noise schedule.
        start: First step.
        generator: Random generator of the noise, on the CPU.
        limits: Range to which every estimate of the clean image is clipped.

    Returns:
        x_0, (N, C, H, W).
    """
    x = noisy
    for t in range(start, 0, -1):
        level = _expand_noise_level(schedule, t, x)
        clean = predict_clean(x, predict(x, level), level)
        clean = clean if limits is None else clean.clamp(*limits)
        mean, variance = compute_posterior(schedule, x, clean, t)
        noise = torch.randn(x.shape, generator=generator).to(x)
        x = mean + math.sqrt(variance) * noise
    return x


@torch.no_grad()
def sample_ddim(
    predict: NoisePredictor,
    noisy: Tensor,
    schedule: NoiseSchedule,
    steps: Sequence[int],
    limits: tuple[float, float] | None = None,
) -> Tensor:
    """Sample a clean image deterministically in any number of steps (DDIM).

        x_s = sqrt(abar_s) x_0 + sqrt(1 - abar_s) noise,   s the step after t, 0 after the last

    Source: Song et al., eq. 12 with sigma = 0.

    Args:
        predict: Denoising network.
        noisy: x_t at the first of ``steps``, (N, C, H, W).
        schedule: Noise schedule.
        steps: Steps to visit, strictly decreasing.
        limits: Range to which every estimate of the clean image is clipped.

    Returns:
        x_0, (N, C, H, W).

    Raises:
        ValueError: If the steps are not strictly decreasing, or are outside 1 ... T.
    """
    _check_descending(steps, schedule.steps)
    x = noisy
    for t, next_t in zip(steps, [*steps[1:], 0], strict=True):
        level = _expand_noise_level(schedule, t, x)
        next_level = _expand_noise_level(schedule, next_t, x)
        noise = predict(x, level)
        clean = predict_clean(x, noise, level)
        if limits is not None:
            # The noise that belongs to the clipped image.
            clean = clean.clamp(*limits)
            scale = (1 - level**2).sqrt().to(x.dtype)[:, None, None, None]
            noise = (x - level.to(x.dtype)[:, None, None, None] * clean) / scale
        x = add_noise(clean, noise, next_level)
    return x


def list_descending_steps(schedule: NoiseSchedule, count: int) -> list[int]:
    """List ``count`` evenly spaced steps for `sample_ddim`, from T down; 1 <= count <= T."""
    last = schedule.steps
    return [last - round(i * last / count) for i in range(count)]


def _expand_noise_level(schedule: NoiseSchedule, t: int, x: Tensor) -> Tensor:
    """Return the noise level of step ``t`` for every image of the batch, (N,)."""
    return schedule.noise_levels[t].to(x).expand(len(x))


def _check_descending(steps: Sequence[int], last: int) -> None:
    is_decreasing = all(a > b for a, b in pairwise(steps))
    if not steps or not is_decreasing or steps[0] > last or steps[-1] < 1:
        raise ValueError(
            f"steps {list(steps)[:5]}: expected strictly decreasing steps within {last} ... 1"
        )
