"""Denoising diffusion: noise schedules, noising, the training loss, and sampling.

Step t = 1 ... T adds noise of variance beta_t; alpha_t = 1 - beta_t and abar_t is the product of
the alphas up to t. The papers print alpha_t or beta_t where abar_t or 1 - abar_t is meant
(DMFuse eqs. 2 and 4, DMNet eq. 8); here the symbols stand for what they have to be.

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

MAX_BETA = 0.999  # of the betas of the cosine schedule
NoisePredictor = Callable[
    [Tensor, Tensor], Tensor
]  # (x_t, sqrt(abar_t) of shape (N,)) -> the noise


@dataclass(frozen=True)
class NoiseSchedule:
    """How much noise is added at which step.

    Attributes:
        betas: (T,) in float64; ``betas[t - 1]`` is beta_t.
    """

    betas: Tensor

    @property
    def steps(self) -> int:
        """T."""
        return len(self.betas)

    @property
    def alpha_bar(self) -> Tensor:
        """(T + 1,) in float64: the share of signal left after t steps; 1 at t = 0."""
        one = self.betas.new_ones(1)
        return torch.cat((one, (1 - self.betas).cumprod(0)))

    @property
    def noise_levels(self) -> Tensor:
        """(T + 1,) in float64: sqrt(abar_t), what the denoising network is told."""
        return self.alpha_bar.sqrt()


def build_cosine_schedule(steps: int = 2000, offset: float = 0.008) -> NoiseSchedule:
    """The cosine schedule; of DMFuse's released configuration with 2000 steps.

    abar_t = f(t) / f(0),   f(t) = cos^2(pi/2 (t/T + s) / (1 + s)),   betas at most 0.999
    """
    t = torch.arange(steps + 1, dtype=torch.float64) / steps
    f = torch.cos(math.pi / 2 * (t + offset) / (1 + offset)) ** 2
    return NoiseSchedule((1 - f[1:] / f[:-1]).clamp(max=MAX_BETA))


def build_linear_schedule(
    steps: int = 2000, first: float = 1e-6, last: float = 1e-2
) -> NoiseSchedule:
    """Betas in equal steps; the defaults are those of Dif-Fusion, DANet and early DMNet."""
    return NoiseSchedule(torch.linspace(first, last, steps, dtype=torch.float64))


def add_noise(clean: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """The image after t steps: x_t = sqrt(abar_t) x_0 + sqrt(1 - abar_t) noise.

    Source: DMFuse eq. 2, DMNet eqs. 5 and 6.

    Args:
        clean: x_0, (N, C, H, W).
        noise: Standard normal, the same shape.
        level: sqrt(abar_t), (N,).
    """
    level = level.to(clean.dtype)[:, None, None, None]
    return level * clean + (1 - level**2).clamp(min=0).sqrt() * noise


def compute_noise_loss(
    predict: NoisePredictor, clean: Tensor, noise: Tensor, level: Tensor
) -> Tensor:
    """How far the predicted noise is off: mean squared error.

    Source: DMFuse eq. 4, DMNet eq. 17, which print the norm; the released code of DMFuse divides
    its square by the number of elements, as DDPM does.
    """
    return torch.nn.functional.mse_loss(predict(add_noise(clean, noise, level), level), noise)


def interpolate_noise_level(schedule: NoiseSchedule, t: Tensor, share: Tensor) -> Tensor:
    """Noise levels drawn between those of steps t - 1 and t, as SR3 trains.

    Args:
        schedule: See `NoiseSchedule`.
        t: (N,) integers 1 ... T.
        share: (N,) in [0, 1): 0 is the level of t - 1.

    Returns:
        (N,) in float64.
    """
    upper, lower = schedule.noise_levels[t.cpu() - 1], schedule.noise_levels[t.cpu()]
    return upper + share.cpu().double() * (lower - upper)


def compute_posterior(
    schedule: NoiseSchedule, x: Tensor, clean: Tensor, t: int
) -> tuple[Tensor, float]:
    """Mean and variance of x_{t-1} given x_t and x_0.

        mean = sqrt(alpha_t) (1 - abar_{t-1}) / (1 - abar_t) x_t
             + sqrt(abar_{t-1}) (1 - alpha_t) / (1 - abar_t) x_0
        variance = (1 - alpha_t) (1 - abar_{t-1}) / (1 - abar_t)

    Source: DMNet eq. 8, with 1 - abar where it prints beta.
    """
    bars, beta = schedule.alpha_bar, float(schedule.betas[t - 1])
    before, after = float(bars[t - 1]), float(bars[t])
    mean = (
        math.sqrt(1 - beta) * (1 - before) / (1 - after) * x
        + math.sqrt(before) * beta / (1 - after) * clean
    )
    return mean, beta * (1 - before) / (1 - after)


def predict_clean(x: Tensor, noise: Tensor, level: Tensor) -> Tensor:
    """The clean image that x_t and its noise come to.

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
    """Walk from step ``start`` to a clean image one step at a time, drawing from the posterior.

    Source: Ho et al., algorithm 2; DMNet eqs. 7 and 8.

    Args:
        predict: The denoising network.
        noisy: x_start, (N, C, H, W); pure noise for start = T.
        schedule: See `NoiseSchedule`.
        start: The step to start at.
        generator: Of the noise, on the CPU.
        limits: Clip every estimate of the clean image to this range.

    Returns:
        x_0, the same shape.
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
    """Walk from noise to a clean image in any number of steps, drawing nothing.

        x_s = sqrt(abar_s) x_0 + sqrt(1 - abar_s) noise,   s the step after t, 0 after the last

    Source: Song et al., eq. 12 with sigma = 0.

    Args:
        predict: The denoising network.
        noisy: x_t at the first of ``steps``, (N, C, H, W).
        schedule: See `NoiseSchedule`.
        steps: The steps to visit, falling.
        limits: Clip every estimate of the clean image to this range.

    Returns:
        x_0, the same shape.

    Raises:
        ValueError: If the steps do not fall, or leave 1 ... T.
    """
    _check_descending(steps, schedule.steps)
    x = noisy
    for t, following in zip(steps, [*steps[1:], 0], strict=True):
        level, after = (
            _expand_noise_level(schedule, t, x),
            _expand_noise_level(schedule, following, x),
        )
        noise = predict(x, level)
        clean = predict_clean(x, noise, level)
        if limits is not None:
            clean = clean.clamp(*limits)
            scale = (1 - level**2).sqrt().to(x.dtype)[:, None, None, None]
            noise = (x - level.to(x.dtype)[:, None, None, None] * clean) / scale
        x = add_noise(clean, noise, after)
    return x


def list_descending_steps(schedule: NoiseSchedule, count: int) -> list[int]:
    """So many steps for `sample_ddim`, evenly from T down; 1 <= count <= T."""
    last = schedule.steps
    return [last - round(i * last / count) for i in range(count)]


def _expand_noise_level(schedule: NoiseSchedule, t: int, x: Tensor) -> Tensor:
    return schedule.noise_levels[t].to(x).expand(len(x))


def _check_descending(steps: Sequence[int], last: int) -> None:
    falls = all(a > b for a, b in pairwise(steps))
    if not steps or not falls or steps[0] > last or steps[-1] < 1:
        raise ValueError(f"steps have to fall within {last} ... 1, got {list(steps)[:5]}")
