"""What a DMNet is made of, in plain values; read without loading torch.

Source: Pan et al., "DMNet", IEEE IoT Journal 2025, section III; the switches are Table V's.
"""

from dataclasses import dataclass
from typing import Literal

from pydantic import ConfigDict

TransformerWiring = Literal["cascade", "parallel"]


@dataclass(frozen=True)
class DMNetArchitecture:
    """Everything that decides which tensors a DMNet has; plain values, kept beside the weights.

    The defaults are the paper's, and where it says nothing, the closest reading of its text.

    Attributes:
        inner: Width of the denoising network at full resolution.
        features: Channels of the autoencoder and of the latent map; even.
        heads: Heads of every transformer block; at least two channels each.
        transformer: Wiring of the DTB: the paper's "cascade", or "parallel" (early code).
        decoder_depth: Transformer blocks of the decoder ("blocks", their number not stated).
        diffused: What stage II diffuses. "features": eq. 9 alone. "mixed" (early code): the mean
            of six two-channel images, the sources and one drawn from each output of the DTB.
        latent_blocks: Which of a stage's three blocks gives the stage's features. "last" is the
            stage's output; "first" spares the network's tail, 9 % of its work.
        latent_kernel: Size of the convolution over the five stages, 1 or 3.
        residual: Added to the decoder's drawing before the sigmoid. "none": eqs. 11 and 12 as
            they stand. "visible" (CDDFuse, early code): the visible image, in stage I the image
            that is to be reconstructed, which makes stage I nearly trivial: the features need
            to carry no more than the difference between an image and its logit.
        transformer_block: False removes the DTB: the embedding is the basic feature.
        invertible_block: False removes the DIB: basic features are the detailed ones.
        diffusion_module: False puts two plain convolutions in the place of the DM.
        attention_block: False removes both CSAB.
        time_steps: At which steps of the schedule latent features are taken; they are averaged.
        dropout: Of the denoising network, in training.
        image_size: Nominal size; the denoising network attends where it has shrunk to 16.
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
        object.__setattr__(self, "time_steps", tuple(self.time_steps))  # JSON knows only lists
        shared = self.heads > 0 and self.features % self.heads == 0
        if self.features % 2 or not shared or self.features < 2 * self.heads:
            raise ValueError(
                f"{self.features} features, {self.heads} heads: expected an even number of "
                "features that the heads divide, at least two for each"
            )
        for name, allowed in _ALLOWED_VALUES.items():
            if getattr(self, name) not in allowed:
                raise ValueError(f"{name} is {getattr(self, name)!r}, expected one of {allowed}")
        if not self.time_steps or min(self.time_steps) < 1 or self.decoder_depth < 1:
            raise ValueError(
                f"time steps {self.time_steps}, decoder depth {self.decoder_depth}: expected at "
                "least one, counted from 1"
            )


_ALLOWED_VALUES = {
    "transformer": ("cascade", "parallel"),
    "diffused": ("features", "mixed"),
    "latent_blocks": ("last", "first"),
    "latent_kernel": (1, 3),
    "residual": ("none", "visible"),
}
