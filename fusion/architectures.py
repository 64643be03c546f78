"""What a weights file says of its network, checked before anything is built from it; no torch."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import Self

from bench.errors import BenchError, lines
from fusion.networks.dmnet_architecture import Architecture

Count = Annotated[int, Field(ge=1)]


class Model(BaseModel):
    """Unknown keys are errors: they may change what would be built."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class Denoising(Model):
    """DMFuse's denoising network and its noise."""

    inner: int = Field(ge=2, multiple_of=2)
    channels: Count
    dropout: float = Field(default=0.2, ge=0, lt=1)
    schedule: Literal["cosine", "linear"]
    timesteps: Count


class Head(Model):
    """DMFuse's fusion network; ``noise`` is whether its features are of noised images."""

    encoder: Literal["diffusion", "cnn"]
    interaction: Literal["caim", "addition"]
    affinity: Literal["paper", "code"]
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
