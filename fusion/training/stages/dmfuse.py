"""Both stages of DMFuse as losses of a batch (paper sections 3.2 and 3.4)."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from typing_extensions import Self

from fusion.diffusion import features, process
from fusion.losses import losses
from fusion.networks.blocks.cnn_encoder import ConvolutionalEncoder
from fusion.networks.denoising import DenoisingNetwork, initialize_orthogonal
from fusion.networks.dmfuse import FEATURE_BLOCKS, FusionNetwork
from fusion.training.data.random_streams import RandomStreams
from fusion.training.recipe.schema import DenoisingOptions, DMFuseRecipe, FusionStageOptions
from fusion.training.stages.contract import TOTAL_LOSS, disable_autocast

SAMPLE_STEPS = 20  # steps of the sample that is looked at
DENOISED_STEP_SHARE = 0.2  # share of all steps after which a denoised image is shown


class DiffusionStage(nn.Module):
    """First stage: the denoising network learns to predict the noise in single images, eq. 4."""

    sample_side = 128  # pixels of the pictures that are looked at

    def __init__(self, recipe: DMFuseRecipe) -> None:
        super().__init__()
        self._options = recipe.denoising
        self.denoising = _build_denoising_network(recipe.denoising)
        initialize_orthogonal(self.denoising)
        self.noise_schedule = build_noise_schedule(recipe.denoising)

    def forward(self, images: Tensor, draws: RandomStreams) -> dict[str, Tensor]:
        """The mean squared error of the predicted noise.

        t ~ U{1 ... T} for each image, the level that of step t, or evenly between those of steps
        t - 1 and t.

        Args:
            images: (N, channels, H, W) in [0, 1].
            draws: Time steps and noise.
        """
        t = draws.integers(1, self.noise_schedule.steps)
        level = _sample_noise_level(self._options, self.noise_schedule, t, draws).to(images)
        noise = draws.normal(*images.shape[1:])
        return {TOTAL_LOSS: process.compute_noise_loss(self._predict, images * 2 - 1, noise, level)}

    def make_sample_images(self, images: Tensor, draws: RandomStreams) -> Tensor:
        """Clean, noisy, denoised in one step, and a sample drawn from nothing but noise."""
        clean, noise = images * 2 - 1, draws.normal(*images.shape[1:])
        t = round(DENOISED_STEP_SHARE * self.noise_schedule.steps)
        level = self.noise_schedule.noise_levels[t].to(images).expand(len(images))
        noisy = process.add_noise(clean, noise, level)
        denoised = process.predict_clean(noisy, self._predict(noisy, level), level)
        steps = process.list_descending_steps(self.noise_schedule, SAMPLE_STEPS)
        sample = process.sample_ddim(self._predict, noise, self.noise_schedule, steps, (-1.0, 1.0))
        shown = torch.cat([x.mean(1, keepdim=True) for x in (clean, noisy, denoised, sample)], 1)
        return (shown + 1) / 2

    def _predict(self, noisy: Tensor, level: Tensor) -> Tensor:
        predicted: Tensor = self.denoising(noisy, level)
        return predicted.float()


class FusionStage(nn.Module):
    """Second stage: the fusion network on features of the denoising network, eqs. 10-13.

    In the ablation without diffusion features a plain encoder is trained together with it.
    """

    sample_side = 256

    def __init__(
        self, recipe: DMFuseRecipe, stage: FusionStageOptions, start: Mapping[str, Tensor] | None
    ) -> None:
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
        self._denoising_options, self._feature_steps, self._channels = (
            told,
            head.features_at,
            told.channels,
        )
        self._adds_noise = stage.noise
        self._loss_options = _build_loss_options(stage)
        self.noise_schedule = build_noise_schedule(told)
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
            self.denoising = _build_denoising_network(told).eval()
            seen = (
                ()
                if stage.denoising == "frozen"
                else self.denoising.get_modules_up_to(FEATURE_BLOCKS)
            )
            self.denoising.requires_grad_(False)
            for part in seen:
                part.requires_grad_(True)
        if start is not None:
            self._load_start_weights(start)

    def _load_start_weights(self, start: Mapping[str, Tensor]) -> None:
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

    def forward(self, images: Tensor, draws: RandomStreams) -> dict[str, Tensor]:
        """The three weighted terms and their sum.

        Args:
            images: (visible, infrared) luminance, (N, 2, H, W) in [0, 1].
            draws: Noise of the features.
        """
        visible, infrared = images[:, :1], images[:, 1:]
        fused = self._fuse(images, draws)
        with disable_autocast(images):
            terms = losses.compute_dmfuse_terms(fused, infrared, visible, self._loss_options)
        return {**terms, TOTAL_LOSS: torch.stack(list(terms.values())).sum()}

    def make_sample_images(self, images: Tensor, draws: RandomStreams) -> Tensor:
        """Infrared, visible, fused."""
        fused = self._fuse(images, draws).clamp(0, 1)
        return torch.cat((images[:, 1:], images[:, :1], fused), dim=1)

    def _fuse(self, images: Tensor, draws: RandomStreams) -> Tensor:
        visible, infrared = (
            (x * 2 - 1).expand(-1, self._channels, -1, -1) for x in (images[:, :1], images[:, 1:])
        )
        fused: Tensor = self.fusion(
            self._extract_features(infrared, draws), self._extract_features(visible, draws)
        )
        return fused.float()

    def _extract_features(self, image: Tensor, draws: RandomStreams) -> list[Tensor]:
        if not hasattr(self, "denoising"):
            levels: list[Tensor] = self.encoder(image)
            return levels
        count = len(image)
        told = [
            _sample_noise_level(
                self._denoising_options, self.noise_schedule, torch.full((count,), t), draws
            ).to(image)
            for t in self._feature_steps
        ]
        noise = [
            draws.normal(*image.shape[1:]) if self._adds_noise else torch.zeros_like(image)
            for _ in self._feature_steps
        ]
        return features.extract_features(self.denoising, image, told, noise)


def build_noise_schedule(told: DenoisingOptions) -> process.NoiseSchedule:
    """The noise schedule that a recipe asks for."""
    make = (
        process.build_cosine_schedule
        if told.schedule == "cosine"
        else process.build_linear_schedule
    )
    return make(told.timesteps)


def _sample_noise_level(
    told: DenoisingOptions, noise: process.NoiseSchedule, t: Tensor, draws: RandomStreams
) -> Tensor:
    """sqrt(abar) of every image's step, (N,) in float64."""
    if told.levels == "step":
        return noise.noise_levels[t.cpu()]
    return process.interpolate_noise_level(noise, t, draws.uniform())


def _build_denoising_network(told: DenoisingOptions) -> DenoisingNetwork:
    return DenoisingNetwork(channels=told.channels, inner=told.inner, dropout=told.dropout)


def _build_loss_options(stage: FusionStageOptions) -> losses.DMFuseLossOptions:
    weights = losses.PAPER_LOSS if stage.loss == "paper" else losses.RELEASED_CODE_LOSS
    if stage.weights is not None:
        weights = losses.DMFuseLossOptions(stage.loss, *stage.weights)
    return replace(weights, signed=stage.signed)
