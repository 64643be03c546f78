"""Fuse images of any size with a trained network: padding, noise, precision, tiles.

A `TrainedNetwork` is a function of luminance tensors and noise, without files or random state. The
result for an image is therefore reproducible, and tiles use the noise of the whole image.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING, Any, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from fusebench.data.images import Gray
from fusebench.errors import NotEnoughMemoryError, UserError
from fusebench.runtime import system_errors

if TYPE_CHECKING:
    from torch import Tensor

SIDE_MULTIPLES = {"reflect": 16, "white": 32}
"""Both padded sides are multiples of this: 16 for the denoising network, 32 in DMFuse's code."""
MIN_PADDED_SIDE = 32  # pixels; the deepest level of the denoising network then has 2
MIN_SIDE = 16  # pixels; more than half of a smaller image would be padding
MAX_SIDE = 65_535  # pixels; the largest side of a JPEG, larger images are not profiled

AutocastPrecision = Literal["float32", "bfloat16"]


class TrainedNetwork(Protocol):
    """Fusion network with its weights, in evaluation mode."""

    def sample_noise(self, infrared: "Tensor", visible: "Tensor") -> "list[Tensor]":
        """Sample the noise for a pair of images.

        Args:
            infrared: Luminance, (1, 1, H, W), in [0, 1].
            visible: Luminance, (1, 1, H, W), in [0, 1].

        Returns:
            Any number of tensors (1, C, H, W).
        """
        ...

    def fuse(self, infrared: "Tensor", visible: "Tensor", noise: "Sequence[Tensor]") -> "Tensor":
        """Fuse a pair of images or tiles.

        Args:
            infrared: Luminance, (1, 1, H, W), in [0, 1].
            visible: Luminance, (1, 1, H, W), in [0, 1].
            noise: The noise of `sample_noise`, cropped like the images.

        Returns:
            Luminance, (1, 1, H, W), not clipped.
        """
        ...


@dataclass(frozen=True)
class TilingOptions:
    """Tiling, precision and padding of inference.

    Attributes:
        tile: Side of the square tiles in pixels; None fuses the image as a whole.
        overlap: Overlap of neighboring tiles in pixels, over which they are blended.
        precision: Precision of the convolutions; ``bfloat16`` is faster on hardware that
            supports it.
        padding: Padding at the right and lower border: reflection of the image, or white up to
            multiples of 32 (DMFuse's released code).
    """

    tile: int | None = None
    overlap: int = 64
    precision: AutocastPrecision = "float32"
    padding: Literal["reflect", "white"] = "reflect"


def fuse_images(
    network: TrainedNetwork, infrared: Gray, visible: Gray, tiling: TilingOptions, device: str
) -> Gray:
    """Fuse two luminance images of any size.

    Args:
        network: Trained network on ``device``.
        infrared: uint8, (H, W).
        visible: uint8, (H, W).
        tiling: Tiling, precision and padding.
        device: Device of the network.

    Returns:
        uint8, (H, W).

    Raises:
        UserError: If a side is below `MIN_SIDE`.
        NotEnoughMemoryError: If the device runs out of memory.
    """
    import torch

    height, width = infrared.shape
    if min(height, width) < MIN_SIDE:
        raise UserError(
            f"an image of {width} x {height} pixels is too small for the network; "
            f"expected at least {MIN_SIDE} pixels a side"
        )
    infrared_tensor, visible_tensor = (
        torch.from_numpy(pad_image(image, tiling.padding)).to(device)
        for image in (infrared, visible)
    )
    try:
        with torch.inference_mode(), _use_precision(device, tiling.precision):
            noise = network.sample_noise(infrared_tensor, visible_tensor)
            fuse = (
                network.fuse
                if tiling.tile is None
                else _build_tiled_fusion(network, tiling.tile, tiling.overlap)
            )
            padded = fuse(infrared_tensor, visible_tensor, noise)
    except (RuntimeError, MemoryError) as error:
        if not system_errors.is_out_of_memory(error):
            raise
        size = system_errors.format_requested_size(error)
        advice = (
            f"set the option tile to less than {tiling.tile}"
            if tiling.tile
            else "set the option tile, e.g. tile: 512, which fuses the image piece by piece"
        )
        raise NotEnoughMemoryError(
            f"{device}: out of memory on an image of {width} x {height} pixels{size}; {advice}"
        ) from None
    # Quantize, and crop the padding.
    scaled = padded.float().clamp(0, 1).mul_(255).round_()
    gray_levels = scaled.byte()[0, 0, :height, :width]
    fused: Gray = gray_levels.cpu().numpy()
    return fused


