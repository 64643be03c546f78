"""What a weights file says of its network, checked before anything is built from it; no torch."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import Self

from bench.errors import BenchError, lines
from fusion.networks.dmnet_architecture import Architecture

Count = Annotated[int, Field(ge=1)]
Width = Annotated[int, Field(ge=2, multiple_of=2)]
Dropout = Annotated[float, Field(ge=0, lt=1)]
NoiseSchedule = Literal["cosine", "linear"]
Encoder = Literal["diffusion", "cnn"]
Interaction = Literal["caim", "addition"]
Affinity = Literal["paper", "code"]


class Model(BaseModel):
    """Unknown keys and infinite numbers are errors, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Denoising(Model):
    """DMFuse's denoising network and its noise."""

    inner: Width
    channels: Count
    dropout: Dropout = 0.2
    schedule: NoiseSchedule
    timesteps: Count


class Head(Model):
    """DMFuse's fusion network; ``noise`` is whether its features are of noised images."""

    encoder: Encoder
    interaction: Interaction
    affinity: Affinity
    scaled: bool
    features_at: tuple[Count, ...] = Field(min_length=1)
    noise: bool = True


class DMFuse(Model):
    """Of the stage that fuses."""

    denoising: Denoising
    head: Head

    @model_validator(mode="after")
    def _within_the_schedule(self) -> Self:
        _check_steps(self.head.features_at, self.denoising.timesteps)
        return self


class DMNet(Model):
    """Of either stage."""

    network: Architecture
    timesteps: Count

    @model_validator(mode="after")
    def _within_the_schedule(self) -> Self:
        _check_steps(self.network.time_steps, self.timesteps)
        return self


METHODS: dict[str, type[DMFuse] | type[DMNet]] = {"dmfuse": DMFuse, "dmnet": DMNet}


def checked(method: str, told: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What `fusion.trained` builds the network of a method from.

    Args:
        method: ``dmfuse`` or ``dmnet``.
        told: The architecture of a weights file.
        where: The file, for the message.

    Raises:
        BenchError: If ``told`` does not describe such a network, a line for each fault.
    """
    try:
        return METHODS[method].model_validate(told).model_dump()
    except ValidationError as fault:
        raise BenchError(
            f"{lines(f'{where}: what it says of its network', fault)}; train it again, or use "
            "the version that wrote it"
        ) from None


def _check_steps(steps: tuple[int, ...], last: int) -> None:
    if max(steps) > last:
        raise ValueError(f"time steps {steps}: expected 1 to {last}, the steps of its schedule")
