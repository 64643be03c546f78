"""Schema of the architecture in a weights file, validated before the network is built.

This module does not import torch.
"""

from collections.abc import Mapping
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator
from typing_extensions import Self

from fusebench.errors import UserError, format_validation_error
from fusion.networks.dmnet_architecture import MAX_FEATURE_STEPS, DMNetArchitecture
from fusion.networks.student_architecture import MAX_STUDENT_WIDTH

MAX_WIDTH, MAX_TIME_STEPS = 4096, 100_000  # channels; steps of a noise schedule
EvenWidth = Annotated[int, Field(ge=2, le=MAX_WIDTH, multiple_of=2)]
TimeStep = Annotated[int, Field(ge=1, le=MAX_TIME_STEPS)]
DropoutRate = Annotated[float, Field(ge=0, lt=1)]
NoiseScheduleKind = Literal["cosine", "linear"]
EncoderKind = Literal["diffusion", "cnn"]
InteractionKind = Literal["caim", "addition"]
Affinity = Literal["paper", "code"]


class StrictSchema(BaseModel):
    """Frozen model in which unknown keys and infinite numbers are errors."""

    model_config = ConfigDict(extra="forbid", frozen=True, allow_inf_nan=False)


class DenoisingSchema(StrictSchema):
    """DMFuse's denoising network and its noise schedule."""

    inner: EvenWidth
    channels: Annotated[int, Field(ge=1, le=3)]
    dropout: DropoutRate = 0.2
    schedule: NoiseScheduleKind
    timesteps: TimeStep


class FusionHeadSchema(StrictSchema):
    """DMFuse's fusion network.

    Attributes:
        encoder: Source of the features: the denoising network (``diffusion``) or a CNN.
        interaction: ``caim``, or ``addition`` in the ablation without it.
        affinity: Pairing of queries and keys; see
            `fusion.networks.caim.CrossAttentionInteraction`.
        scaled: Whether CAIM has a trained scale gamma.
        features_at: Time steps whose features are used.
        noise: Whether the features are extracted from images with noise.
    """

    encoder: EncoderKind
    interaction: InteractionKind
    affinity: Affinity
    scaled: bool
    features_at: tuple[TimeStep, ...] = Field(min_length=1, max_length=MAX_FEATURE_STEPS)
    noise: bool = True


class DMFuseSchema(StrictSchema):
    """Architecture of DMFuse after the fusion stage."""

    denoising: DenoisingSchema
    head: FusionHeadSchema

    @model_validator(mode="after")
    def _check_within_schedule(self) -> Self:
        _check_steps(self.head.features_at, self.denoising.timesteps)
        return self


class DMNetSchema(StrictSchema):
    """Architecture of DMNet, the same in both stages."""

    network: DMNetArchitecture
    timesteps: TimeStep

    @model_validator(mode="after")
    def _check_within_schedule(self) -> Self:
        _check_steps(self.network.time_steps, self.timesteps)
        return self


class StudentSchema(StrictSchema):
    """Architecture of the student.

    Attributes:
        width: Channels of every layer.
    """

    width: Annotated[int, Field(ge=4, le=MAX_STUDENT_WIDTH)] = 16


Schema: TypeAlias = type[DMFuseSchema] | type[DMNetSchema] | type[StudentSchema]
SCHEMAS: dict[str, Schema] = {
    "dmfuse": DMFuseSchema,
    "dmnet": DMNetSchema,
    "student": StudentSchema,
}


def check_architecture(
    method: str, architecture: Mapping[str, Any], location: str
) -> dict[str, Any]:
    """Validate the architecture in a weights file and fill in its defaults.

    Args:
        method: ``dmfuse``, ``dmnet`` or ``student``.
        architecture: As read from the file.
        location: Path of the file, for the message.

    Returns:
        The architecture from which `fusion.checkpoints.load_network` builds the network.

    Raises:
        UserError: If the architecture is invalid, a line for each error.
    """
    try:
        return SCHEMAS[method].model_validate(architecture).model_dump()
    except ValidationError as error:
        raise UserError(
            f"{format_validation_error(f'{location}: its architecture', error)}; train it again, "
            "or use the version that wrote it"
        ) from None


def _check_steps(steps: tuple[int, ...], last: int) -> None:
    if max(steps) > last:
        raise ValueError(f"time steps {steps}: expected 1 to {last}, the steps of its schedule")
