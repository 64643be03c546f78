"""Encoder and decoder of DMNet: image to features, features to image.

Source: Pan et al., "DMNet", IEEE IoT Journal 2025, sections III-B, III-E, III-F, eqs. 1, 2, 11, 12.
"""

from torch import Tensor, nn

from fusion.networks.blocks.invertible import DenseInvertibleBlock
from fusion.networks.blocks.residual import disable_autocast
from fusion.networks.blocks.transformer import DenseTransformerBlock, TransformerBlock
from fusion.networks.dmnet_architecture import TransformerWiring


class DMNetEncoder(nn.Module):
    """The classical convolution, then DTB, then DIB; one set of weights for both modalities.

    A block that is None is removed (Table V): its input is its output.
    """

    def __init__(
        self, features: int, heads: int, *, wiring: TransformerWiring | None, details: bool
    ) -> None:
        super().__init__()
        self.embedding = nn.Conv2d(1, features, 3, padding=1, bias=False)
        self.transformer = (
            nn.Identity() if wiring is None else DenseTransformerBlock(features, heads, wiring)
        )
        self.invertible = DenseInvertibleBlock(features) if details else nn.Identity()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Global basic features (eq. 1) and detailed features (eq. 2) of one modality.

        Args:
            image: (N, 1, H, W), in [0, 1].

        Returns:
            Phi^B and Phi^D, each (N, features, H, W).
        """
        basic = self.transformer(self.embedding(image))
        return basic, self.invertible(basic)


class DMNetDecoder(nn.Module):
    """DE(.) of eqs. 11 and 12: transformer blocks, then two 3x3 convolutions to one channel."""

    def __init__(self, features: int, heads: int, depth: int) -> None:
        super().__init__()
        self.transformer = nn.Sequential(*(TransformerBlock(features, heads) for _ in range(depth)))
        self.image = nn.Sequential(
            nn.Conv2d(features, features // 2, 3, padding=1, bias=False),
            nn.LeakyReLU(0.2),
            nn.Conv2d(features // 2, 1, 3, padding=1, bias=False),
        )

    def forward(self, features: Tensor, residual: Tensor | None = None) -> Tensor:
        """The image that the features describe, in (0, 1).

        Args:
            features: (N, features, H, W).
            residual: Added before the sigmoid, (N, 1, H, W), or None.

        Returns:
            (N, 1, H, W).
        """
        refined = self.transformer(features)
        with disable_autocast(features):
            drawn: Tensor = self.image(refined.to(next(self.image.parameters()).dtype))
            return (drawn if residual is None else drawn + residual).sigmoid()
