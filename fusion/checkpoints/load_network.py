"""Trained fusion networks as `fusion.networks.tiled_inference.TrainedNetwork`: built from what a weights file says."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, TypeVar

import torch
from torch import Tensor, nn

from fusebench.errors import UserError
from fusion.diffusion import features, process
from fusion.networks.blocks.cnn_encoder import ConvolutionalEncoder
from fusion.networks.denoising import DenoisingNetwork
from fusion.networks.dmfuse import FusionNetwork
from fusion.networks.dmnet import DMNet, stack_visible_infrared
from fusion.networks.dmnet_architecture import DMNetArchitecture

NoiseLevelMode = Literal["step", "between"]
N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True)
class NoiseOptions:
    """How the noise of diffusion features is drawn.

    Attributes:
        seed: Mixed with the contents of each image.
        levels: ``step``: sqrt(abar_t) itself (the papers); ``between``: drawn between the levels
            of steps t - 1 and t (DMFuse's released code).
    """

    seed: int = 0
    levels: NoiseLevelMode = "step"

    def compute_levels(
        self, schedule: process.NoiseSchedule, steps: Sequence[int], like: Tensor
    ) -> list[Tensor]:
        """sqrt(abar) for every step, each (N,) for a batch like ``like``."""
        t = torch.tensor(steps, dtype=torch.long)
        if len(t) and int(t.max()) > schedule.steps:
            raise UserError(
                f"option steps: step {int(t.max())}, but the noise schedule of these weights has "
                f"{schedule.steps} steps"
            )
        if self.levels == "step":
            values = schedule.noise_levels[t]
        else:
            generator = torch.Generator().manual_seed(self.seed)
            values = process.interpolate_noise_level(
                schedule, t, torch.rand(len(t), generator=generator)
            )
        return [value.to(like).expand(len(like)) for value in values]


class TrainedDMFuse(nn.Module):
    """Denoising network (or the ablation's encoder) and fusion network of DMFuse."""

    def __init__(self, told: Mapping[str, Any], noise: NoiseOptions) -> None:
        """Build without weights.

        Args:
            told: The architecture of a weights file: ``denoising`` and ``head``.
            noise: See `NoiseOptions`.
        """
        super().__init__()
        denoising, head = told["denoising"], told["head"]
        make = (
            process.build_cosine_schedule
            if denoising["schedule"] == "cosine"
            else process.build_linear_schedule
        )
        with torch.device("cpu"):
            self.noise_schedule = make(denoising["timesteps"])
        self.feature_steps: tuple[int, ...] = tuple(head["features_at"])
        self.channels: int = denoising["channels"]
        self.noise_options = noise
        self.adds_noise: bool = head.get("noise", True)
        sizes = {"channels": self.channels, "inner": denoising["inner"]}
        plain = head["encoder"] == "cnn"
        self.fusion = FusionNetwork(
            inner=denoising["inner"],
            steps=1 if plain else len(self.feature_steps),
            interaction=head["interaction"],
            affinity=head["affinity"],
            scaled=head["scaled"],
        )
        if plain:
            self.encoder = ConvolutionalEncoder(**sizes)
        else:
            self.denoising = DenoisingNetwork(**sizes)

    def sample_noise(self, infrared: Tensor, visible: Tensor) -> list[Tensor]:
        """Noise for every step of the infrared image, then of the visible one.

        The channels of an image are equal; their noise is not, as in the released code. Weights
        that were trained without noise get none.
        """
        if not hasattr(self, "denoising"):
            return []
        if not self.adds_noise:
            return [torch.zeros_like(self._to_model_range(infrared))] * (
                2 * len(self.feature_steps)
            )
        return [
            drawn
            for image in (infrared, visible)
            for drawn in features.sample_seeded_noise(
                self._to_model_range(image), len(self.feature_steps), self.noise_options.seed
            )
        ]

    def fuse(self, infrared: Tensor, visible: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """See `fusion.networks.tiled_inference.TrainedNetwork`."""
        half = len(self.feature_steps)
        seen = [
            self._extract_features(self._to_model_range(image), drawn)
            for image, drawn in ((infrared, noise[:half]), (visible, noise[half:]))
        ]
        fused: Tensor = self.fusion(*seen)
        return fused

    def _extract_features(self, image: Tensor, noise: Sequence[Tensor]) -> list[Tensor]:
        if not hasattr(self, "denoising"):
            levels: list[Tensor] = self.encoder(image)
            return levels
        told = self.noise_options.compute_levels(self.noise_schedule, self.feature_steps, image)
        return features.extract_features(self.denoising, image, told, noise)

    def _to_model_range(self, image: Tensor) -> Tensor:
        return (image * 2 - 1).expand(-1, self.channels, -1, -1)


class TrainedDMNet(nn.Module):
    """DMNet with the noise schedule that it was trained with."""

    def __init__(self, told: Mapping[str, Any], noise: NoiseOptions) -> None:
        """Build without weights.

        Args:
            told: The architecture of a weights file: ``network`` and ``timesteps``.
            noise: See `NoiseOptions`.
        """
        super().__init__()
        self.network = DMNet(DMNetArchitecture(**told["network"]))
        with torch.device("cpu"):
            self.noise_schedule = process.build_linear_schedule(told["timesteps"])
        self.noise_options = noise

    def sample_noise(self, infrared: Tensor, visible: Tensor) -> list[Tensor]:
        """Noise of two channels for every time step."""
        if self.network.denoising is None:
            return []
        pair = stack_visible_infrared(infrared, visible)
        steps = self.network.architecture.time_steps
        return features.sample_seeded_noise(pair, len(steps), self.noise_options.seed)

    def fuse(self, infrared: Tensor, visible: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """See `fusion.networks.tiled_inference.TrainedNetwork`."""
        steps = self.network.architecture.time_steps if noise else ()
        image = torch.empty(1)  # on the CPU: the levels are plain numbers here
        told = [
            float(level)
            for level in self.noise_options.compute_levels(self.noise_schedule, steps, image)
        ]
        return self.network.fuse(infrared, visible, told, noise)


def build_dmfuse(
    tensors: Mapping[str, Tensor],
    told: Mapping[str, Any],
    noise: NoiseOptions,
    device: str,
    where: str,
) -> TrainedDMFuse:
    """DMFuse with its weights, in evaluation mode.

    Raises:
        UserError: If the tensors do not fit; ``where`` names the file.
    """
    return _load_weights(_build_on_meta(TrainedDMFuse, told, noise, where), tensors, device, where)


def build_dmnet(
    tensors: Mapping[str, Tensor],
    told: Mapping[str, Any],
    noise: NoiseOptions,
    device: str,
    where: str,
) -> TrainedDMNet:
    """DMNet with its weights, in evaluation mode.

    Raises:
        UserError: If the tensors do not fit; ``where`` names the file.
    """
    named = {f"network.{name}": tensor for name, tensor in tensors.items()}
    return _load_weights(_build_on_meta(TrainedDMNet, told, noise, where), named, device, where)


def _build_on_meta(
    kind: Callable[[Mapping[str, Any], NoiseOptions], N],
    told: Mapping[str, Any],
    noise: NoiseOptions,
    where: str,
) -> N:
    """A network on the meta device.

    Raises:
        UserError: If ``told`` does not describe one.
    """
    try:
        with torch.device("meta"):
            return kind(told, noise)
    except (ValueError, RuntimeError) as fault:
        raise UserError(
            f"{where}: what it says of its network cannot be built ({fault!r}); train it again, "
            "or use the version that wrote it"
        ) from None


def _load_weights(network: N, tensors: Mapping[str, Tensor], device: str, where: str) -> N:
    """Put tensors into a network built on the meta device.

    Raises:
        UserError: Naming up to three tensors that are missing, unknown, or of another shape.
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
        raise UserError(f"{where}: the weights do not fit: {'; '.join(faults[:3])}{more}")
    network.load_state_dict(dict(tensors), assign=True)
    network.to(device)
    network.to(memory_format=torch.channels_last)
    return network.eval().requires_grad_(False)
