"""Loading of trained fusion networks: built from the architecture and tensors of a weights file.

The networks here implement `fusion.networks.tiled_inference.TrainedNetwork`.
"""

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
from fusion.networks.student import Student

NoiseLevelMode = Literal["step", "between"]
N = TypeVar("N", bound=nn.Module)


@dataclass(frozen=True)
class NoiseOptions:
    """Random seed and noise levels of diffusion features.

    Attributes:
        seed: Random seed, combined with the contents of each image.
        levels: ``step``: noise level sqrt(abar_t) (as in the papers); ``between``: sampled between
            the levels of steps t - 1 and t (as in DMFuse's released code).
    """

    seed: int = 0
    levels: NoiseLevelMode = "step"

    def compute_levels(
        self, schedule: process.NoiseSchedule, steps: Sequence[int], image: Tensor
    ) -> list[Tensor]:
        """Compute the noise level sqrt(abar) of every step.

        Args:
            schedule: Noise schedule of the network.
            steps: Time steps.
            image: Batch of N images, which determines device and dtype.

        Returns:
            One tensor (N,) per step.

        Raises:
            UserError: If a step is beyond the schedule.
        """
        t = torch.tensor(steps, dtype=torch.long)
        if len(t) and int(t.max()) > schedule.steps:
            raise UserError(
                f"option steps: step {int(t.max())}, but the noise schedule of these weights has "
                f"{schedule.steps} steps"
            )
        if self.levels == "step":
            levels = schedule.noise_levels[t]
        else:
            generator = torch.Generator().manual_seed(self.seed)
            levels = process.interpolate_noise_level(
                schedule, t, torch.rand(len(t), generator=generator)
            )
        return [level.to(image).expand(len(image)) for level in levels]


