"""What a training is told, checked: one recipe per method, with a section for each of its stages.

The recipe of a method holds all its stages, because a later stage is trained on top of an earlier
one of the same recipe. What stands here decides the weights; device and worker threads do not.
"""

from pathlib import Path
from typing import Annotated, Any, Literal, TypeAlias

from pydantic import (
    Discriminator,
    Field,
    Tag,
    model_validator,
)
from typing_extensions import Self

from fusion.checkpoints.architecture_schema import (
    Affinity,
    Count,
    DropoutRate,
    EncoderKind,
    EvenWidth,
    InteractionKind,
    NoiseScheduleKind,
    StrictSchema,
)
from fusion.networks.dmnet_architecture import DMNetArchitecture
from fusion.training.recipe.dmnet_options import DMNetOptions

DecayRate = Annotated[float, Field(ge=0, lt=1)]


class PairDataOptions(StrictSchema):
    """Pairs to train on.

    Attributes:
        dataset: A file in fusebench/datasets; ``data`` are its options.
        split: ``train``; ``all`` for a data set without one.
        first: Only the first so many keys.
        times: How often each is seen when the others are seen once.
    """

    dataset: str
    split: Literal["train", "test", "all"] = "train"
    data: dict[str, Any] = Field(default_factory=dict)
    first: int | None = Field(default=None, ge=1)
    times: int = Field(default=1, ge=1)


class ImageDataOptions(StrictSchema):
    """Single images to train on, every image file of a folder.

    Attributes:
        images: The folder, below the data folder or absolute.
    """

    images: Path
    first: int | None = Field(default=None, ge=1)
    times: int = Field(default=1, ge=1)


def _get_part_kind(part: Any) -> str:
    single = isinstance(part, ImageDataOptions) or (isinstance(part, dict) and "images" in part)
    return "images" if single else "pairs"


DataPart = Annotated[
    Annotated[PairDataOptions, Tag("pairs")] | Annotated[ImageDataOptions, Tag("images")],
    Discriminator(_get_part_kind),
]


class StageOptions(StrictSchema):
    """What every stage is told.

    Attributes:
        data: What is trained on.
        held_out: Pairs (or images), spread over the data, that are looked at and not trained on;
            with 0, some of those that are trained on are looked at.
        patch: Height and width of a training patch, pixels.
        stride: Patches are cut in this step over every image; None cuts them anywhere.
        crops: Patches of one image in an epoch, where they are cut anywhere.
        flips: Mirror patches at random.
        turns: Turn patches by multiples of 90 degrees at random.
        scale: A patch shows this many times its size of the image, drawn evenly from the range.
        batch: Patches in a step, over all processes together.
        steps: Steps of the optimizer.
        epochs: The same, as passes over all patches; one of the two is given.
        learning_rate: Of Adam, at its highest.
        schedule: ``step`` multiplies the rate by ``factor`` every ``every`` epochs; ``cosine``
            lets it fall to a hundredth of itself at the last step.
        warmup: Steps over which the rate rises evenly from 0.
        clip: Largest norm of the gradient; None does not clip.
        average: Decay of the moving average of the weights that is kept; None keeps the weights.
        precision: Of the forward pass; weights and losses are float32.
    """

    data: tuple[DataPart, ...] = Field(min_length=1)
    held_out: int = Field(default=4, ge=0)
    patch: int = Field(ge=32, multiple_of=16)
    stride: int | None = Field(default=None, ge=1)
    crops: int = Field(default=1, ge=1)
    flips: bool = True
    turns: bool = False
    scale: tuple[float, float] = (1.0, 1.0)
    batch: int = Field(ge=1)
    steps: int | None = Field(default=None, ge=1)
    epochs: int | None = Field(default=None, ge=1)
    learning_rate: float = Field(gt=0)
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.999)
    schedule: Literal["constant", "step", "cosine"] = "constant"
    every: int = Field(default=20, ge=1)
    factor: float = Field(default=0.5, gt=0, le=1)
    warmup: int = Field(default=0, ge=0)
    clip: float | None = Field(default=None, gt=0)
    average: float | None = Field(default=None, gt=0, lt=1)
    precision: Literal["float32", "bfloat16"] = "float32"

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give steps or epochs, one of the two (the other is null)")
        if not 0 < self.scale[0] <= self.scale[1]:
            raise ValueError(f"scale must rise from above 0, not {self.scale}")
        return self