def pad_image(image: Gray, padding: str = "reflect") -> NDArray[np.float32]:
    """Convert an image to the input of the networks.

    Args:
        image: uint8, (H, W).
        padding: ``reflect`` or ``white``.

    Returns:
        float32, (1, 1, H', W') in [0, 1], H' and W' as in `compute_padded_size`.
    """
    height, width = image.shape
    padded_height, padded_width = compute_padded_size(height, width, padding)
    border = [(0, padded_height - height), (0, padded_width - width)]
    if padding == "white":
        padded = np.pad(image, border, constant_values=255)
    else:
        padded = np.pad(image, border, mode="reflect")
    scaled: NDArray[np.float32] = padded.astype(np.float32) / np.float32(255)
    return scaled[None, None]


def compute_padded_size(height: int, width: int, padding: str = "reflect") -> tuple[int, int]:
    """Compute height and width of a padded image in pixels."""
    multiple = SIDE_MULTIPLES[padding]
    padded_height, padded_width = (
        max(MIN_PADDED_SIDE, -(-side // multiple) * multiple) for side in (height, width)
    )
    return padded_height, padded_width


def compute_tile_starts(length: int, tile: int, overlap: int) -> list[int]:
    """Compute where tiles start along one side; neighbors overlap by at least ``overlap`` pixels.

    The last tile ends at the border. If length, tile and overlap are multiples of 16, so are the
    starts.
    """
    if tile >= length:
        return [0]
    stride = tile - overlap
    return [*range(0, length - tile, stride), length - tile]


def compute_blend_weights(
    length: int, overlap: int, *, first: bool, last: bool
) -> NDArray[np.float32]:
    """Compute the blending weights of a tile along one side: a linear ramp over each overlap.

    Args:
        length: Side of the tile in pixels.
        overlap: Length of a ramp in pixels.
        first: The tile is at the start of the image: no rising ramp.
        last: The tile is at the end of the image: no falling ramp.

    Returns:
        float32, (length,), in (0, 1].
    """
    weights = np.ones(length, np.float32)
    ramp = (np.arange(overlap, dtype=np.float32) + 0.5) / overlap
    if not first:
        weights[:overlap] = ramp
    if not last:
        weights[length - overlap :] *= ramp[::-1]
    return weights


def _build_tiled_fusion(
    network: TrainedNetwork, tile: int, overlap: int
) -> "Callable[[Tensor, Tensor, Sequence[Tensor]], Tensor]":
    """Return `TrainedNetwork.fuse` computed tile by tile, with the noise of the whole image."""
    import torch

    def fuse(infrared: "Tensor", visible: "Tensor", noise: "Sequence[Tensor]") -> "Tensor":
        weighted_sum, total_weight = (
            torch.zeros_like(infrared, dtype=torch.float32) for _ in range(2)
        )
        shape = infrared.shape[2:]
        sides = [min(tile, length) for length in shape]
        starts = [
            compute_tile_starts(length, side, overlap)
            for length, side in zip(shape, sides, strict=True)
        ]
        for top, left in product(*starts):
            area = (..., slice(top, top + sides[0]), slice(left, left + sides[1]))
            row_weights, column_weights = (
                compute_blend_weights(
                    side, overlap, first=start == 0, last=start == axis_starts[-1]
                )
                for side, start, axis_starts in zip(sides, (top, left), starts, strict=True)
            )
            weight = torch.from_numpy(np.outer(row_weights, column_weights)).to(infrared.device)
            fused = network.fuse(infrared[area], visible[area], [n[area] for n in noise])
            weighted_sum[area] += weight * fused.float()
            total_weight[area] += weight
        return weighted_sum / total_weight

    return fuse


@contextmanager
def _use_precision(device: str, precision: AutocastPrecision) -> Iterator[Any]:
    """Run the block in autocast with the given precision."""
    import torch

    device_type = torch.device(device).type
    with torch.autocast(device_type, torch.bfloat16, enabled=precision == "bfloat16"):
        yield
