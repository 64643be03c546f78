"""Fusing whole images with a trained network: padding, noise, precision, tiles.

A `TrainedNetwork` sees luminance tensors and the noise it is handed, no files and no random state. So
the same image is fused the same way every time, in one piece or in tiles.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fusebench.data.images import Gray
from fusebench.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor

SIDE_MULTIPLES = {"reflect": 16, "white": 32}
"""Of both sides, by padding: 16 is what a denoising network needs, 32 DMFuse's released code's."""
MIN_PADDED_SIDE = 32  # pixels: its deepest level needs 2
MIN_SIDE = 16  # pixels a side: of a smaller image more would be padding than picture
MAX_SIDE = 65_535  # pixels a side that are counted: no JPEG has more

AutocastPrecision = Literal["float32", "bfloat16"]


class TrainedNetwork(Protocol):
    """A fusion network with its weights, in evaluation mode."""

    def sample_noise(self, infrared: "Tensor", visible: "Tensor") -> "list[Tensor]":
        """The noise for one pair of images (1, 1, H, W): tensors (1, C, H, W)."""
        ...

    def fuse(self, infrared: "Tensor", visible: "Tensor", noise: "Sequence[Tensor]") -> "Tensor":
        """Luminance in [0, 1] twice, (1, 1, H, W), to the fused luminance, not yet clipped."""
        ...


@dataclass(frozen=True)
class TilingOptions:
    """How an image is cut and computed.

    Attributes:
        tile: Side in pixels of the square pieces that are fused one by one; None fuses the
            image whole.
        overlap: Pixels that neighboring pieces share, over which one fades into the other.
        precision: Of the convolutions; ``bfloat16`` is faster where the processor knows it.
        padding: What is put at the right and lower border until the sides fit: the image
            reflected, or white (DMFuse's released code, which fills up to multiples of 32).
    """

    tile: int | None = None
    overlap: int = 64
    precision: AutocastPrecision = "float32"
    padding: Literal["reflect", "white"] = "reflect"


def fuse_images(
    network: TrainedNetwork, infrared: Gray, visible: Gray, frame: TilingOptions, device: str
) -> Gray:
    """Fuse two luminance images of any size.

    Args:
        network: See `TrainedNetwork`.
        infrared: uint8, (H, W).
        visible: uint8, (H, W).
        frame: See `TilingOptions`.
        device: Where the network is.

    Returns:
        uint8, (H, W).

    Raises:
        UserError: If a side is below `MIN_SIDE`, or the device's memory does not suffice.
    """
    import torch

    height, width = infrared.shape
    if min(height, width) < MIN_SIDE:
        raise UserError(
            f"an image of {width} x {height} pixels is smaller than the network can take; "
            f"expected at least {MIN_SIDE} pixels a side"
        )
    thermal, light = (
        torch.from_numpy(pad_image(x, frame.padding)).to(device) for x in (infrared, visible)
    )
    try:
        with torch.inference_mode(), _use_precision(device, frame.precision):
            noise = network.sample_noise(thermal, light)
            run = (
                network.fuse
                if frame.tile is None
                else _build_tiled_fusion(network, frame.tile, frame)
            )
            whole = run(thermal, light, noise)
    except torch.cuda.OutOfMemoryError:
        raise UserError(
            f"{device}: out of memory on an image of {width} x {height} pixels; set a tile "
            f"(now {frame.tile})"
        ) from None
    levels = (whole.float().clamp(0, 1) * 255).round().byte()[0, 0, :height, :width]
    fused: Gray = levels.cpu().numpy()
    return fused


def pad_image(image: Gray, padding: str = "reflect") -> NDArray[np.float32]:
    """An image as the networks take it: (1, 1, H', W') in [0, 1], with `compute_padded_size`."""
    height, width = image.shape
    tall, wide = compute_padded_size(height, width, padding)
    border = [(0, tall - height), (0, wide - width)]
    if padding == "white":
        grown = np.pad(image, border, constant_values=255)
    else:
        grown = np.pad(image, border, mode="reflect")
    scaled: NDArray[np.float32] = grown.astype(np.float32) / np.float32(255)
    return scaled[None, None]


def compute_padded_size(height: int, width: int, padding: str = "reflect") -> tuple[int, int]:
    """Height and width of a padded image, in pixels."""
    step = SIDE_MULTIPLES[padding]
    tall, wide = (max(MIN_PADDED_SIDE, -(-side // step) * step) for side in (height, width))
    return tall, wide


def compute_tile_starts(length: int, tile: int, overlap: int) -> list[int]:
    """Where tiles start along one side, so that neighbors share at least ``overlap`` pixels.

    Multiples of 16 where the side is one, the last tile flush with the end.
    """
    if tile >= length:
        return [0]
    stride = tile - overlap
    return [*range(0, length - tile, stride), length - tile]


def compute_blend_weights(
    length: int, overlap: int, *, first: bool, last: bool
) -> NDArray[np.float32]:
    """Weights of a tile along one side: rising over the overlap, 1, falling; none at the border."""
    weights = np.ones(length, np.float32)
    ramp = (np.arange(overlap, dtype=np.float32) + 0.5) / overlap
    if not first:
        weights[:overlap] = ramp
    if not last:
        weights[length - overlap :] *= ramp[::-1]
    return weights


def _build_tiled_fusion(
    network: TrainedNetwork, tile: int, frame: TilingOptions
) -> "Callable[[Tensor, Tensor, Sequence[Tensor]], Tensor]":
    """`Network.fuse` in pieces; the noise is that of the whole image."""
    import torch

    def fuse(infrared: "Tensor", visible: "Tensor", noise: "Sequence[Tensor]") -> "Tensor":
        shape = infrared.shape[2:]
        summed, total = (torch.zeros_like(infrared, dtype=torch.float32) for _ in range(2))
        sides = [min(tile, side) for side in shape]
        starts = [
            compute_tile_starts(n, s, frame.overlap) for n, s in zip(shape, sides, strict=True)
        ]
        for top, left in product(*starts):
            cut = (..., slice(top, top + sides[0]), slice(left, left + sides[1]))
            down, across = (
                compute_blend_weights(side, frame.overlap, first=at == 0, last=at == begun[-1])
                for side, at, begun in zip(sides, (top, left), starts, strict=True)
            )
            weight = torch.from_numpy(np.outer(down, across)).to(summed.device)
            made = network.fuse(infrared[cut], visible[cut], [x[cut] for x in noise])
            summed[cut] += weight * made.float()
            total[cut] += weight
        return summed / total

    return fuse


@contextmanager
def _use_precision(device: str, precision: AutocastPrecision) -> Iterator[Any]:
    import torch

    kind = torch.device(device).type
    with torch.autocast(kind, torch.bfloat16, enabled=precision == "bfloat16"):
        yield
