"""Losses and sample images of DMNet's stages (paper sections III-G and III-H)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion.diffusion import process
from fusion.losses import losses
from fusion.losses.structure import compute_structure_terms
from fusion.networks.dmnet import DMNet
from fusion.training.data.random_streams import RandomStreams
from fusion.training.recipe import schema
from fusion.training.recipe.stage_options import JointStageOptions
from fusion.training.stages.contract import TOTAL_LOSS, disable_autocast

SAMPLE_STEPS = 10  # DDIM steps of the generated sample images
SECOND_STAGE_MODULES = ("joining", "latent", "latent_attention")  # not trained in the first stage


class ReconstructionStage(nn.Module):
    """First stage: the autoencoder reconstructs each source, the denoising network denoises.

    L = L_vi + gamma_1 L_ir + L_dm   (eqs. 13 and 17; the two parts share no weights)
    """

    sample_side = 256

    def __init__(self, recipe: schema.DMNetRecipe) -> None:
        """Build the network; the modules of the second stage are frozen."""
        super().__init__()
        self.network = DMNet(recipe.architecture)
        for name in SECOND_STAGE_MODULES:
            getattr(self.network, name).requires_grad_(False)
        self._recipe = recipe
        self.noise_schedule = process.build_linear_schedule(recipe.timesteps)

    def forward(self, images: Tensor, streams: RandomStreams) -> dict[str, Tensor]:
        """Compute the reconstruction terms of both modalities, the denoising loss and the total.

        Args:
            images: (visible, infrared) luminance, (N, 2, H, W) in [0, 1].
            streams: Random time steps and noise.
        """
        options = self._recipe.stage1
        reconstructed = self._reconstruct(images)
        terms: dict[str, Tensor] = {}
        total = images.new_zeros(())
        for name, weight, image, reconstruction in zip(
            ("visible", "infrared"),
            (1.0, options.infrared_weight),
            images.chunk(2, dim=1),
            reconstructed.chunk(2),
            strict=True,
        ):
            with disable_autocast(images):
                image_terms = losses.compute_reconstruction_terms(
                    reconstruction, image, options.ssim_weight
                )
            terms |= {f"{name} {term}": value for term, value in image_terms.items()}
            total = total + weight * torch.stack(list(image_terms.values())).sum()
        denoising_terms = compute_denoising_loss(self.network, self.noise_schedule, images, streams)
        for value in denoising_terms.values():
            total = total + value
        return {**terms, **denoising_terms, TOTAL_LOSS: total}

    def make_sample_images(self, images: Tensor, streams: RandomStreams) -> Tensor:
        """Return visible and infrared, each beside its reconstruction, and a generated pair.

        The pair, visible first, is sampled from the denoising network; it is left out if the
        network has none.
        """
        visible, infrared = self._reconstruct(images).chunk(2)
        columns = [images[:, :1], visible, images[:, 1:], infrared]
        if self.network.denoising is not None:
            noise = streams.normal(2, *images.shape[2:])
            steps = process.list_descending_steps(self.noise_schedule, SAMPLE_STEPS)
            predict = _build_noise_predictor(self.network.denoising)
            columns.append(
                process.sample_ddim(predict, noise, self.noise_schedule, steps, (0.0, 1.0))
            )
        return torch.cat(columns, dim=1)

    def _reconstruct(self, images: Tensor) -> Tensor:
        """Reconstruct both modalities as one batch: visible images first, (2 N, 1, H, W)."""
        return self.network.reconstruct(torch.cat(images.chunk(2, dim=1))).float()


class JointStage(nn.Module):
    """Second stage: the whole network is trained to fuse.

    L = L_int + L_dm + gamma_2 L_gd   (eq. 18)
    """

    sample_side = 256

    def __init__(
        self,
        recipe: schema.DMNetRecipe,
        options: JointStageOptions,
        start_weights: Mapping[str, Tensor] | None,
    ) -> None:
        """Build the network.

        Args:
            recipe: The whole recipe.
            options: Its section of this stage.
            start_weights: Weights of the first stage, or of this one for finetuning; None trains
                from random weights.
        """
        super().__init__()
        self.network = DMNet(recipe.architecture)
        if start_weights is not None:
            self.network.load_state_dict(dict(start_weights))
        self._options = options
        self.noise_schedule = process.build_linear_schedule(recipe.timesteps)
        self._noise_levels = [
            float(self.noise_schedule.noise_levels[t]) for t in recipe.architecture.time_steps
        ]

    def forward(self, images: Tensor, streams: RandomStreams) -> dict[str, Tensor]:
        """Compute the weighted terms and their sum.

        Args:
            images: (visible, infrared) luminance, (N, 2, H, W) in [0, 1].
            streams: Random time steps and noise.
        """
        fused = self._fuse(images, streams)
        with disable_autocast(images):
            terms = self._compute_fusion_terms(fused, images[:, 1:], images[:, :1])
        terms |= compute_denoising_loss(self.network, self.noise_schedule, images, streams)
        return {**terms, TOTAL_LOSS: torch.stack(list(terms.values())).sum()}

    def _compute_fusion_terms(
        self, fused: Tensor, infrared: Tensor, visible: Tensor
    ) -> losses.LossTerms:
        """Compute the paper's weighted terms without L_dm, or those that replace them."""
        options = self._options
        if options.structure is not None:
            return compute_structure_terms(fused, infrared, visible, options.structure)
        return losses.compute_dmnet_fusion_terms(
            fused,
            infrared,
            visible,
            options.gradient_weight,
            options.operator,
            options.ssim_weight,
        )

    def make_sample_images(self, images: Tensor, streams: RandomStreams) -> Tensor:
        """Return infrared, visible and fused image."""
        return torch.cat((images[:, 1:], images[:, :1], self._fuse(images, streams)), dim=1)

    def _fuse(self, images: Tensor, streams: RandomStreams) -> Tensor:
        """Fuse (visible, infrared) pairs, (N, 1, H, W)."""
        noises = [streams.normal(*images.shape[1:]) for _ in self._noise_levels]
        fused: Tensor = self.network.fuse(images[:, 1:], images[:, :1], self._noise_levels, noises)
        return fused.float()


def compute_denoising_loss(
    network: DMNet, noise_schedule: process.NoiseSchedule, images: Tensor, streams: RandomStreams
) -> dict[str, Tensor]:
    """Compute L_dm of eq. 17 on the two sources as a two-channel image.

    Returns:
        ``denoising``; nothing if the network has no diffusion module.
    """
    denoising = network.denoising
    if denoising is None:
        return {}
    # t ~ U{1 ... T}, the noise level uniform between those of steps t - 1 and t
    t = streams.integers(1, noise_schedule.steps)
    level = process.interpolate_noise_level(noise_schedule, t, streams.uniform()).to(images)
    noise = streams.normal(*images.shape[1:])
    predict = _build_noise_predictor(denoising)
    return {"denoising": process.compute_noise_loss(predict, images, noise, level)}


def _build_noise_predictor(denoising: nn.Module) -> process.NoisePredictor:
    """Wrap a denoising network so that its output is float32 whatever it computes in."""

    def predict(noisy: Tensor, level: Tensor) -> Tensor:
        predicted: Tensor = denoising(noisy, level)
        return predicted.float()

    return predict
