"""DMNet: an autoencoder combined with the features of a jointly trained diffusion model.

Source: Pan et al., "DMNet: A dense multiscale feature extraction network with two-stage training
for infrared-visible image fusion", IEEE IoT Journal 2025, eqs. 1, 2, 9-12 and Fig. 2.

All images are luminance in [0, 1]; the input of the denoising network has two channels, visible
first. H and W are multiples of 16, at least 32.
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
"""Blocks of `DenoisingNetwork.extract_features`, one per stage, full size first."""


class DMNet(nn.Module):
    """DMNet for both training stages and for inference.

    Stage I trains encoder, CSAB and decoder with `reconstruct` and, independently, ``denoising``
    on `stack_visible_infrared` of the sources. Stage II trains everything with `fuse`, and
    continues to train ``denoising`` in the same way (L_dm of eq. 18 "is the same as that in the
    first stage").

    Attributes:
        architecture: Sizes and ablations.
        denoising: None if the diffusion module is ablated; there is then no L_dm.
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
        is_mixed = a.diffused == "mixed"
        self.joining = nn.Conv2d(a.features, 1, 1) if is_mixed else nn.Conv2d(2 * a.features, 2, 1)
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
        self.attention = _build_attention(a)  # both modalities share it
        self.latent_attention = _build_attention(a)
        self.decoder = DMNetDecoder(a.features, a.heads, a.decoder_depth)

    def reconstruct(self, image: Tensor) -> Tensor:
        """Reconstruct images of one modality: I' = DE(Phi^A), eq. 11.

        Args:
            image: (N, 1, H, W), in [0, 1]. A batch may contain infrared and visible images.

        Returns:
            (N, 1, H, W), in (0, 1).
        """
        _, details = self.encoder(image)
        residual = image if self.architecture.residual == "visible" else None
        reconstruction: Tensor = self.decoder(self.attention(details), residual)
        return reconstruction

    def compute_diffusion_input(self, basic_infrared: Tensor, basic_visible: Tensor) -> Tensor:
        """Compute Conv(C(Phi_vis^B, Phi_ir^B)) of eq. 9.

        Args:
            basic_infrared: Basic features, (N, features, H, W).
            basic_visible: Basic features, (N, features, H, W).

        Returns:
            (N, 2, H, W), visible channel first.
        """
        if self.architecture.diffused == "mixed":
            return torch.cat((self.joining(basic_visible), self.joining(basic_infrared)), dim=1)
        diffusion_input: Tensor = self.joining(torch.cat((basic_visible, basic_infrared), dim=1))
        return diffusion_input

    def compute_latent_features(
        self, clean: Tensor, levels: Sequence[float], noises: Sequence[Tensor]
    ) -> Tensor:
        """Compute Phi_lf^L, eq. 9: features averaged over time steps, then fused over stages.

            I_t = level * I_0 + sqrt(1 - level^2) * noise                                  (eq. 5)

        Args:
            clean: I_0, (N, 2, H, W).
            levels: Noise level sqrt(alpha_bar) at each time step, in (0, 1].
            noises: Standard normal noise of each time step, (N, 2, H, W) each.

        Returns:
            (N, features, H, W). Without diffusion module, levels and noises are not used.

        Raises:
            ValueError: If the number of levels or noises is not the number of time steps.
        """
        if self.denoising is None:
            convolutional: Tensor = self.latent(clean)
            return convolutional
        steps = len(self.architecture.time_steps)
        if len(levels) != steps or len(noises) != steps:
            raise ValueError(
                f"got {len(levels)} levels and {len(noises)} noises, expected {steps} of each, one "
                "per time step"
            )
        blocks = LATENT_BLOCKS[self.architecture.latent_blocks]
        mean: list[Tensor] = []
        for level, noise in zip(levels, noises, strict=True):
            noisy = level * clean + math.sqrt(1 - level * level) * noise
            batch_level = torch.full((len(noise),), level, dtype=noise.dtype, device=noise.device)
            features = self.denoising.extract_features(noisy, batch_level, blocks)
            terms = [stage / steps for stage in features]
            mean = (
                [total + term for total, term in zip(mean, terms, strict=True)] if mean else terms
            )
        latent: Tensor = self.latent(mean)
        return latent

    def fuse_with_diffusion_input(
        self,
        infrared: Tensor,
        visible: Tensor,
        levels: Sequence[float] = (),
        noises: Sequence[Tensor] = (),
    ) -> tuple[Tensor, Tensor]:
        """Fuse a pair; also return the two-channel image that was diffused.

            F = DE(Phi_ir^A + Phi_vis^A + Phi_lf^A)                                       (eq. 12)

        If L_dm is computed on the diffusion input instead of `stack_visible_infrared` of the
        sources, the input must be detached: otherwise the network can lower L_dm by making the
        input empty, since noise is easy to predict in an empty image.

        Args:
            infrared: (N, 1, H, W), in [0, 1].
            visible: Luminance, (N, 1, H, W), in [0, 1].
            levels: See `compute_latent_features`.
            noises: See `compute_latent_features`.

        Returns:
            Fused image, (N, 1, H, W), in (0, 1), and diffusion input, (N, 2, H, W), unbounded.
        """
        # Features of both modalities are added; the attention block is shared.
        basic_infrared, details = self.encoder(infrared)
        features = self.attention(details)
        basic_visible, details = self.encoder(visible)
        features = features + self.attention(details)
        clean = self.compute_diffusion_input(basic_infrared, basic_visible)
        del basic_infrared, basic_visible, details  # frees memory before the largest step
        if self.architecture.diffused == "mixed":
            # Mean of the sources and one image for each layer of the DTB.
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
        """Fuse a pair: F of eq. 12, (N, 1, H, W), in (0, 1); see `fuse_with_diffusion_input`."""
        return self.fuse_with_diffusion_input(infrared, visible, levels, noises)[0]

    forward = fuse


def stack_visible_infrared(infrared: Tensor, visible: Tensor) -> Tensor:
    """Stack the sources as channels, visible first, (N, 2, H, W): I_0 of section III-C."""
    return torch.cat((visible, infrared), dim=1)


def _build_attention(architecture: DMNetArchitecture) -> nn.Module:
    if not architecture.attention_block:
        return nn.Identity()
    return ChannelSpatialAttention(architecture.features)
