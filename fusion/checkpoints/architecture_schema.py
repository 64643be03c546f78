"""What a weights file says of its network, checked before anything is built from it; no torch."""

from collections.abc import Mapping
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import Self

from fusebench.errors import UserError, format_validation_error
from fusion.networks.dmnet_architecture import DMNetArchitecture

Count = Annotated[int, Field(ge=1)]
EvenWidth = Annotated[int, Field(ge=2, multiple_of=2)]
DropoutRate = Annotated[float, Field(ge=0, lt=1)]
NoiseScheduleKind = Literal["cosine", "linear"]
EncoderKind = Literal["diffusion", "cnn"]
InteractionKind = Literal["caim", "addition"]
Affinity = Literal["paper", "code"]


class StrictSchema(BaseModel):
    """Unknown keys and infinite numbers are errors, and nothing changes after reading."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DenoisingSchema(StrictSchema):
    """DMFuse's denoising network and its noise."""

    inner: EvenWidth
    channels: Count
    dropout: DropoutRate = 0.2
    schedule: NoiseScheduleKind
    timesteps: Count


class FusionHeadSchema(StrictSchema):
    """DMFuse's fusion network; ``noise`` is whether its features are of noised images."""

    encoder: EncoderKind
    interaction: InteractionKind
    affinity: Affinity
    scaled: bool
    features_at: tuple[Count, ...] = Field(min_length=1)
    noise: bool = True


class DMFuseSchema(StrictSchema):
    """Of the stage that fuses."""

    denoising: DenoisingSchema
    head: FusionHeadSchema

    @model_validator(mode="after")
    def _check_within_schedule(self) -> Self:
        _check_steps(self.head.features_at, self.denoising.timesteps)
        return self


class DMNetSchema(StrictSchema):
    """Of either stage."""

    network: DMNetArchitecture
    timesteps: Count

    @model_validator(mode="after")
    def _check_within_schedule(self) -> Self:
        _check_steps(self.network.time_steps, self.timesteps)
        return self


SCHEMAS: dict[str, type[DMFuseSchema] | type[DMNetSchema]] = {
    "dmfuse": DMFuseSchema,
    "dmnet": DMNetSchema,
}


def check_architecture(method: str, told: Mapping[str, Any], where: str) -> dict[str, Any]:
    """What `fusion.checkpoints.load_network` builds the network of a method from.

    Args:
        method: ``dmfuse`` or ``dmnet``.
        told: The architecture of a weights file.
        where: The file, for the message.

    Raises:
        UserError: If ``told`` does not describe such a network, a line for each fault.
    """
    try:
        return SCHEMAS[method].model_validate(told).model_dump()
    except ValidationError as fault:
        raise UserError(
            f"{format_validation_error(f'{where}: what it says of its network', fault)}; train it again, or use "
            "the version that wrote it"
        ) from None


def _check_steps(steps: tuple[int, ...], last: int) -> None:
    if max(steps) > last:
        raise ValueError(f"time steps {steps}: expected 1 to {last}, the steps of its schedule")
