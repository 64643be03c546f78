"""Training recipes: options of the stages (pydantic models), and the data that they train on."""

from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import Discriminator, Field, Tag, model_validator
from typing_extensions import Self

from fusion.checkpoints.architecture_schema import StrictSchema
from fusion.losses.structure_options import StructureLossOptions

MAX_STEPS = 100_000_000
MAX_SCALE = 100
DecayRate = Annotated[float, Field(ge=0, lt=1)]
Repetitions = Annotated[int, Field(ge=1, le=10_000)]
ImageCount = Annotated[int, Field(ge=1, le=10_000_000)]
LossWeight = Annotated[float, Field(ge=0, le=1e6)]


class PairDataOptions(StrictSchema):
    """Pairs to train on.

    Attributes:
        dataset: A data set, i.e. a file in fusebench/datasets.
        split: ``train``; ``all`` for a data set without splits.
        data: Options of the data set.
        first: Number of keys to use, from the first one; None uses all.
        times: Repetitions of each pair per epoch.
    """

    dataset: str
    split: Literal["train", "test", "all"] = "train"
    data: dict[str, Any] = Field(default_factory=dict)
    first: ImageCount | None = None
    times: Repetitions = 1


class ImageDataOptions(StrictSchema):
    """Single images to train on: every image file of a folder.

    Attributes:
        images: The folder, relative to the data folder or absolute.
        first: Number of keys to use, from the first one; None uses all.
        times: Repetitions of each image per epoch.
    """

    images: Path
    first: ImageCount | None = None
    times: Repetitions = 1


def _get_part_kind(part: Any) -> str:
    """Return the tag of a part: ``images`` for a folder of images, else ``pairs``."""
    is_folder = isinstance(part, ImageDataOptions) or (isinstance(part, dict) and "images" in part)
    return "images" if is_folder else "pairs"


DataPart = Annotated[
    Annotated[PairDataOptions, Tag("pairs")] | Annotated[ImageDataOptions, Tag("images")],
    Discriminator(_get_part_kind),
]


class StageOptions(StrictSchema):
    """Options that every stage has.

    Attributes:
        data: Data sets and folders to train on.
        held_out: Number of pairs (or images), spread over the data, that are not trained on.
            Sample images show them or, with 0, some training images.
        patch: Height and width of a training patch, pixels.
        stride: Step of the grid on which patches are cut, pixels; None cuts at random positions.
        crops: Patches per image and epoch, if they are cut at random positions.
        flips: Mirror patches at random.
        turns: Rotate patches by multiples of 90 degrees at random.
        scale: Scale augmentation: a patch shows a square of ``patch`` times a factor drawn
            uniformly from this range.
        batch: Patches in a step, over all processes together.
        steps: Optimizer steps.
        epochs: Length in epochs instead; exactly one of the two is given.
        learning_rate: Highest learning rate of Adam.
        betas: Betas of Adam.
        schedule: ``step`` multiplies the rate by ``factor`` every ``every`` epochs; ``cosine``
            reduces it to a hundredth at the last step.
        every: Epochs between two reductions, for ``step``.
        factor: Factor of a reduction, for ``step``.
        warmup: Steps over which the rate rises linearly from 0.
        clip: Largest norm of the gradient; None does not clip.
        average: Decay of the exponential moving average of the weights, which is kept instead of
            the weights; None keeps the weights.
        precision: Of the forward pass; weights and losses are float32.
    """

    data: tuple[DataPart, ...] = Field(min_length=1)
    held_out: int = Field(default=4, ge=0, le=10_000_000)
    patch: int = Field(ge=32, le=4096, multiple_of=16)
    stride: int | None = Field(default=None, ge=1, le=65_536)
    crops: Repetitions = 1
    flips: bool = True
    turns: bool = False
    scale: tuple[float, float] = (1.0, 1.0)
    batch: int = Field(ge=1, le=65_536)
    steps: int | None = Field(default=None, ge=1, le=MAX_STEPS)
    epochs: int | None = Field(default=None, ge=1, le=MAX_STEPS)
    learning_rate: float = Field(gt=0, le=1)
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.999)
    schedule: Literal["constant", "step", "cosine"] = "constant"
    every: int = Field(default=20, ge=1, le=MAX_STEPS)
    factor: float = Field(default=0.5, gt=0, le=1)
    warmup: int = Field(default=0, ge=0, le=MAX_STEPS)
    clip: float | None = Field(default=None, gt=0)
    average: float | None = Field(default=None, gt=0, lt=1)
    precision: Literal["float32", "bfloat16"] = "float32"

    @model_validator(mode="after")
    def _check_consistency(self) -> Self:
        """Check length and scale of the training."""
        if (self.steps is None) == (self.epochs is None):
            raise ValueError("give steps or epochs, exactly one of the two (the other is null)")
        if not 0 < self.scale[0] <= self.scale[1] <= MAX_SCALE:
            raise ValueError(
                f"scale must be two rising numbers above 0, at most {MAX_SCALE}, not {self.scale}"
            )
        return self


class FusionStageOptions(StageOptions):
    """DMFuse's second stage.

    Attributes:
        loss: Terms of the paper with weights 1, 4, 20, or of the released code with 10, 14, 16.
        weights: Other weights of the SSIM, intensity and gradient terms.
        signed: Use the gradient term as eq. 12 is printed; see
            `fusion.losses.losses.DMFuseLossOptions`.
        noise: Whether noise is added to the images before feature extraction, as in the paper.
            Without it, images are only scaled as at that step, and no noise remains in the fused
            image.
        denoising: ``frozen``, as in the paper, or ``trained``: the losses of the fused image
            train its features, and it can no longer denoise.
        structure: Weights of the losses of `fusion.losses.structure`, which then replace all
            terms of the paper; None for the paper's.
    """

    loss: Literal["paper", "code"] = "paper"
    weights: tuple[LossWeight, LossWeight, LossWeight] | None = None
    signed: bool = False
    noise: bool = True
    denoising: Literal["frozen", "trained"] = "frozen"
    structure: StructureLossOptions | None = None


class ReconstructionStageOptions(StageOptions):
    """DMNet's first stage.

    Attributes:
        ssim_weight: lambda of eq. 14.
        infrared_weight: gamma_1 of eq. 13.
    """

    ssim_weight: LossWeight = 5
    infrared_weight: LossWeight = 1


class JointStageOptions(StageOptions):
    """DMNet's second stage.

    Attributes:
        gradient_weight: gamma_2 of eq. 18.
        operator: Gradient operator of the gradient term; Table VI compares them.
        ssim_weight: Weight of an additional term, 1 - SSIM to both sources; not in the paper.
        structure: Weights of the losses of `fusion.losses.structure`, which then replace all
            terms of the paper but L_dm; None for the paper's.
    """

    gradient_weight: LossWeight = 10
    operator: Literal["sobel", "canny", "log", "roberts"] = "sobel"
    ssim_weight: LossWeight = 0
    structure: StructureLossOptions | None = None


class DistillationStageOptions(StageOptions):
    """The student's only stage.

    Attributes:
        teacher_weight: Weight of the mean absolute difference to the teacher's image.
        structure: Weights of the losses that compare with the sources.
    """

    teacher_weight: LossWeight = 2
    structure: StructureLossOptions = StructureLossOptions()
