"""Training recipes (pydantic models): one per method, with a section for each of its stages.

The options of a stage are in `fusion.training.recipe.stage_options`.

The recipe of a method holds all its stages, because a later stage starts from the weights of an
earlier one of the same recipe. Every option here decides the weights; device and worker threads
do not and are set on the command line.
"""

from typing import Any, Literal, TypeAlias

from pydantic import Field, model_validator
from typing_extensions import Self

from fusion.checkpoints.architecture_schema import (
    MAX_TIME_STEPS,
    Affinity,
    DropoutRate,
    EncoderKind,
    EvenWidth,
    InteractionKind,
    NoiseScheduleKind,
    StrictSchema,
    StudentSchema,
    TimeStep,
)
from fusion.networks.dmnet_architecture import MAX_FEATURE_STEPS, DMNetArchitecture
from fusion.training.recipe.dmnet_options import DMNetOptions
from fusion.training.recipe.stage_options import (
    DistillationStageOptions,
    FusionStageOptions,
    JointStageOptions,
    ReconstructionStageOptions,
    StageOptions,
)


class DenoisingOptions(StrictSchema):
    """DMFuse's denoising network and noise: options of `DenoisingNetwork` and `NoiseSchedule`.

    Attributes:
        inner: Channels at full resolution, even: 32 is the paper's 1/4.
        channels: Image channels: 3 (the released code) or 1 (the paper's counts).
        dropout: Dropout rate in training.
        schedule: Kind of the noise schedule.
        timesteps: Steps of the noise schedule.
        levels: Noise levels in the training of both stages: ``step`` takes that of step t (the
            paper), ``between`` samples it between those of t - 1 and t (the released code).
    """

    inner: EvenWidth
    channels: Literal[1, 3]
    dropout: DropoutRate = 0.2
    schedule: NoiseScheduleKind = "cosine"
    timesteps: int = Field(default=2000, ge=101, le=MAX_TIME_STEPS)
    levels: Literal["step", "between"] = "step"


class FusionHeadOptions(StrictSchema):
    """DMFuse's fusion network: options of `FusionNetwork`.

    Attributes:
        encoder: ``cnn`` is the ablation without diffusion features.
        interaction: ``addition`` is the ablation without CAIM.
        affinity: Projections that the attention compares: K(n) Q(m) as in the paper's eqs. 6 and
            7, or Q(n) K(m) as in the released code; see `CrossAttentionInteraction`.
        scaled: Multiply the output of the attention by a trained factor gamma, initially 0, as
            the released code does.
        features_at: Time steps whose features are used.
    """

    encoder: EncoderKind = "diffusion"
    interaction: InteractionKind = "caim"
    affinity: Affinity = "paper"
    scaled: bool = False
    features_at: tuple[TimeStep, ...] = Field(
        default=(5, 50, 100), min_length=1, max_length=MAX_FEATURE_STEPS
    )


class DMFuseRecipe(StrictSchema):
    """All stages of DMFuse.

    Attributes:
        denoising: The denoising network.
        head: The fusion network.
        diffusion: First stage.
        fusion: Second stage.
        finetuning: The second stage continued with other options; not in the paper.
    """

    denoising: DenoisingOptions
    head: FusionHeadOptions = FusionHeadOptions()
    diffusion: StageOptions
    fusion: FusionStageOptions
    finetuning: FusionStageOptions | None = None

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        """Check the feature steps against the noise schedule."""
        if any(not 0 < t <= self.denoising.timesteps for t in self.head.features_at):
            raise ValueError(f"head.features_at must be 1 to {self.denoising.timesteps}")
        return self


class DMNetRecipe(StrictSchema):
    """All stages of DMNet.

    Attributes:
        architecture: Options of the network.
        timesteps: Steps of the linear noise schedule.
        two_stages: False is the ablation without two-stage training: the second stage starts
            from random weights.
        stage1: First stage.
        stage2: Second stage.
        finetuning: The second stage continued with other options; not in the paper.
    """

    architecture: DMNetOptions = DMNetArchitecture()
    timesteps: int = Field(default=2000, ge=101, le=MAX_TIME_STEPS)
    two_stages: bool = True
    stage1: ReconstructionStageOptions
    stage2: JointStageOptions
    finetuning: JointStageOptions | None = None

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        """Check the feature steps against the noise schedule."""
        if max(self.architecture.time_steps) > self.timesteps:
            raise ValueError(f"architecture.time_steps must be 1 to {self.timesteps}")
        return self


class TeacherOptions(StrictSchema):
    """The student's teacher: a fusion method, or else a folder of fused images.

    Attributes:
        method: A file in fusion/methods, or a module of the user.
        options: Options of the method.
        folder: Folder of fused images, named like the keys of the pairs, as in a source of kind
            ``folder``: ``{dataset}``, ``{split}`` and, in the last part, ``{key}`` are filled in.
    """

    method: str = "dmfuse"
    options: dict[str, Any] = Field(default_factory=dict)
    folder: str | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> Self:
        """Check that a folder comes without a method."""
        if self.folder is not None and self.model_fields_set > {"folder"}:
            raise ValueError("the teacher is a folder or a method with options, not both")
        return self


class StudentRecipe(StrictSchema):
    """The student's only stage.

    Attributes:
        network: Options of the network.
        teacher: The teacher.
        distillation: The stage.
    """

    network: StudentSchema = StudentSchema()
    teacher: TeacherOptions = TeacherOptions()
    distillation: DistillationStageOptions


Recipe: TypeAlias = DMFuseRecipe | DMNetRecipe | StudentRecipe
RECIPES: dict[str, type[DMFuseRecipe] | type[DMNetRecipe] | type[StudentRecipe]] = {
    "dmfuse": DMFuseRecipe,
    "dmnet": DMNetRecipe,
    "student": StudentRecipe,
}
STAGE_SECTIONS = {  # stage: its section of the recipe, in the order of training
    "dmfuse": {"diffusion": "diffusion", "fusion": "fusion", "finetuning": "finetuning"},
    "dmnet": {"1": "stage1", "2": "stage2", "finetuning": "finetuning"},
    "student": {"distillation": "distillation"},
}
# The stage whose weights can fuse images
FUSION_STAGES = {"dmfuse": "fusion", "dmnet": "2", "student": "distillation"}
