"""Merging of the time steps whose diffusion features DMFuse's fusion network takes.

Without noise the images of different time steps differ only by a scale and by the noise level that
the denoising network is given, so that one step can replace several. A head convolves the
concatenated features of all steps (`fusion.diffusion.features.extract_features`):

    conv(cat(f_1, ..., f_S)) = sum_s W_s * f_s

which is (sum_s W_s) * f where the features of all steps are equal. Otherwise the sum of the kernels
is a start from which finetuning continues.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

HEAD_KERNEL_NAME = re.compile(r"fusion\.heads\.\d+\.conv\.weight")


def merge_feature_steps(tensors: Mapping[str, "Tensor"], steps: int) -> dict[str, "Tensor"]:
    """Sum the kernels of the heads over the time steps.

    Args:
        tensors: Named as in `fusion.checkpoints.load_network.TrainedDMFuse`; those of a network
            whose features are those of ``steps`` time steps of its denoising network.
        steps: Number of time steps; 1 changes nothing.

    Returns:
        The tensors of the same network with one time step; the other tensors are not copied.

    Raises:
        ValueError: If the channels of a head are not a multiple of ``steps``.
    """
    return {
        name: _sum_over_steps(tensor, steps, name) if HEAD_KERNEL_NAME.fullmatch(name) else tensor
        for name, tensor in tensors.items()
    }


def _sum_over_steps(kernel: "Tensor", steps: int, name: str) -> "Tensor":
    """Sum a kernel (out, steps * C, kH, kW) over the steps, to (out, C, kH, kW)."""
    if kernel.ndim != 4 or kernel.shape[1] % steps:
        raise ValueError(
            f"{name} has shape {tuple(kernel.shape)}, expected (out, channels, height, width) with "
            f"channels a multiple of the {steps} time steps"
        )
    return kernel.reshape(len(kernel), steps, -1, *kernel.shape[2:]).sum(1)
