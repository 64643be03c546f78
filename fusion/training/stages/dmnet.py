"""Both stages of DMNet as losses of a batch (paper sections III-G and III-H)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion.diffusion import process
from fusion.losses import losses
from fusion.networks.dmnet import DMNet
from fusion.training.data.random_streams import RandomStreams
from fusion.training.recipe import schema
from fusion.training.stages.contract import TOTAL_LOSS, disable_autocast

SAMPLE_STEPS = 10  # steps of the sample that is looked at
SECOND_STAGE_MODULES = (
    "joining",
    "latent",
    "latent_attention",
)  # modules that only the second stage trains


class ReconstructionStage(nn.Module):
    """First stage: the autoencoder reconstructs each source, the denoising network denoises.

    L = L_vi + gamma_1 L_ir + L_dm   (eqs. 13 and 17; the two parts share no weights)
    """

    sample_side = 256

    def __init__(self, recipe: schema.DMNetRecipe) -> None:
        super().__init__()
        self.network = DMNet(recipe.architecture)
        for name in SECOND_STAGE_MODULES:
            getattr(self.network, name).requires_grad_(False)
        self._recipe = recipe
        self.noise_schedule = process.build_linear_schedule(recipe.timesteps)

    def forward(self, images: Tensor, draws: RandomStreams) -> dict[str, Tensor]:
        """The terms of both modalities, the denoising loss and the sum.

        Args:
            images: (visible, infrared) luminance, (N, 2, H, W) in [0, 1].
            draws: Time steps and noise.
        """
        told = self._recipe.stage1
        made = self.network.reconstruct(torch.cat(images.chunk(2, dim=1))).float()
        found: dict[str, Tensor] = {}
        total = images.new_zeros(())
        for name, weight, image, again in zip(
            ("visible", "infrared"),
            (1.0, told.infrared_weight),
            images.chunk(2, dim=1),
            made.chunk(2),
            strict=True,
        ):
            with disable_autocast(images):
                terms = losses.compute_reconstruction_terms(again, image, told.ssim_weight)
            found |= {f"{name} {term}": value for term, value in terms.items()}
            total = total + weight * torch.stack(list(terms.values())).sum()
        found |= compute_denoising_loss(self.network, self.noise_schedule, images, draws)
        return {**found, TOTAL_LOSS: total + get_term(found, "denoising")}

    def make_sample_images(self, images: Tensor, draws: RandomStreams) -> Tensor:
        """Visible and infrared, each beside its reconstruction, and a pair drawn from noise.

        The pair, visible first, is sampled from the denoising network, where there is one.
        """
        made = self.network.reconstruct(torch.cat(images.chunk(2, dim=1))).float()
        visible, infrared = made.chunk(2)
        shown = [images[:, :1], visible, images[:, 1:], infrared]
        if self.network.denoising is not None:
            drawn = draws.normal(2, *images.shape[2:])
            steps = process.list_descending_steps(self.noise_schedule, SAMPLE_STEPS)
            predict = _build_noise_predictor(self.network.denoising)
            shown.append(
                process.sample_ddim(predict, drawn, self.noise_schedule, steps, (0.0, 1.0))
            )
        return torch.cat(shown, dim=1)


class JointStage(nn.Module):
    """Second stage: everything fuses together, L = L_int + L_dm + gamma_2 L_gd (eq. 18)."""

    sample_side = 256

    def __init__(
        self,
        recipe: schema.DMNetRecipe,
        stage: schema.JointStageOptions,
        start: Mapping[str, Tensor] | None,
    ) -> None:
        """Build.

        Args:
            recipe: Of both stages.
            stage: The section of it that is trained.
            start: Tensors of the first stage, or of this one to go on with; None trains from
                random weights.
        """
        super().__init__()
        self.network = DMNet(recipe.architecture)
        if start is not None:
            self.network.load_state_dict(dict(start))
        self._options = stage
        self.noise_schedule = process.build_linear_schedule(recipe.timesteps)
        self._noise_levels = [
            float(self.noise_schedule.noise_levels[t]) for t in recipe.architecture.time_steps
        ]

    def forward(self, images: Tensor, draws: RandomStreams) -> dict[str, Tensor]:
        """The weighted terms and their sum.

        Args:
            images: (visible, infrared) luminance, (N, 2, H, W) in [0, 1].
            draws: Time steps and noise.
        """
        told = self._options
        fused = self._fuse(images, draws)
        with disable_autocast(images):
            found = losses.compute_dmnet_fusion_terms(
                fused,
                images[:, 1:],
                images[:, :1],
                told.gradient_weight,
                told.operator,
                told.ssim_weight,
            )
        found |= compute_denoising_loss(self.network, self.noise_schedule, images, draws)
        return {**found, TOTAL_LOSS: torch.stack(list(found.values())).sum()}

    def make_sample_images(self, images: Tensor, draws: RandomStreams) -> Tensor:
        """Infrared, visible, fused."""
        return torch.cat((images[:, 1:], images[:, :1], self._fuse(images, draws)), dim=1)

    def _fuse(self, images: Tensor, draws: RandomStreams) -> Tensor:
        noises = [draws.normal(*images.shape[1:]) for _ in self._noise_levels]
        fused: Tensor = self.network.fuse(images[:, 1:], images[:, :1], self._noise_levels, noises)
        return fused.float()


def compute_denoising_loss(
    network: DMNet, noise: process.NoiseSchedule, images: Tensor, draws: RandomStreams
) -> dict[str, Tensor]:
    """L_dm of eq. 17 on the two-channel sources; nothing where the diffusion module is removed."""
    denoising = network.denoising
    if denoising is None:
        return {}
    t = draws.integers(1, noise.steps)
    level = process.interpolate_noise_level(noise, t, draws.uniform()).to(images)
    drawn = draws.normal(*images.shape[1:])
    return {
        "denoising": process.compute_noise_loss(
            _build_noise_predictor(denoising), images, drawn, level
        )
    }


def _build_noise_predictor(denoising: nn.Module) -> process.NoisePredictor:
    """Its prediction in float32, whatever it computes in."""

    def predict(noisy: Tensor, level: Tensor) -> Tensor:
        predicted: Tensor = denoising(noisy, level)
        return predicted.float()

    return predict


def get_term(found: Mapping[str, Tensor], name: str) -> Tensor | float:
    """The term of that name, or 0 where there is none."""
    return found.get(name, 0.0)