class TrainedDMFuse(nn.Module):
    """Denoising network (or the ablation's encoder) and fusion network of DMFuse."""

    def __init__(self, architecture: Mapping[str, Any], noise_options: NoiseOptions) -> None:
        """Build the network without weights.

        Args:
            architecture: Of a weights file: ``denoising`` and ``head``.
            noise_options: See `NoiseOptions`.
        """
        super().__init__()
        denoising, head = architecture["denoising"], architecture["head"]
        build_schedule = (
            process.build_cosine_schedule
            if denoising["schedule"] == "cosine"
            else process.build_linear_schedule
        )
        with torch.device("cpu"):
            self.noise_schedule = build_schedule(denoising["timesteps"])
        self.feature_steps: tuple[int, ...] = tuple(head["features_at"])
        self.channels: int = denoising["channels"]
        self.noise_options = noise_options
        self.adds_noise: bool = head.get("noise", True)
        sizes = {"channels": self.channels, "inner": denoising["inner"]}
        has_cnn_encoder = head["encoder"] == "cnn"
        self.fusion = FusionNetwork(
            inner=denoising["inner"],
            steps=1 if has_cnn_encoder else len(self.feature_steps),
            interaction=head["interaction"],
            affinity=head["affinity"],
            scaled=head["scaled"],
        )
        # Exactly one of the two is there.
        self.encoder = ConvolutionalEncoder(**sizes) if has_cnn_encoder else None
        self.denoising = None if has_cnn_encoder else DenoisingNetwork(**sizes)

    def sample_noise(self, infrared: Tensor, visible: Tensor) -> list[Tensor]:
        """Sample noise for every step of the infrared image, then of the visible image.

        The channels of an image are equal but their noise is not, as in the released code. The
        noise is zero for weights that were trained without noise.
        """
        if self.denoising is None:
            return []
        if not self.adds_noise:
            return [torch.zeros_like(self._to_model_range(infrared))] * (
                2 * len(self.feature_steps)
            )
        return [
            noise
            for image in (infrared, visible)
            for noise in features.sample_seeded_noise(
                self._to_model_range(image), len(self.feature_steps), self.noise_options.seed
            )
        ]

    def fuse(self, infrared: Tensor, visible: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """See `fusion.networks.tiled_inference.TrainedNetwork`."""
        half = len(self.feature_steps)
        image_features = [
            self._extract_features(self._to_model_range(image), image_noise)
            for image, image_noise in ((infrared, noise[:half]), (visible, noise[half:]))
        ]
        fused: Tensor = self.fusion(*image_features)
        return fused

    def _extract_features(self, image: Tensor, noise: Sequence[Tensor]) -> list[Tensor]:
        if self.encoder is not None:
            scales: list[Tensor] = self.encoder(image)
            return scales
        assert self.denoising is not None
        levels = self.noise_options.compute_levels(self.noise_schedule, self.feature_steps, image)
        return features.extract_features(self.denoising, image, levels, noise)

    def _to_model_range(self, image: Tensor) -> Tensor:
        """Map [0, 1] to [-1, 1] and repeat the channel."""
        return (image * 2 - 1).expand(-1, self.channels, -1, -1)


class TrainedDMNet(nn.Module):
    """DMNet and the noise schedule it was trained with."""

    def __init__(self, architecture: Mapping[str, Any], noise_options: NoiseOptions) -> None:
        """Build the network without weights.

        Args:
            architecture: Of a weights file: ``network`` and ``timesteps``.
            noise_options: See `NoiseOptions`.
        """
        super().__init__()
        self.network = DMNet(DMNetArchitecture(**architecture["network"]))
        with torch.device("cpu"):
            self.noise_schedule = process.build_linear_schedule(architecture["timesteps"])
        self.noise_options = noise_options

    def sample_noise(self, infrared: Tensor, visible: Tensor) -> list[Tensor]:
        """Sample noise of two channels for every time step."""
        if self.network.denoising is None:
            return []
        pair = stack_visible_infrared(infrared, visible)
        steps = self.network.architecture.time_steps
        return features.sample_seeded_noise(pair, len(steps), self.noise_options.seed)

    def fuse(self, infrared: Tensor, visible: Tensor, noise: Sequence[Tensor]) -> Tensor:
        """See `fusion.networks.tiled_inference.TrainedNetwork`."""
        steps = self.network.architecture.time_steps if noise else ()
        image = torch.empty(1)  # on the CPU: the levels become Python floats
        levels = [
            float(level)
            for level in self.noise_options.compute_levels(self.noise_schedule, steps, image)
        ]
        return self.network.fuse(infrared, visible, levels, noise)


def build_dmfuse(
    tensors: Mapping[str, Tensor],
    architecture: Mapping[str, Any],
    noise_options: NoiseOptions,
    device: str,
    location: str,
) -> TrainedDMFuse:
    """Build DMFuse and load its weights; the network is in evaluation mode.

    Args:
        tensors: Named as in `TrainedDMFuse`.
        architecture: See `TrainedDMFuse`.
        noise_options: See `NoiseOptions`.
        device: ``meta`` builds the network without values.
        location: Path of the weights file, for messages.

    Raises:
        UserError: If the network cannot be built or the tensors do not fit.
    """
    network = _build_on_meta(lambda: TrainedDMFuse(architecture, noise_options), location)
    return _load_weights(network, tensors, device, location)


def build_dmnet(
    tensors: Mapping[str, Tensor],
    architecture: Mapping[str, Any],
    noise_options: NoiseOptions,
    device: str,
    location: str,
) -> TrainedDMNet:
    """Build DMNet and load its weights; the network is in evaluation mode.

    Args:
        tensors: Named as in `fusion.networks.dmnet.DMNet`.
        architecture: See `TrainedDMNet`.
        noise_options: See `NoiseOptions`.
        device: ``meta`` builds the network without values.
        location: Path of the weights file, for messages.

    Raises:
        UserError: If the network cannot be built or the tensors do not fit.
    """
    network = _build_on_meta(lambda: TrainedDMNet(architecture, noise_options), location)
    prefixed = {f"network.{name}": tensor for name, tensor in tensors.items()}
    return _load_weights(network, prefixed, device, location)


def build_student(
    tensors: Mapping[str, Tensor], architecture: Mapping[str, Any], device: str, location: str
) -> Student:
    """Build the student and load its weights; the network is in evaluation mode.

    Args:
        tensors: Named as in `fusion.networks.student.Student`.
        architecture: Its ``width``.
        device: ``meta`` builds the network without values.
        location: Path of the weights file, for messages.

    Raises:
        UserError: If the tensors do not fit.
    """
    network = _build_on_meta(lambda: Student(**architecture), location)
    return _load_weights(network, tensors, device, location)


def _build_on_meta(build: Callable[[], N], location: str) -> N:
    """Build a network on the meta device.

    Raises:
        UserError: If the architecture is impossible.
    """
    try:
        with torch.device("meta"):
            return build()
    except (ValueError, RuntimeError) as error:
        raise UserError(
            f"{location}: its architecture cannot be built ({error!r}); train it again, or use "
            "the version that wrote it"
        ) from None


def _load_weights(network: N, tensors: Mapping[str, Tensor], device: str, location: str) -> N:
    """Load tensors into a network that was built on the meta device.

    Raises:
        UserError: Naming up to three tensors that are missing, unknown, or of another shape.
    """
    expected = {name: tuple(t.shape) for name, t in network.state_dict().items()}
    given = {name: tuple(t.shape) for name, t in tensors.items()}
    problems = [f"{name} is missing" for name in expected if name not in given]
    problems += [f"{name} is unknown" for name in given if name not in expected]
    problems += [
        f"{name} has shape {given[name]}, expected {expected[name]}"
        for name in expected
        if name in given and given[name] != expected[name]
    ]
    if problems:
        rest = f" and {len(problems) - 3} more" if len(problems) > 3 else ""
        raise UserError(
            f"{location}: the weights do not fit the architecture: {'; '.join(problems[:3])}{rest}"
        )
    network.load_state_dict(dict(tensors), assign=True)
    network.to(device)
    network.to(memory_format=torch.channels_last)
    return network.eval().requires_grad_(False)
