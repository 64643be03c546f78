"""Losses and sample images of DMFuse's stages (paper sections 3.2 and 3.4)."""

from collections.abc import Mapping
from dataclasses import replace

import torch
from torch import Tensor, nn
from typing_extensions import Self

from fusion.diffusion import features, process
from fusion.losses import losses
from fusion.losses.structure import compute_structure_terms
from fusion.networks.blocks.cnn_encoder import ConvolutionalEncoder
from fusion.networks.denoising import DenoisingNetwork, initialize_orthogonal
from fusion.networks.dmfuse import FEATURE_BLOCKS, FusionNetwork
from fusion.training.data.random_streams import RandomStreams
from fusion.training.recipe.schema import DenoisingOptions, DMFuseRecipe
from fusion.training.recipe.stage_options import FusionStageOptions
from fusion.training.stages.contract import TOTAL_LOSS, disable_autocast

SAMPLE_STEPS = 20  # DDIM steps of the generated sample images
DENOISED_STEP_SHARE = 0.2  # time step of the denoised sample image, as a share of all steps


class DiffusionStage(nn.Module):
    """First stage: the denoising network learns to predict the noise in single images, eq. 4."""

    sample_side = 128

    def __init__(self, recipe: DMFuseRecipe) -> None:
        """Build the denoising network with orthogonal initial weights."""
        super().__init__()
        self._options = recipe.denoising
        self.denoising = _build_denoising_network(recipe.denoising)
        initialize_orthogonal(self.denoising)
        self.noise_schedule = build_noise_schedule(recipe.denoising)

    def forward(self, images: Tensor, streams: RandomStreams) -> dict[str, Tensor]:
        """Compute the mean squared error of the predicted noise.

        t ~ U{1 ... T} for each image; the noise level is that of step t, or uniform between those
        of steps t - 1 and t.

        Args:
            images: (N, channels, H, W) in [0, 1].
            streams: Random time steps and noise.
        """
        t = streams.integers(1, self.noise_schedule.steps)
        level = _sample_noise_level(self._options, self.noise_schedule, t, streams).to(images)
        noise = streams.normal(*images.shape[1:])
        return {TOTAL_LOSS: process.compute_noise_loss(self._predict, images * 2 - 1, noise, level)}

    def make_sample_images(self, images: Tensor, streams: RandomStreams) -> Tensor:
        """Return clean, noisy and denoised image (in one step), and a sample from pure noise."""
        clean, noise = images * 2 - 1, streams.normal(*images.shape[1:])
        t = round(DENOISED_STEP_SHARE * self.noise_schedule.steps)
        level = self.noise_schedule.noise_levels[t].to(images).expand(len(images))
        noisy = process.add_noise(clean, noise, level)
        denoised = process.predict_clean(noisy, self._predict(noisy, level), level)
        steps = process.list_descending_steps(self.noise_schedule, SAMPLE_STEPS)
        sample = process.sample_ddim(self._predict, noise, self.noise_schedule, steps, (-1.0, 1.0))
        # Color images are shown as the mean of their channels.
        columns = [x.mean(1, keepdim=True) for x in (clean, noisy, denoised, sample)]
        return (torch.cat(columns, 1) + 1) / 2

    def _predict(self, noisy: Tensor, level: Tensor) -> Tensor:
        """Predict the noise, in float32 whatever the network computes in."""
        predicted: Tensor = self.denoising(noisy, level)
        return predicted.float()


