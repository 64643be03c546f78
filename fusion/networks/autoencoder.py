"""Autoencoder of DMNet: encoder (image to features) and decoder (features to image).

Source: Pan et al., "DMNet", IEEE IoT Journal 2025, sections III-B, III-E, III-F, eqs. 1, 2, 11, 12.
"""

from torch import Tensor, nn

from fusion.networks.blocks.invertible import DenseInvertibleBlock
from fusion.networks.blocks.residual import disable_autocast
from fusion.networks.blocks.transformer import DenseTransformerBlock, TransformerBlock
from fusion.networks.dmnet_architecture import TransformerWiring


class DMNetEncoder(nn.Module):
    """A convolution, then DTB, then DIB; both modalities share the weights.

    An ablated block (Table V) is the identity.
    """

    def __init__(
        self, features: int, heads: int, *, wiring: TransformerWiring | None, details: bool
    ) -> None:
        """Build.

        Args:
            features: Channels of the features.
            heads: Heads of every transformer block.
            wiring: Wiring of the DTB; None removes it.
            details: False removes the DIB.
        """
        super().__init__()
        self.embedding = nn.Conv2d(1, features, 3, padding=1, bias=False)
        self.transformer = (
            nn.Identity() if wiring is None else DenseTransformerBlock(features, heads, wiring)
        )
        self.invertible = DenseInvertibleBlock(features) if details else nn.Identity()

    def forward(self, image: Tensor) -> tuple[Tensor, Tensor]:
        """Compute global basic features (eq. 1) and detailed features (eq. 2) of one modality.

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
        """Decode features to an image.

        Args:
            features: (N, features, H, W).
            residual: Added before the sigmoid, (N, 1, H, W), or None.

        Returns:
            (N, 1, H, W), in (0, 1).
        """
        refined = self.transformer(features)
        with disable_autocast(features):
            logits: Tensor = self.image(refined.to(next(self.image.parameters()).dtype))
            return (logits if residual is None else logits + residual).sigmoid()
