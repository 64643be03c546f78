"""DMFuse in its straightforward form and in this project's, with the same random weights."""

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


def attend_criss_cross_densely(at: Tensor, path: Tensor, values: Tensor) -> Tensor:
    """`fusion.networks.caim.criss_cross_attention` with all affinities of a pixel in one row."""
    n, _, h, w = at.shape

    def columns(x: Tensor) -> Tensor:
        return x.permute(0, 3, 1, 2).reshape(n * w, -1, h)

    def rows(x: Tensor) -> Tensor:
        return x.permute(0, 2, 1, 3).reshape(n * h, -1, w)

    itself = torch.diag(torch.full((h,), torch.inf)).repeat(n * w, 1, 1)
    down = torch.bmm(columns(at).transpose(1, 2), columns(path)) - itself
    across = torch.bmm(rows(at).transpose(1, 2), rows(path))
    down = down.view(n, w, h, h).permute(0, 2, 1, 3)
    shares = torch.cat((down, across.view(n, h, w, w)), dim=3).softmax(dim=3)
    down = shares[..., :h].permute(0, 2, 1, 3).reshape(n * w, h, h)
    across = shares[..., h:].reshape(n * h, w, w)
    found = torch.bmm(columns(values), down.transpose(1, 2)).view(n, w, -1, h)
    besides = torch.bmm(rows(values), across.transpose(1, 2)).view(n, h, -1, w)
    return found.permute(0, 2, 3, 1) + besides.permute(0, 2, 1, 3)


def build_network() -> TrainedDMFuse:
    """DMFuse with the same random weights every time."""
    with torch.random.fork_rng():
        torch.manual_seed(0)
        made = TrainedDMFuse(ARCHITECTURE, NoiseOptions())
        initialize_orthogonal(made)
    return made.eval().requires_grad_(False)


def build_straightforward() -> TensorFusionFunction:
    """Six whole passes, everything kept, float32, channels first."""
    made = build_network()

    def features(image: Tensor, noise: list[Tensor]) -> list[Tensor]:
        passes = []
        levels = made.noise_options.compute_levels(made.noise_schedule, made.feature_steps, image)
        for level, drawn in zip(levels, noise, strict=True):
            noisy = process.add_noise(image, drawn, level)
            passes.append(made.denoising.extract_features(noisy, level, range(15)))
            made.denoising.leave(passes[-1][0])
        return [torch.cat([every[number] for every in passes], dim=1) for number in FEATURE_BLOCKS]

    def fuse(infrared: Tensor, visible: Tensor) -> Tensor:
        noise = made.sample_noise(infrared, visible)
        seen = [(image * 2 - 1).expand(-1, made.channels, -1, -1) for image in (infrared, visible)]
        both = [features(seen[0], noise[:3]), features(seen[1], noise[3:])]
        with mock.patch.object(caim, "criss_cross_attention", attend_criss_cross_densely):
            fused: Tensor = made.fusion(*both)
        return fused

    return fuse


def build_optimized(precision: str) -> TensorFusionFunction:
    """The project's path."""
    made = build_network().to(memory_format=torch.channels_last)

    def fuse(infrared: Tensor, visible: Tensor) -> Tensor:
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            return made.fuse(infrared, visible, made.sample_noise(infrared, visible)).float()

    return fuse


IMPLEMENTATIONS: dict[str, Callable[[], TensorFusionFunction]] = {
    "straightforward": build_straightforward,
    "float32": lambda: build_optimized("float32"),
    "bfloat16": lambda: build_optimized("bfloat16"),
}


def simulate_pair(width: int, height: int) -> list[Tensor]:
    """A simulated pair, luminance in [0, 1], (1, 1, H, W)."""
    drawn = scene.render_scene(2, 0, SceneParameters(width=width, height=height))
    pair = drawn.infrared, luminance(drawn.visible)
    return [torch.from_numpy(x.astype(np.float32) / 255)[None, None] for x in pair]
