"""Trained fusion networks as `fusion.inference.Network`: built from what a weights file says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from bench.errors import BenchError
from fusion import diffusion, features
from fusion.networks.cnn import ConvolutionalEncoder
from fusion.networks.denoising import DenoisingNetwork
from fusion.networks.dmfuse import FusionNetwork
from fusion.networks.dmnet import DMNet, two_channels
from fusion.networks.dmnet_architecture import Architecture

Levels = Literal["step", "between"]
N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True)
class Noise:
    """How the noise of diffusion features is drawn.

    Attributes:
        seed: Mixed with the contents of each image.
        levels: ``step``: sqrt(abar_t) itself (the papers); ``between``: drawn between the levels
            of steps t - 1 and t (DMFuse's released code).
    """

    seed: int = 0
    levels: Levels = "step"

    def told(
        self, schedule: diffusion.Schedule, steps: Sequence[int], like: Tensor
    ) -> list[Tensor]:
        """sqrt(abar) for every step, each (N,) for a batch like ``like``."""
        t = torch.tensor(steps, dtype=torch.long)
        if len(t) and int(t.max()) > schedule.steps:
            raise BenchError(
                f"option steps: step {int(t.max())}, but the noise schedule of these weights has "
                f"{schedule.steps} steps"
            )
        if self.levels == "step":
            values = schedule.levels[t]
        else:
            generator = torch.Generator().manual_seed(self.seed)
            values = diffusion.between(schedule, t, torch.rand(len(t), generator=generator))
        return [value.to(like).expand(len(like)) for value in values]


class DMFuse(nn.Module):
    """Denoising network (or the ablation's encoder) and fusion network of DMFuse."""

    def __init__(self, told: Mapping[str, Any], noise: Noise) -> None:
        """Build without weights.

        Args:
            told: The architecture of a weights file: ``denoising`` and ``head``.
            noise: See `Noise`.
        """
        super().__init__()
        denoising, head = told["denoising"], told["head"]
        make = diffusion.cosine if denoising["schedule"] == "cosine" else diffusion.linear
        with torch.device("cpu"):
            self.schedule = make(denoising["timesteps"])
        self.steps: tuple[int, ...] = tuple(head["features_at"])
        self.channels: int = denoising["channels"]
        self.noise = noise
        self.noised: bool = head.get("noise", True)
        sizes = {"channels": self.channels, "inner": denoising["inner"]}
        plain = head["encoder"] == "cnn"
        self.fusion = FusionNetwork(
            inner=denoising["inner"],
            steps=1 if plain else len(self.steps),
            interaction=head["interaction"],
            affinity=head["affinity"],
            scaled=head["scaled"],
        )
        if plain:
            self.encoder = ConvolutionalEncoder(**sizes)
        else:
            self.denoising = DenoisingNetwork(**sizes)

    def draw(self, infrared: Tensor, visible: Tensor) -> list[Tensor]:
        """Noise for every step of the infrared image, then of the visible one.

        The channels of an image are equal; their noise is not, as in the released code. Weights
        that were trained without noise get none.
        """
        if not hasattr(self, "denoising"):
            return []
        if not self.noised:
            return [torch.zeros_like(self._seen(infrared))] * (2 * len(self.steps))
        return [
            drawn
            for image in (infrared, visible)
            for drawn in features.noises(self._seen(image), len(self.steps), self.noise.seed)
        ]

    def fuse(self, infrared: Tensor, visible: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """See `fusion.inference.Network`."""
        half = len(self.steps)
        seen = [
            self._features(self._seen(image), drawn)
            for image, drawn in ((infrared, noise[:half]), (visible, noise[half:]))
        ]
        fused: Tensor = self.fusion(*seen)
        return fused

    def _features(self, image: Tensor, noise: Sequence[Tensor]) -> list[Tensor]:
        if not hasattr(self, "denoising"):
            levels: list[Tensor] = self.encoder(image)
            return levels
        told = self.noise.told(self.schedule, self.steps, image)
        return features.stacked(self.denoising, image, told, noise)

    def _seen(self, image: Tensor) -> Tensor:
        return (image * 2 - 1).expand(-1, self.channels, -1, -1)


class TrainedDMNet(nn.Module):
    """DMNet with the noise schedule that it was trained with."""

    def __init__(self, told: Mapping[str, Any], noise: Noise) -> None:
        """Build without weights.

        Args:
            told: The architecture of a weights file: ``network`` and ``timesteps``.
            noise: See `Noise`.
        """
        super().__init__()
        self.network = DMNet(Architecture(**told["network"]))
        with torch.device("cpu"):
            self.schedule = diffusion.linear(told["timesteps"])
        self.noise = noise

    def draw(self, infrared: Tensor, visible: Tensor) -> list[Tensor]:
        """Noise of two channels for every time step."""
        if self.network.denoising is None:
            return []
        pair = two_channels(infrared, visible)
        steps = self.network.architecture.time_steps
        return features.noises(pair, len(steps), self.noise.seed)

    def fuse(self, infrared: Tensor, visible: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """See `fusion.inference.Network`."""
        steps = self.network.architecture.time_steps if noise else ()
        image = torch.empty(1)  # on the CPU: the levels are plain numbers here
        told = [float(level) for level in self.noise.told(self.schedule, steps, image)]
        return self.network.fuse(infrared, visible, told, noise)


def dmfuse(
    tensors: Mapping[str, Tensor], told: Mapping[str, Any], noise: Noise, device: str, where: str
) -> DMFuse:
    """DMFuse with its weights, in evaluation mode.

    Raises:
        BenchError: If the tensors do not fit; ``where`` names the file.
    """
    return _filled(_built(DMFuse, told, noise, where), tensors, device, where)


def dmnet(
    tensors: Mapping[str, Tensor], told: Mapping[str, Any], noise: Noise, device: str, where: str
) -> TrainedDMNet:
    """DMNet with its weights, in evaluation mode.

    Raises:
        BenchError: If the tensors do not fit; ``where`` names the file.
    """
    named = {f"network.{name}": tensor for name, tensor in tensors.items()}
    return _filled(_built(TrainedDMNet, told, noise, where), named, device, where)


def _built(
    kind: Callable[[Mapping[str, Any], Noise], N], told: Mapping[str, Any], noise: Noise, where: str
) -> N:
    """A network on the meta device.

    Raises:
        BenchError: If ``told`` does not describe one.
    """
    try:
        with torch.device("meta"):
            return kind(told, noise)
    except (ValueError, RuntimeError) as fault:
        raise BenchError(
            f"{where}: what it says of its network cannot be built ({fault!r}); train it again, "
            "or use the version that wrote it"
        ) from None


def _filled(network: N, tensors: Mapping[str, Tensor], device: str, where: str) -> N:
    """Put tensors into a network built on the meta device.

    Raises:
        BenchError: Naming up to three tensors that are missing, unknown, or of another shape.
    """
    wanted = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    found = {name: tuple(t.shape) for name, t in tensors.items()}
    faults = [f"{name} is missing" for name in wanted if name not in found]
    faults += [f"{name} is unknown" for name in found if name not in wanted]
    faults += [
        f"{name} has shape {found[name]}, expected {wanted[name]}"
        for name in wanted
        if name in found and found[name] != wanted[name]
    ]
    if faults:
        more = f" and {len(faults) - 3} more" if len(faults) > 3 else ""
        raise BenchError(f"{where}: the weights do not fit: {'; '.join(faults[:3])}{more}")
    network.load_state_dict(dict(tensors), assign=True)
    network.to(device)
    network.to(memory_format=torch.channels_last)
    return network.eval().requires_grad_(False)