class DenoisingOptions(StrictSchema):
    """DMFuse's denoising network and its noise: the options of `DenoisingNetwork` and `NoiseSchedule`.

    Attributes:
        inner: Channels at full resolution, even: 32 is the paper's 1/4.
        channels: Of its images: 3 (the released code) or 1 (the paper's counts).
        levels: In the training of both stages, ``step`` takes the noise level of step t (the
            paper), ``between`` one drawn between those of t - 1 and t (the released code).
    """

    inner: EvenWidth
    channels: Literal[1, 3]
    dropout: DropoutRate = 0.2
    schedule: NoiseScheduleKind = "cosine"
    timesteps: int = Field(default=2000, ge=101)
    levels: Literal["step", "between"] = "step"


class FusionHeadOptions(StrictSchema):
    """DMFuse's fusion network: the options of `FusionNetwork`.

    Attributes:
        encoder: ``cnn`` is the ablation without diffusion features.
        interaction: ``addition`` is the ablation without CAIM.
        affinity: Which query meets which keys: as in the paper's eq. 6 and 7, or as released.
        scaled: A trained factor gamma, from 0, before what attention adds: as released.
        features_at: Time steps whose features are used.
    """

    encoder: EncoderKind = "diffusion"
    interaction: InteractionKind = "caim"
    affinity: Affinity = "paper"
    scaled: bool = False
    features_at: tuple[Count, ...] = Field(default=(5, 50, 100), min_length=1)


class FusionStageOptions(StageOptions):
    """DMFuse's second stage.

    Attributes:
        loss: The paper's terms and weights 1, 4, 20, or the released code's and 10, 14, 16.
        weights: Of the SSIM, intensity and gradient terms, instead.
        signed: The gradient term as eq. 12 is printed, see `fusion.losses.losses.DMFuseLossOptions`.
        noise: Whether images are noised for their features, as in the paper. Without, they are
            scaled as at that step and nothing else, and no noise is left in the fused image.
        denoising: The paper freezes the denoising network. ``trained``, it is told by the losses
            of the fused image which features to give, and denoises no longer.
    """

    loss: Literal["paper", "code"] = "paper"
    weights: tuple[float, float, float] | None = None
    signed: bool = False
    noise: bool = True
    denoising: Literal["frozen", "trained"] = "frozen"


class DMFuseRecipe(StrictSchema):
    """Both stages of DMFuse.

    Attributes:
        finetuning: The second stage gone on with under other settings; not in the paper.
    """

    denoising: DenoisingOptions
    head: FusionHeadOptions = FusionHeadOptions()
    diffusion: StageOptions
    fusion: FusionStageOptions
    finetuning: FusionStageOptions | None = None

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if any(not 0 < t <= self.denoising.timesteps for t in self.head.features_at):
            raise ValueError(f"head.features_at must be 1 to {self.denoising.timesteps}")
        return self


class ReconstructionStageOptions(StageOptions):
    """DMNet's first stage.

    Attributes:
        ssim_weight: lambda of eq. 14.
        infrared_weight: gamma_1 of eq. 13.
    """

    ssim_weight: float = Field(default=5, ge=0)
    infrared_weight: float = Field(default=1, ge=0)


class JointStageOptions(StageOptions):
    """DMNet's second stage.

    Attributes:
        gradient_weight: gamma_2 of eq. 18.
        operator: Of the gradient term; Table VI compares them.
        ssim_weight: Of a further term, 1 - SSIM to both sources; the paper has none here.
    """

    gradient_weight: float = Field(default=10, ge=0)
    operator: Literal["sobel", "canny", "log", "roberts"] = "sobel"
    ssim_weight: float = Field(default=0, ge=0)


class DMNetRecipe(StrictSchema):
    """Both stages of DMNet.

    Attributes:
        architecture: Of the network.
        timesteps: Of the linear noise schedule.
        two_stages: False is the ablation without two-stage training: the second stage starts
            from random weights.
        finetuning: The second stage gone on with under other settings; not in the paper.
    """

    architecture: DMNetOptions = DMNetArchitecture()
    timesteps: int = Field(default=2000, ge=101)
    two_stages: bool = True
    stage1: ReconstructionStageOptions
    stage2: JointStageOptions
    finetuning: JointStageOptions | None = None

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        if max(self.architecture.time_steps) > self.timesteps:
            raise ValueError(f"architecture.time_steps must be 1 to {self.timesteps}")
        return self


Recipe: TypeAlias = DMFuseRecipe | DMNetRecipe
RECIPES: dict[str, type[DMFuseRecipe] | type[DMNetRecipe]] = {
    "dmfuse": DMFuseRecipe,
    "dmnet": DMNetRecipe,
}
STAGE_SECTIONS = {  # of the recipe, for each stage in the order of training
    "dmfuse": {"diffusion": "diffusion", "fusion": "fusion", "finetuning": "finetuning"},
    "dmnet": {"1": "stage1", "2": "stage2", "finetuning": "finetuning"},
}
FUSION_STAGES = {"dmfuse": "fusion", "dmnet": "2"}  # the stage whose weights fuse, finetuned or not
