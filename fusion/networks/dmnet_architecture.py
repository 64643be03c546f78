"""Architecture options of DMNet as plain values; can be imported without torch.

Source: Pan et al., "DMNet", IEEE IoT Journal 2025, section III; the ablations are those of Table V.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

MAX_FEATURE_STEPS = 100  # whose features are averaged
TransformerWiring = Literal["cascade", "parallel"]


@dataclass(frozen=True)
class DMNetArchitecture:
    """Options that determine the tensors of a DMNet; stored in the metadata of the weights file.

    The defaults are the paper's; where the paper gives no value, they are the closest reading of
    its text.

    Attributes:
        inner: Width of the denoising network at full resolution.
        features: Channels of the autoencoder and of the latent features; even.
        heads: Heads of every transformer block; at least two channels each.
        transformer: Wiring of the DTB: "cascade" (paper) or "parallel" (early code).
        decoder_depth: Transformer blocks of the decoder; the paper does not give their number.
        diffused: Input of the diffusion in stage II. "features": eq. 9 alone. "mixed" (early
            code): the mean of six two-channel images, the sources and one computed from each
            output of the DTB.
        latent_blocks: Which of the three blocks of a stage provides its features. "last" is the
            stage's output; "first" skips the end of the network, 9 % of its operations.
        latent_kernel: Kernel size of the convolution over the five stages, 1 or 3.
        residual: Image added to the decoder's output before the sigmoid. "none": eqs. 11 and 12
            as printed. "visible" (CDDFuse, early code): the visible image, or in stage I the
            image to be reconstructed. That makes stage I nearly trivial: the features need to
            represent only the difference between an image and its logit.
        transformer_block: False removes the DTB: the embedding is the basic feature.
        invertible_block: False removes the DIB: basic features are the detailed ones.
        diffusion_module: False replaces the diffusion module by two convolutions.
        attention_block: False removes both CSAB.
        time_steps: Time steps of the schedule at which latent features are taken and averaged.
        dropout: Dropout probability of the denoising network in training.
        image_size: Nominal image side; the denoising network has attention at the level whose
            side is then 16.
    """

    __pydantic_config__ = ConfigDict(extra="forbid")  # not a field

    inner: int = 128
    features: int = 64
    heads: int = 8
    transformer: TransformerWiring = "cascade"
    decoder_depth: int = 3
    diffused: Literal["features", "mixed"] = "features"
    latent_blocks: Literal["last", "first"] = "last"
    latent_kernel: int = 1
    residual: Literal["none", "visible"] = "none"
    transformer_block: bool = True
    invertible_block: bool = True
    diffusion_module: bool = True
    attention_block: bool = True
    time_steps: tuple[int, ...] = (5, 50, 100)
    dropout: float = 0.2
    image_size: int = 128

    def __post_init__(self) -> None:
        object.__setattr__(self, "time_steps", tuple(self.time_steps))  # JSON has only lists
        is_divisible = self.heads > 0 and self.features % self.heads == 0
        if self.features % 2 or not is_divisible or self.features < 2 * self.heads:
            raise ValueError(
                f"{self.features} features, {self.heads} heads: expected an even number of "
                "features, divisible by the heads, at least two for each"
            )
        for name, limit in _LIMITS.items():
            if getattr(self, name) > limit:
                raise ValueError(f"{name} is {getattr(self, name)}, expected at most {limit}")
        if not 0 <= self.dropout < 1:
            raise ValueError(f"dropout is {self.dropout:g}, expected at least 0 and less than 1")
        for name, allowed_values in _ALLOWED_VALUES.items():
            if getattr(self, name) not in allowed_values:
                raise ValueError(
                    f"{name} is {getattr(self, name)!r}, expected one of {allowed_values}"
                )
        if len(self.time_steps) > MAX_FEATURE_STEPS:
            raise ValueError(
                f"{len(self.time_steps)} time steps, expected at most {MAX_FEATURE_STEPS}"
            )
        if not self.time_steps or min(self.time_steps) < 1 or self.decoder_depth < 1:
            raise ValueError(
                f"time steps {self.time_steps}, decoder depth {self.decoder_depth}: expected one "
                "or more time steps of at least 1, and a depth of at least 1"
            )


_LIMITS = {"inner": 4096, "features": 4096, "decoder_depth": 100, "image_size": 8192}
_ALLOWED_VALUES = {
    "transformer": ("cascade", "parallel"),
    "diffused": ("features", "mixed"),
    "latent_blocks": ("last", "first"),
    "latent_kernel": (1, 3),
    "residual": ("none", "visible"),
}
