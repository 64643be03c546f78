"""Memory that a trained network needs for one pair of images on the CPU, estimated beforehand.

A GPU that has not enough memory reports it (`tiled_inference.fuse_images`), but the kernel kills a
process without a message.
"""

from typing import TYPE_CHECKING, Any

from fusebench.runtime.memory import available, tensor_bytes
from fusion.networks.tiled_inference import (
    TilingOptions,
    TrainedNetwork,
    compute_padded_size,
)

if TYPE_CHECKING:
    from torch import Tensor

AMPLE_BYTES_PER_PIXEL = (
    40_960  # DMFuse at full width needs 36,000; with more, nothing is estimated: it takes seconds
)
SAMPLE_SIDE = 128  # pixels of the image that is counted; memory grows with the pixels
FLOAT_BYTES = 4


def check_memory(
    network: TrainedNetwork, height: int, width: int, tiling: TilingOptions, device: str
) -> None:
    """Raise if a pair of this size cannot fit into the memory of the machine.

    Args:
        network: Trained network.
        height: Of the images, in pixels.
        width: The same.
        tiling: Tiling, precision and padding.
        device: Device of the network; only the CPU is checked.

    Raises:
        UserError: With the estimate, what is available, and the option to change.
    """
    if device != "cpu" or available.is_ample(height * width, AMPLE_BYTES_PER_PIXEL):
        return
    if tiling.tile is None:
        advice = "set the option tile, e.g. tile: 512, which fuses the image piece by piece"
    else:
        advice = f"set the option tile to less than {tiling.tile}"
    available.check_memory(
        estimate_bytes(network, height, width, tiling),
        f"fusing an image of {width} x {height} pixels",
        f"{advice}, {available.SMALLER_IMAGES_ADVICE}",
    )


def estimate_bytes(network: TrainedNetwork, height: int, width: int, tiling: TilingOptions) -> int:
    """Estimate the bytes of the tensors that exist at the same time, without the weights.

    Args:
        network: Trained network, on any device.
        height: Of the images, in pixels.
        width: The same.
        tiling: Tiling, precision and padding.

    Returns:
        Bytes; less than what is measured.
    """
    padded_height, padded_width = compute_padded_size(height, width, tiling.padding)
    tile = tiling.tile or max(padded_height, padded_width)
    tile_bytes = count_bytes(network, min(tile, padded_height), min(tile, padded_width))
    if tiling.precision == "bfloat16":
        tile_bytes //= 2
    channels = sum(noise.shape[1] for noise in _sample_small_noise(network))
    images = 2 if tiling.tile is None else 4  # both images; with tiles the two sums of the blending
    return tile_bytes + FLOAT_BYTES * (images + channels) * padded_height * padded_width


def count_bytes(network: TrainedNetwork, height: int, width: int) -> int:
    """Count the bytes of the tensors within ``network.fuse`` in float32.

    Args:
        network: Trained network, on any device.
        height: In pixels, after padding.
        width: The same.
    """
    sides = [min(side, SAMPLE_SIDE) for side in (height, width)]
    scale = height * width / (sides[0] * sides[1])
    meta_network: Any = tensor_bytes.copy_to_meta(network)  # type: ignore[arg-type]
    image, noise = build_meta_inputs(network, sides[0], sides[1])
    return round(
        scale * tensor_bytes.count_peak_bytes(lambda: meta_network.fuse(image, image, noise))
    )


def build_meta_inputs(
    network: TrainedNetwork, height: int, width: int
) -> "tuple[Tensor, list[Tensor]]":
    """Build an image and the noise of a pair on the meta device.

    Args:
        network: On any device.
        height: In pixels, after padding.
        width: The same.
    """
    import torch

    shapes = [(*small.shape[:2], height, width) for small in _sample_small_noise(network)]
    with torch.device("meta"):
        return torch.empty(1, 1, height, width), [torch.empty(shape) for shape in shapes]


def _sample_small_noise(network: TrainedNetwork) -> "list[Tensor]":
    """Sample the noise of a small pair; that of a large one differs only in its sides."""
    import torch

    small = torch.zeros(1, 1, 32, 32, device="cpu")
    return network.sample_noise(small, small)
