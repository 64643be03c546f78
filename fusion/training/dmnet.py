"""Both stages of DMNet as losses of a batch (paper sections III-G and III-H)."""

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from fusion import diffusion, losses
from fusion.networks.dmnet import DMNet
from fusion.training import recipes
from fusion.training.draws import Draws
from fusion.training.learner import TOTAL, precise

SAMPLING = 10  # steps of the sample that is looked at
LATER = ("joining", "latent", "latent_attention")  # modules that only the second stage trains


class Reconstruction(nn.Module):
    """First stage: the autoencoder reconstructs each source, the denoising network denoises.

    L = L_vi + gamma_1 L_ir + L_dm   (eqs. 13 and 17; the two parts share no weights)
    """

    side = 256

    def __init__(self, recipe: recipes.DMNet) -> None:
        super().__init__()
        self.network = DMNet(recipe.architecture)
        for name in LATER:
            getattr(self.network, name).requires_grad_(False)
        self._recipe = recipe
        self.noise = diffusion.linear(recipe.timesteps)

    def forward(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
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
            with precise(images):
                terms = losses.reconstruction(again, image, told.ssim_weight)
            found |= {f"{name} {term}": value for term, value in terms.items()}
            total = total + weight * torch.stack(list(terms.values())).sum()
        found |= denoised(self.network, self.noise, images, draws)
        return {**found, TOTAL: total + sum_of(found, "denoising")}

    def look(self, images: Tensor, draws: Draws) -> Tensor:
        """Visible and infrared, each beside its reconstruction, and a pair drawn from noise.

        The pair, visible first, is sampled from the denoising network, where there is one.
        """
        made = self.network.reconstruct(torch.cat(images.chunk(2, dim=1))).float()
        visible, infrared = made.chunk(2)
        shown = [images[:, :1], visible, images[:, 1:], infrared]
        if self.network.denoising is not None:
            drawn = draws.normal(2, *images.shape[2:])
            steps = diffusion.falling(self.noise, SAMPLING)
            predict = _predictor(self.network.denoising)
            shown.append(diffusion.ddim(predict, drawn, self.noise, steps, (0.0, 1.0)))
        return torch.cat(shown, dim=1)


class Joint(nn.Module):
    """Second stage: everything fuses together, L = L_int + L_dm + gamma_2 L_gd (eq. 18)."""

    side = 256

    def __init__(
        self, recipe: recipes.DMNet, stage: recipes.Joining, start: Mapping[str, Tensor] | None
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
        self._told = stage
        self.noise = diffusion.linear(recipe.timesteps)
        self._levels = [float(self.noise.levels[t]) for t in recipe.architecture.time_steps]

    def forward(self, images: Tensor, draws: Draws) -> dict[str, Tensor]:
        """The weighted terms and their sum.

        Args:
            images: (visible, infrared) luminance, (N, 2, H, W) in [0, 1].
            draws: Time steps and noise.
        """
        told = self._told
        fused = self._fused(images, draws)
        with precise(images):
            found = losses.dmnet(
                fused,
                images[:, 1:],
                images[:, :1],
                told.gradient_weight,
                told.operator,
                told.ssim_weight,
            )
        found |= denoised(self.network, self.noise, images, draws)
        return {**found, TOTAL: torch.stack(list(found.values())).sum()}

    def look(self, images: Tensor, draws: Draws) -> Tensor:
        """Infrared, visible, fused."""
        return torch.cat((images[:, 1:], images[:, :1], self._fused(images, draws)), dim=1)

    def _fused(self, images: Tensor, draws: Draws) -> Tensor:
        noises = [draws.normal(*images.shape[1:]) for _ in self._levels]
        fused: Tensor = self.network.fuse(images[:, 1:], images[:, :1], self._levels, noises)
        return fused.float()


def denoised(
    network: DMNet, noise: diffusion.Schedule, images: Tensor, draws: Draws
) -> dict[str, Tensor]:
    """L_dm of eq. 17 on the two-channel sources; nothing where the diffusion module is removed."""
    denoising = network.denoising
    if denoising is None:
        return {}
    t = draws.integers(1, noise.steps)
    level = diffusion.between(noise, t, draws.uniform()).to(images)
    drawn = draws.normal(*images.shape[1:])
    return {"denoising": diffusion.loss(_predictor(denoising), images, drawn, level)}


def _predictor(denoising: nn.Module) -> diffusion.Predict:
    """Its prediction in float32, whatever it computes in."""

    def predict(noisy: Tensor, level: Tensor) -> Tensor:
        predicted: Tensor = denoising(noisy, level)
        return predicted.float()

    return predict


def sum_of(found: Mapping[str, Tensor], name: str) -> Tensor | float:
    """The term of that name, or 0 where there is none."""
    return found.get(name, 0.0)
