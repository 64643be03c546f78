"""DMNet: an autoencoder whose features are joined by those of a jointly trained diffusion model.

Source: Pan et al., "DMNet: A dense multiscale feature extraction network with two-stage training
for infrared-visible image fusion", IEEE IoT Journal 2025, eqs. 1, 2, 9-12 and Fig. 2.

All images are luminance in [0, 1]; the denoising network sees two channels, visible first. H and
W are multiples of 16, at least 32.
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from fusion.networks.autoencoder import DMNetDecoder, DMNetEncoder
from fusion.networks.blocks.attention import ChannelSpatialAttention
from fusion.networks.blocks.latent_fusion import StageFusion, build_convolutional_latent
from fusion.networks.blocks.transformer import TRANSFORMER_LAYERS
from fusion.networks.denoising import DenoisingNetwork
from fusion.networks.dmnet_architecture import DMNetArchitecture

LATENT_BLOCKS = {"last": (0, 3, 6, 9, 12), "first": (2, 5, 8, 11, 14)}
"""Indices of one feature map per stage in `DenoisingNetwork.features`, full size first."""


class DMNet(nn.Module):
    """Both stages of DMNet.

    Stage I trains encoder, CSAB and decoder by `reconstruct` and, independently, `denoising` on
    `stack_visible_infrared` of the sources. Stage II trains everything by `fuse`, and `denoising` on as
    before (L_dm of eq. 18 "is the same as that in the first stage").

    ``denoising`` is None where the diffusion module is ablated; there is then no L_dm.
    """

    def __init__(self, architecture: DMNetArchitecture) -> None:
        super().__init__()
        a = self.architecture = architecture
        self.encoder = DMNetEncoder(
            a.features,
            a.heads,
            wiring=a.transformer if a.transformer_block else None,
            details=a.invertible_block,
        )
        mixed = a.diffused == "mixed"
        self.joining = nn.Conv2d(a.features, 1, 1) if mixed else nn.Conv2d(2 * a.features, 2, 1)
        self.denoising = (
            DenoisingNetwork(channels=2, inner=a.inner, image_size=a.image_size, dropout=a.dropout)
            if a.diffusion_module
            else None
        )
        self.latent = (
            build_convolutional_latent(a.features)
            if self.denoising is None
            else StageFusion(self.denoising.widths, a.features, a.latent_kernel)
        )
        self.attention = _build_attention(a)  # one for both modalities, as encoder and decoder
        self.latent_attention = _build_attention(a)
        self.decoder = DMNetDecoder(a.features, a.heads, a.decoder_depth)

    def reconstruct(self, image: Tensor) -> Tensor:
        """I' = DE(Phi^A), eq. 11: one modality through the autoencoder; (N, 1, H, W) to the same.

        Args:
            image: In [0, 1]. Infrared and visible images may share a batch.
        """
        _, details = self.encoder(image)
        residual = image if self.architecture.residual == "visible" else None
        drawn: Tensor = self.decoder(self.attention(details), residual)
        return drawn

    def compute_diffusion_input(self, basic_infrared: Tensor, basic_visible: Tensor) -> Tensor:
        """Conv(C(Phi_vis^B, Phi_ir^B)) of eq. 9, (N, 2, H, W), channels in the sources' order."""
        if self.architecture.diffused == "mixed":
            return torch.cat((self.joining(basic_visible), self.joining(basic_infrared)), dim=1)
        joined: Tensor = self.joining(torch.cat((basic_visible, basic_infrared), dim=1))
        return joined

    def compute_latent_features(
        self, clean: Tensor, levels: Sequence[float], noises: Sequence[Tensor]
    ) -> Tensor:
        """Phi_lf^L, eq. 9: features of the five stages, averaged over the time steps, then fused.

            I_t = level * I_0 + sqrt(1 - level^2) * noise                                  (eq. 5)

        Args:
            clean: I_0, (N, 2, H, W).
            levels: sqrt(alpha_bar) at each time step, in (0, 1].
            noises: Standard normal, one (N, 2, H, W) for each time step.

        Returns:
            (N, features, H, W). Without diffusion module neither levels nor noises are used.

        Raises:
            ValueError: If levels or noises are not as many as the time steps.
        """
        if self.denoising is None:
            plain: Tensor = self.latent(clean)
            return plain
        steps = len(self.architecture.time_steps)
        if len(levels) != steps or len(noises) != steps:
            raise ValueError(f"{len(levels)} levels, {len(noises)} noises, {steps} time steps")
        blocks = LATENT_BLOCKS[self.architecture.latent_blocks]
        mean: list[Tensor] = []
        for level, noise in zip(levels, noises, strict=True):
            noisy = level * clean + math.sqrt(1 - level * level) * noise
            known = torch.full((len(noise),), level, dtype=noise.dtype, device=noise.device)
            stages = [
                stage / steps for stage in self.denoising.extract_features(noisy, known, blocks)
            ]
            mean = [a + b for a, b in zip(mean, stages, strict=True)] if mean else stages
        fused: Tensor = self.latent(mean)
        return fused

    def fuse_with_diffusion_input(
        self,
        infrared: Tensor,
        visible: Tensor,
        levels: Sequence[float] = (),
        noises: Sequence[Tensor] = (),
    ) -> tuple[Tensor, Tensor]:
        """F of eq. 12 and the two-channel image whose diffusion gave its latent features.

            F = DE(Phi_ir^A + Phi_vis^A + Phi_lf^A)

        An L_dm on the second, not on `stack_visible_infrared` of the sources, must cut its gradient:
        the network could else paint an image in which noise is easy to tell, an empty one.

        Args:
            infrared: (N, 1, H, W), in [0, 1].
            visible: Luminance, as infrared.
            levels: See `latent_features`.
            noises: See `latent_features`.

        Returns:
            (N, 1, H, W), in (0, 1), and (N, 2, H, W), unbounded.
        """
        basic_infrared, details = self.encoder(infrared)
        features = self.attention(details)
        basic_visible, details = self.encoder(visible)
        features = features + self.attention(details)
        clean = self.compute_diffusion_input(basic_infrared, basic_visible)
        del basic_infrared, basic_visible, details
        if self.architecture.diffused == "mixed":
            clean = (stack_visible_infrared(infrared, visible) + TRANSFORMER_LAYERS * clean) / (
                TRANSFORMER_LAYERS + 1
            )
        latent = self.compute_latent_features(clean, levels, noises)
        features = features + self.latent_attention(latent)
        residual = visible if self.architecture.residual == "visible" else None
        return self.decoder(features, residual), clean

    def fuse(
        self,
        infrared: Tensor,
        visible: Tensor,
        levels: Sequence[float] = (),
        noises: Sequence[Tensor] = (),
    ) -> Tensor:
        """F of eq. 12 alone, (N, 1, H, W), in (0, 1); see `fuse_with_input`."""
        return self.fuse_with_diffusion_input(infrared, visible, levels, noises)[0]

    forward = fuse


def stack_visible_infrared(infrared: Tensor, visible: Tensor) -> Tensor:
    """I_0 of section III-C: the sources side by side, visible first, (N, 2, H, W)."""
    return torch.cat((visible, infrared), dim=1)


def _build_attention(architecture: DMNetArchitecture) -> nn.Module:
    if not architecture.attention_block:
        return nn.Identity()
    return ChannelSpatialAttention(architecture.features)
