"""Options of SegFormer in tasks.yaml (pydantic models), and its initial weights on this machine.

Imports neither torch nor mmseg.
"""

import math
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from fusebench.config.paths import PathOrName
from fusebench.contracts import NoOptions
from fusebench.errors import UserError
from fusebench.storage import integrity
from fusebench.storage.weights import weights_content

PACKAGED_WEIGHTS = Path(__file__).parents[2] / "weights" / "segformer-b0-scenes.safetensors"
PACKAGED_ARCHITECTURE = ("mit_b0", 128, "mmseg")  # backbone, embedding, head
OPTIONS_ADDED_LATER = ("head", "shuffle", "padding", "compile")  # in a spec only if not the default

MAX_STEPS = 100_000_000
MAX_CROP = 8192  # pixels
MIN_RESCALE, MAX_RESCALE = 0.01, 16
DecayRate = Annotated[float, Field(ge=0, lt=1)]

Predict = NoOptions  # the whole image once, logits resized to the label map's size


class Options(BaseModel):
    """Training options: everything that affects the trained model except images and seed.

    The defaults are SegMiF's; the package's docstring lists the differences.

    Attributes:
        backbone: Size of the encoder (MiT).
        embedding: Channels of the head.
        head: What follows each of its four 1 x 1 convolutions: batch norm and ReLU (``mmseg``), or
            nothing (``linear``, the paper's equation 4 and SegMiF's).
        start_weights: Initial weights: ``scratch``, ``packaged`` (mit_b0 with embedding 128,
            trained on simulated scenes), ``imagenet`` (MiT weights, downloaded once from
            OpenMMLab) or the path of a safetensors or torch file of MiT weights with the names
            of mmseg, NVlabs or Hugging Face (``nvidia/mit-b3``, say). SegMiF starts from ImageNet.
        iterations: Number of training steps.
        schedule: Length of the learning-rate schedule in steps; None is ``iterations``.
        batch: Images per step.
        shuffle: Whether every epoch has its own order of images; SegMiF uses one order for all.
        crop: Side of the square crop, or (width, height), in pixels.
        crop_share: The crop is sampled again, at most ten times, while one class covers a larger
            fraction of it.
        padding: Position in the crop of an image that is smaller: its top left ``corner``, or
            ``anywhere``, surrounded by the mean color (rounded to 8 bits) without labels.
        rescale: Range of the random factor by which each image is resized.
        flip: Probability of a horizontal flip.
        distortion: Whether brightness, contrast, saturation and hue are changed at random.
        learning_rate: Highest learning rate of the encoder.
        head_factor: Learning rate of the head divided by that of the encoder.
        weight_decay: Of AdamW, except for the encoder's layer norms, which have none.
        betas: Of AdamW.
        warm_up: Number of steps in which the learning rate rises linearly.
        warm_up_ratio: Fraction of the learning rate at which the warm-up starts.
        power: After the warm-up the rate decays as (1 - step / schedule) ** power.
        drop_path: Probability that a block of the last stage is skipped (stochastic depth).
        dropout: Of the head's last layer.
        ignore_unlabeled: Exclude class 0 from training; it is then never predicted. SegMiF
            trains it as a class of its own.
        mixed_precision: Compute in bfloat16 where PyTorch considers it safe: twice as fast on
            processors and GPUs that have it in hardware. SegMiF computes in float32.
        compile: Compile the network with ``torch.compile``, which takes minutes and rounds
            differently. It needs a C++ compiler, and Triton for a GPU.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: Literal["mit_b0", "mit_b1", "mit_b2", "mit_b3", "mit_b4", "mit_b5"] = "mit_b3"
    embedding: int = Field(default=256, ge=1, le=8192)
    head: Literal["mmseg", "linear"] = "mmseg"
    start_weights: Annotated[str, PathOrName(("scratch", "packaged", "imagenet"))] = "scratch"
    iterations: int = Field(default=70_000, ge=1, le=MAX_STEPS)
    schedule: int | None = Field(default=160_000, ge=1, le=MAX_STEPS)
    batch: int = Field(default=2, ge=1, le=65_536)
    shuffle: bool = True
    crop: int | tuple[int, int] = 480
    crop_share: float = Field(default=0.75, gt=0, le=1)
    padding: Literal["corner", "anywhere"] = "corner"
    rescale: tuple[float, float] = (0.5, 2.0)
    flip: float = Field(default=0.5, ge=0, le=1)
    distortion: bool = True
    learning_rate: float = Field(default=8e-5, gt=0, le=1)
    head_factor: float = Field(default=10.0, gt=0, le=1000)
    weight_decay: float = Field(default=0.01, ge=0, le=10)
    betas: tuple[DecayRate, DecayRate] = (0.9, 0.999)
    warm_up: int = Field(default=3000, ge=0, le=MAX_STEPS)
    warm_up_ratio: float = Field(default=1e-6, ge=0, le=1)
    power: float = Field(default=1.0, ge=0, le=100)
    drop_path: float = Field(default=0.1, ge=0, lt=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    ignore_unlabeled: bool = False
    mixed_precision: bool = False
    compile: bool = False

    @model_validator(mode="after")
    def _check_consistency(self) -> "Options":
        if self.schedule is not None and self.schedule < self.iterations:
            raise ValueError(f"schedule {self.schedule} is shorter than {self.iterations} steps")
        if min(self.crop_size) < 32 or max(self.crop_size) > MAX_CROP:
            raise ValueError(
                f"crop must be at least 32 pixels wide and high, and at most {MAX_CROP}"
            )
        # the deepest features of the encoder have 1/32 of the width and height, rounded up
        values = self.batch * math.prod(-(-side // 32) for side in self.crop_size)
        if values == 1 and self.head == "mmseg":
            raise ValueError(
                f"crop {self.crop_size[0]} x {self.crop_size[1]} and batch 1 leave batch norm one "
                "value per channel in the deepest layer; set a crop of at least 64, a batch of at "
                "least 2, or head: linear"
            )
        if not MIN_RESCALE <= self.rescale[0] <= self.rescale[1] <= MAX_RESCALE:
            raise ValueError(
                "rescale must be a range above 0, smaller end first; "
                f"expected {MIN_RESCALE} to {MAX_RESCALE}"
            )
        return self

    @model_serializer(mode="wrap")
    def _omit_new_defaults(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit later options with their default value, so that older specs keep their hash."""
        values: dict[str, Any] = serialize(self)
        for name in OPTIONS_ADDED_LATER:
            if name in values and values[name] == type(self).model_fields[name].default:
                del values[name]
        return values

    @property
    def crop_size(self) -> tuple[int, int]:
        """(width, height) of the crop."""
        return (self.crop, self.crop) if isinstance(self.crop, int) else self.crop


def find_weights_file(options: Options) -> Path | None:
    """Return the local file of the initial weights; None for scratch and imagenet.

    Raises:
        UserError: If there is no such file, or the packaged weights are of another architecture.
    """
    if options.start_weights in ("scratch", "imagenet"):
        return None
    architecture = (options.backbone, options.embedding, options.head)
    if options.start_weights == "packaged" and architecture != PACKAGED_ARCHITECTURE:
        packaged, expected = (
            "{} with embedding {} and head {}".format(*values)
            for values in (PACKAGED_ARCHITECTURE, architecture)
        )
        raise UserError(
            f"segformer: start_weights packaged are {packaged}, but the options ask for {expected};"
            " set start_weights to scratch, imagenet or a path"
        )
    path = PACKAGED_WEIGHTS if options.start_weights == "packaged" else Path(options.start_weights)
    path = weights_content.find_weights_in_folder(path)
    if not path.is_file():
        raise UserError(
            f"segformer: start_weights {options.start_weights}: no file {path}; name a "
            "safetensors or torch file of MiT weights, or set start_weights: scratch"
        )
    return integrity.check_weights(path)
