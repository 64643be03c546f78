"""Straightforward and optimized implementation of DMFuse with the same random weights."""

from collections.abc import Callable
from unittest import mock

import numpy as np
import torch
from torch import Tensor

from fusebench.data.images import luminance
from fusebench.simulator import scene
from fusebench.simulator.parameters import SceneParameters
from fusion.checkpoints.load_network import NoiseOptions, TrainedDMFuse
from fusion.diffusion import process
from fusion.networks import caim
from fusion.networks.denoising import initialize_orthogonal
from fusion.networks.dmfuse import FEATURE_BLOCKS

ARCHITECTURE = {
    "denoising": {"inner": 32, "channels": 3, "schedule": "cosine", "timesteps": 2000},
    "head": {
        "encoder": "diffusion",
        "interaction": "caim",
        "affinity": "paper",
        "scaled": False,
        "features_at": (5, 50, 100),
    },
}

TensorFusionFunction = Callable[[Tensor, Tensor], Tensor]


def attend_criss_cross_densely(queries: Tensor, keys: Tensor, values: Tensor) -> Tensor:
    """Compute criss-cross attention with all affinities of a pixel side by side.

    A slow, direct form of `fusion.networks.caim.criss_cross_attention`: every pixel attends to the
    H + W pixels of its column and its row, itself only in the row.

    Args:
        queries: (N, C, H, W).
        keys: Same shape.
        values: (N, D, H, W).

    Returns:
        Same shape as ``values``.
    """
    n, _, h, w = queries.shape

    def columns(x: Tensor) -> Tensor:  # (N, C, H, W) to (N W, C, H)
        return x.permute(0, 3, 1, 2).reshape(n * w, -1, h)

    def rows(x: Tensor) -> Tensor:  # (N, C, H, W) to (N H, C, W)
        return x.permute(0, 2, 1, 3).reshape(n * h, -1, w)

    # Affinities with the pixel's column, without itself, and with its row: (N, H, W, H + W).
    without_itself = torch.diag(torch.full((h,), torch.inf)).repeat(n * w, 1, 1)
    in_column = torch.bmm(columns(queries).transpose(1, 2), columns(keys)) - without_itself
    in_row = torch.bmm(rows(queries).transpose(1, 2), rows(keys))
    in_column = in_column.view(n, w, h, h).permute(0, 2, 1, 3)
    weights = torch.cat((in_column, in_row.view(n, h, w, w)), dim=3).softmax(dim=3)
    # Weighted sums of the values along the column and along the row.
    column_weights = weights[..., :h].permute(0, 2, 1, 3).reshape(n * w, h, h)
    row_weights = weights[..., h:].reshape(n * h, w, w)
    from_column = torch.bmm(columns(values), column_weights.transpose(1, 2)).view(n, w, -1, h)
    from_row = torch.bmm(rows(values), row_weights.transpose(1, 2)).view(n, h, -1, w)
    return from_column.permute(0, 2, 3, 1) + from_row.permute(0, 2, 1, 3)


def build_network() -> TrainedDMFuse:
    """Build DMFuse with the same random weights every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        network = TrainedDMFuse(ARCHITECTURE, NoiseOptions())
        initialize_orthogonal(network)
    return network.eval().requires_grad_(False)


def build_straightforward() -> TensorFusionFunction:
    """Build the direct form: six whole denoising passes, all features kept, float32."""
    network = build_network()

    def extract_features(image: Tensor, noises: list[Tensor]) -> list[Tensor]:
        passes = []
        levels = network.noise_options.compute_levels(
            network.noise_schedule, network.feature_steps, image
        )
        for level, noise in zip(levels, noises, strict=True):
            noisy = process.add_noise(image, noise, level)
            passes.append(network.denoising.extract_features(noisy, level, range(15)))
            network.denoising.leave(passes[-1][0])
        return [
            torch.cat([features[block] for features in passes], dim=1) for block in FEATURE_BLOCKS
        ]

    def fuse(infrared: Tensor, visible: Tensor) -> Tensor:
        noises = network.sample_noise(infrared, visible)
        # From [0, 1] to the [-1, 1] and the channels of the denoising network.
        inputs = [
            (image * 2 - 1).expand(-1, network.channels, -1, -1) for image in (infrared, visible)
        ]
        features = [
            extract_features(inputs[0], noises[:3]),
            extract_features(inputs[1], noises[3:]),
        ]
        with mock.patch.object(caim, "criss_cross_attention", attend_criss_cross_densely):
            fused: Tensor = network.fusion(*features)
        return fused

    return fuse


def build_optimized(precision: str) -> TensorFusionFunction:
    """Build this project's implementation in ``float32`` or ``bfloat16``."""
    network = build_network().to(memory_format=torch.channels_last)

    def fuse(infrared: Tensor, visible: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            noises = network.sample_noise(infrared, visible)
            return network.fuse(infrared, visible, noises).float()

    return fuse


IMPLEMENTATIONS: dict[str, Callable[[], TensorFusionFunction]] = {
    "straightforward": build_straightforward,
    "float32": lambda: build_optimized("float32"),
    "bfloat16": lambda: build_optimized("bfloat16"),
}


def simulate_pair(width: int, height: int) -> list[Tensor]:
    """Simulate one pair; return the infrared and visible luminance in [0, 1], (1, 1, H, W)."""
    rendered = scene.render_scene(2, 0, SceneParameters(width=width, height=height))
    images = rendered.infrared, luminance(rendered.visible)
    return [torch.from_numpy(image.astype(np.float32) / 255)[None, None] for image in images]