class FusionStage(nn.Module):
    """Second stage: the fusion network on features of the denoising network, eqs. 10-13.

    In the ablation without diffusion features, a convolutional encoder is trained with it.
    """

    sample_side = 256

    def __init__(
        self,
        recipe: DMFuseRecipe,
        options: FusionStageOptions,
        start_weights: Mapping[str, Tensor] | None,
    ) -> None:
        """Build the networks.

        Args:
            recipe: The whole recipe.
            options: Its section of this stage.
            start_weights: Weights of the first stage, or of this one for finetuning; None if the
                recipe has no first stage.
        """
        super().__init__()
        denoising, head = recipe.denoising, recipe.head
        uses_cnn = head.encoder == "cnn"
        self._denoising_options = denoising
        self._feature_steps = head.features_at
        self._channels = denoising.channels
        self._adds_noise = options.noise
        self._loss_options = _build_loss_options(options)
        self._structure_options = options.structure
        self.noise_schedule = build_noise_schedule(denoising)
        self.fusion = FusionNetwork(
            inner=denoising.inner,
            steps=1 if uses_cnn else len(head.features_at),
            interaction=head.interaction,
            affinity=head.affinity,
            scaled=head.scaled,
        )
        # Channels last is a fifth faster, on a CPU too, but not for narrow denoising networks.
        self.fusion.to(memory_format=torch.channels_last)
        # Exactly one of the two is there.
        self.encoder: ConvolutionalEncoder | None = None
        self.denoising: DenoisingNetwork | None = None
        if uses_cnn:
            self.encoder = ConvolutionalEncoder(channels=denoising.channels, inner=denoising.inner)
        else:
            self.denoising = _build_denoising_network(denoising).eval()
            self.denoising.requires_grad_(False)
            if options.denoising == "trained":
                # Only the modules that the features depend on are trained.
                for module in self.denoising.get_modules_up_to(FEATURE_BLOCKS):
                    module.requires_grad_(True)
        if start_weights is not None:
            self._load_start_weights(start_weights)

    def _load_start_weights(self, start_weights: Mapping[str, Tensor]) -> None:
        """Load weights of the first stage, or of the whole of this one."""
        if any(name.startswith("fusion.") for name in start_weights):
            self.load_state_dict(dict(start_weights))
            return
        assert self.denoising is not None
        denoising_weights = {
            name.removeprefix("denoising."): tensor for name, tensor in start_weights.items()
        }
        self.denoising.load_state_dict(denoising_weights)

    def train(self, mode: bool = True) -> Self:
        """Set the training mode, except of the denoising network: it never uses dropout here."""
        super().train(mode)
        if self.denoising is not None:
            self.denoising.eval()
        return self

    def forward(self, images: Tensor, streams: RandomStreams) -> dict[str, Tensor]:
        """Compute the weighted terms and their sum.

        Args:
            images: (visible, infrared) luminance, (N, 2, H, W) in [0, 1].
            streams: Random noise of the features.
        """
        visible, infrared = images[:, :1], images[:, 1:]
        fused = self._fuse(images, streams)
        with disable_autocast(images):
            terms = self._compute_terms(fused, infrared, visible)
        return {**terms, TOTAL_LOSS: torch.stack(list(terms.values())).sum()}

    def _compute_terms(self, fused: Tensor, infrared: Tensor, visible: Tensor) -> losses.LossTerms:
        """Compute the paper's weighted terms, or those that replace them."""
        if self._structure_options is not None:
            return compute_structure_terms(fused, infrared, visible, self._structure_options)
        return losses.compute_dmfuse_terms(fused, infrared, visible, self._loss_options)

    def make_sample_images(self, images: Tensor, streams: RandomStreams) -> Tensor:
        """Return infrared, visible and fused image."""
        fused = self._fuse(images, streams).clamp(0, 1)
        return torch.cat((images[:, 1:], images[:, :1], fused), dim=1)

    def _fuse(self, images: Tensor, streams: RandomStreams) -> Tensor:
        """Fuse (visible, infrared) pairs, (N, 1, H, W)."""
        visible, infrared = (
            (x * 2 - 1).expand(-1, self._channels, -1, -1) for x in (images[:, :1], images[:, 1:])
        )
        # Infrared comes first: the order decides which random numbers each modality gets.
        fused: Tensor = self.fusion(
            self._extract_features(infrared, streams), self._extract_features(visible, streams)
        )
        return fused.float()

    def _extract_features(self, image: Tensor, streams: RandomStreams) -> list[Tensor]:
        """Extract features of five levels of detail from one modality, in [-1, 1]."""
        if self.encoder is not None:
            encoded: list[Tensor] = self.encoder(image)
            return encoded
        assert self.denoising is not None
        count = len(image)
        noise_levels = [
            _sample_noise_level(
                self._denoising_options, self.noise_schedule, torch.full((count,), t), streams
            ).to(image)
            for t in self._feature_steps
        ]
        noises = [
            streams.normal(*image.shape[1:]) if self._adds_noise else torch.zeros_like(image)
            for _ in self._feature_steps
        ]
        return features.extract_features(self.denoising, image, noise_levels, noises)


def build_noise_schedule(options: DenoisingOptions) -> process.NoiseSchedule:
    """Build the noise schedule of a recipe."""
    build = (
        process.build_cosine_schedule
        if options.schedule == "cosine"
        else process.build_linear_schedule
    )
    return build(options.timesteps)


def _sample_noise_level(
    options: DenoisingOptions,
    noise_schedule: process.NoiseSchedule,
    t: Tensor,
    streams: RandomStreams,
) -> Tensor:
    """Return sqrt(abar) for the time step of every image, (N,) in float64."""
    if options.levels == "step":
        return noise_schedule.noise_levels[t.cpu()]
    return process.interpolate_noise_level(noise_schedule, t, streams.uniform())


def _build_denoising_network(options: DenoisingOptions) -> DenoisingNetwork:
    """Build the denoising network of a recipe."""
    return DenoisingNetwork(channels=options.channels, inner=options.inner, dropout=options.dropout)


def _build_loss_options(options: FusionStageOptions) -> losses.DMFuseLossOptions:
    """Combine the options of the loss: variant, weights and signed gradients."""
    weights = losses.PAPER_LOSS if options.loss == "paper" else losses.RELEASED_CODE_LOSS
    if options.weights is not None:
        weights = losses.DMFuseLossOptions(options.loss, *options.weights)
    return replace(weights, signed=options.signed)
