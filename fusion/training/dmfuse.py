"""Both stages of DMFuse as losses of a batch (paper sections 3.2 and 3.4)."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from typing_extensions import Self

from fusion import diffusion, features, losses
from fusion.networks.cnn import ConvolutionalEncoder
from fusion.networks.denoising import DenoisingNetwork, orthogonal
from fusion.networks.dmfuse import BLOCKS, FusionNetwork
from fusion.training.draws import Draws
from fusion.training.learner import TOTAL, precise
from fusion.training.recipes import Denoising, DMFuse, Fusing

SAMPLING = 20  # steps of the sample that is looked at
SHOWN = 0.2  # share of all steps after which a denoised image is shown


class Diffusion(nn.Module):
    """First stage: the denoising network learns to predict the noise in single images, eq. 4."""

    side = 128  # pixels of the pictures that are looked at

    def __init__(self, recipe: DMFuse) -> None:
        super().__init__()
        self._told = recipe.denoising
        self.denoising = _denoising(recipe.denoising)
        orthogonal(self.denoising)
        self.noise = schedule(recipe.denoising)

    def forward(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """The mean squared error of the predicted noise.

        t ~ U{1 ... T} for each image, the level that of step t, or evenly between those of steps
        t - 1 and t.

        Args:
            images: (N, channels, H, W) in [0, 1].
            draws: Time steps and noise.
        """
        t = draws.integers(1, self.noise.steps)
        level = _level(self._told, self.noise, t, draws).to(images)
        noise = draws.normal(*images.shape[1:])
        return {TOTAL: diffusion.loss(self._predict, images * 2 - 1, noise, level)}

    def look(self, images: Tensor, draws: Draws) -> Tensor:
        """Clean, noisy, denoised in one step, and a sample drawn from nothing but noise."""
        clean, noise = images * 2 - 1, draws.normal(*images.shape[1:])
        t = round(SHOWN * self.noise.steps)
        level = self.noise.levels[t].to(images).expand(len(images))
        noisy = diffusion.noised(clean, noise, level)
        denoised = diffusion.estimate(noisy, self._predict(noisy, level), level)
        steps = diffusion.falling(self.noise, SAMPLING)
        sample = diffusion.ddim(self._predict, noise, self.noise, steps, (-1.0, 1.0))
        shown = torch.cat([x.mean(1, keepdim=True) for x in (clean, noisy, denoised, sample)], 1)
        return (shown + 1) / 2

    def _predict(self, noisy: Tensor, level: Tensor) -> Tensor:
        predicted: Tensor = self.denoising(noisy, level)
        return predicted.float()


class Fusion(nn.Module):
    """Second stage: the fusion network on features of the denoising network, eqs. 10-13.

    In the ablation without diffusion features a plain encoder is trained together with it.
    """

    side = 256

    def __init__(self, recipe: DMFuse, stage: Fusing, start: Mapping[str, Tensor] | None) -> None:
        """Build.

        Args:
            recipe: Of both stages.
            stage: The section of it that is trained.
            start: Tensors of the first stage, or of this one to go on with; None where the
                recipe has no first stage.
        """
        super().__init__()
        told, head = recipe.denoising, recipe.head
        plain = head.encoder == "cnn"
        self._told, self._steps, self._channels = told, head.features_at, told.channels
        self._noised = stage.noise
        self._weights = _weights(stage)
        self.noise = schedule(told)
        self.fusion = FusionNetwork(
            inner=told.inner,
            steps=1 if plain else len(head.features_at),
            interaction=head.interaction,
            affinity=head.affinity,
            scaled=head.scaled,
        )
        # A fifth faster on a CPU too; the narrow denoising networks are not.
        self.fusion.to(memory_format=torch.channels_last)
        if plain:
            self.encoder = ConvolutionalEncoder(channels=told.channels, inner=told.inner)
        else:
            self.denoising = _denoising(told).eval()
            seen = () if stage.denoising == "frozen" else self.denoising.behind(BLOCKS)
            self.denoising.requires_grad_(False)
            for part in seen:
                part.requires_grad_(True)
        if start is not None:
            self._take_over(start)

    def _take_over(self, start: Mapping[str, Tensor]) -> None:
        """The first stage's network, or where this stage was left."""
        if any(name.startswith("fusion.") for name in start):
            self.load_state_dict(dict(start))
            return
        known = {name.removeprefix("denoising."): tensor for name, tensor in start.items()}
        self.denoising.load_state_dict(known)

    def train(self, mode: bool = True) -> Self:
        """As every module, but the denoising network never drops activations."""
        super().train(mode)
        if hasattr(self, "denoising"):
            self.denoising.eval()
        return self

    def forward(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """The three weighted terms and their sum.

        Args:
            images: (visible, infrared) luminance, (N, 2, H, W) in [0, 1].
            draws: Noise of the features.
        """
        visible, infrared = images[:, :1], images[:, 1:]
        fused = self._fused(images, draws)
        with precise(images):
            terms = losses.dmfuse(fused, infrared, visible, self._weights)
        return {**terms, TOTAL: torch.stack(list(terms.values())).sum()}

    def look(self, images: Tensor, draws: Draws) -> Tensor:
        """Infrared, visible, fused."""
        fused = self._fused(images, draws).clamp(0, 1)
        return torch.cat((images[:, 1:], images[:, :1], fused), dim=1)

    def _fused(self, images: Tensor, draws: Draws) -> Tensor:
        visible, infrared = (
            (x * 2 - 1).expand(-1, self._channels, -1, -1) for x in (images[:, :1], images[:, 1:])
        )
        fused: Tensor = self.fusion(self._seen(infrared, draws), self._seen(visible, draws))
        return fused.float()

    def _seen(self, image: Tensor, draws: Draws) -> list[Tensor]:
        if not hasattr(self, "denoising"):
            levels: list[Tensor] = self.encoder(image)
            return levels
        count = len(image)
        told = [
            _level(self._told, self.noise, torch.full((count,), t), draws).to(image)
            for t in self._steps
        ]
        noise = [
            draws.normal(*image.shape[1:]) if self._noised else torch.zeros_like(image)
            for _ in self._steps
        ]
        return features.stacked(self.denoising, image, told, noise)


def schedule(told: Denoising) -> diffusion.Schedule:
    """The noise schedule that a recipe asks for."""
    make = diffusion.cosine if told.schedule == "cosine" else diffusion.linear
    return make(told.timesteps)


def _level(told: Denoising, noise: diffusion.Schedule, t: Tensor, draws: Draws) -> Tensor:
    """sqrt(abar) of every image's step, (N,) in float64."""
    if told.levels == "step":
        return noise.levels[t.cpu()]
    return diffusion.between(noise, t, draws.uniform())


def _denoising(told: Denoising) -> DenoisingNetwork:
    return DenoisingNetwork(channels=told.channels, inner=told.inner, dropout=told.dropout)


def _weights(stage: Fusing) -> losses.FusionWeights:
    weights = losses.PAPER if stage.loss == "paper" else losses.CODE
    if stage.weights is not None:
        weights = losses.FusionWeights(stage.loss, *stage.weights)
    return replace(weights, signed=stage.signed)
