"""SegFormer (mmseg) trained as SegMiF's released code trains its segmentation network.

Sources: Xie et al., "SegFormer: simple and efficient design for semantic segmentation with
transformers", NeurIPS 2021; Liu et al., "Multi-interactive feature learning and a full-time
multi-modality benchmark for image fusion and segmentation" (SegMiF), ICCV 2023.

The defaults are those of SegMiF's ``configs/voc.yaml`` as its ``train.py`` uses them, except for
what is ours. The protocol names each option that is as theirs and each that is not. Theirs:

    batch        the file says 4 per GPU, the loader halves it: 2
    iterations   the schedule is 160 000 long, but seven rounds of 10 000 are run: 70 000 steps
                 of the 160 000-step schedule, so the learning rate ends at 0.56 of its top
    class 0      unlabeled pixels are trained as a class of their own

Ours, which options turn into theirs (the preset ``paper`` does, but for the order):

    head         mmseg's `SegformerHead`: it has batch norm and ReLU after each of the four
                 1x1 convolutions, which the head in SegMiF's code has not
    padding      right and below; SegMiF puts an image smaller than the crop anywhere in it
    distortion   SegMiF's loader distorts the visible image alone; its segmenter is trained on
                 images that were fused before, from undistorted ones, so it never sees any
    order        SegMiF's loader has its shuffling commented out; here every epoch is shuffled
    start        from scratch, because nothing is downloaded unless it is asked for

Ours, because theirs would make a number that means less:

    last model   SegMiF keeps the best of a test every 1000 steps on the test images; here the
                 last model is the result and the test images are never looked at in training
    one training SegMiF trains fusion and segmentation in turn, and begins each of its seven rounds
                 with the best model so far and a new optimizer; here images are given

Training is a function of the seed: a run that is killed and started again ends with the same
weights, bit for bit on one CPU, as one that is left alone.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

from pydantic import (
    BaseModel,
    ConfigDict,
    Field,
    SerializerFunctionWrapHandler,
    model_serializer,
    model_validator,
)

from fusebench.contracts import NoOptions
from fusebench.data.images import LabelMap
from fusebench.data.labeled_images import LabeledImages
from fusebench.errors import UserError
from fusebench.storage import hashing
from fusebench.storage.records import Scalar

VERSION = 1
TITLE = "SegFormer"
PACKAGED_WEIGHTS = Path(__file__).parents[2] / "weights" / "segformer-b0-scenes.safetensors"
PACKAGED_ARCHITECTURE = ("mit_b0", 128, "mmseg")
IMAGENET_HASHES = {  # SHA-256 of OpenMMLab's files, as far as their names say it
    "mit_b0": "7e0fe6dd",
    "mit_b1": "02e5a6a1",
    "mit_b2": "66e8bf70",
    "mit_b3": "13b1141c",
    "mit_b4": "d588d980",
    "mit_b5": "658746d9",
}

OPTIONS_ADDED_LATER = (
    "head",
    "shuffle",
    "padding",
)  # options that a spec names only where they are used


class Options(BaseModel):
    """What decides the trained model. The defaults are SegMiF's, see above.

    Attributes:
        backbone: Size of the encoder (MiT).
        embedding: Channels of the head.
        head: What follows each of its four 1 x 1 convolutions: batch norm and ReLU (``mmseg``), or
            nothing (``linear``, the paper's equation 4 and SegMiF's).
        start_weights: What training starts from: ``scratch``, ``packaged`` (mit_b0 with embedding
            128, trained on simulated scenes), ``imagenet`` (MiT weights, downloaded once from
            OpenMMLab) or the path of a safetensors or torch file of MiT weights with the names
            of mmseg, NVlabs or Hugging Face (``nvidia/mit-b3``, say). SegMiF starts from ImageNet.
        iterations: Steps of training.
        shuffle: Whether the images come in another order in every epoch; SegMiF's do not.
        schedule: Length of the learning-rate schedule in steps; None is ``iterations``.
        batch: Images per step.
        crop: Side of the square crop, or (width, height), in pixels.
        crop_share: The crop is drawn again, at most ten times, while one class covers more.
        padding: Where in the crop an image lies that is smaller: at its ``corner`` (above left), or
            ``anywhere``, on the mean color and unlabeled (rounded to 8 bits).
        rescale: Each image is resized by a factor drawn from this range.
        flip: How often an image is mirrored.
        distortion: Whether brightness, contrast, saturation and hue are changed at random.
        learning_rate: Of the encoder, at its top.
        head_factor: The head learns so many times faster.
        weight_decay: Of AdamW, except for the encoder's layer norms, which have none.
        betas: Of AdamW.
        warm_up: Steps over which the learning rate grows linearly ...
        warm_up_ratio: ... from this share of it.
        power: It then falls as (1 - step / schedule) ** power.
        drop_path: How often a block of the last stage is skipped (stochastic depth).
        dropout: Of the head's last layer.
        ignore_unlabeled: Leave class 0 out of training; it is then never predicted. SegMiF
            trains it as a class of its own.
        mixed_precision: Compute in bfloat16 where PyTorch holds it safe: twice as fast on
            processors and GPUs that have it in hardware. SegMiF computes in float32.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    backbone: Literal["mit_b0", "mit_b1", "mit_b2", "mit_b3", "mit_b4", "mit_b5"] = "mit_b3"
    embedding: int = Field(default=256, ge=1)
    head: Literal["mmseg", "linear"] = "mmseg"
    start_weights: str = "scratch"
    iterations: int = Field(default=70_000, ge=1)
    schedule: int | None = Field(default=160_000, ge=1)
    batch: int = Field(default=2, ge=1)
    shuffle: bool = True
    crop: int | tuple[int, int] = 480
    crop_share: float = Field(default=0.75, gt=0, le=1)
    padding: Literal["corner", "anywhere"] = "corner"
    rescale: tuple[float, float] = (0.5, 2.0)
    flip: float = Field(default=0.5, ge=0, le=1)
    distortion: bool = True
    learning_rate: float = Field(default=8e-5, gt=0)
    head_factor: float = Field(default=10.0, gt=0)
    weight_decay: float = Field(default=0.01, ge=0)
    betas: tuple[float, float] = (0.9, 0.999)
    warm_up: int = Field(default=3000, ge=0)
    warm_up_ratio: float = Field(default=1e-6, ge=0, le=1)
    power: float = Field(default=1.0, ge=0)
    drop_path: float = Field(default=0.1, ge=0, lt=1)
    dropout: float = Field(default=0.1, ge=0, lt=1)
    ignore_unlabeled: bool = False
    mixed_precision: bool = False

    @model_validator(mode="after")
    def _check_consistency(self) -> "Options":
        if self.schedule is not None and self.schedule < self.iterations:
            raise ValueError(f"schedule {self.schedule} is shorter than {self.iterations} steps")
        if min(self.crop_size) < 32:
            raise ValueError("crop must be at least 32 pixels wide and high")
        if not 0 < self.rescale[0] <= self.rescale[1]:
            raise ValueError("rescale must be a range above 0, smaller end first")
        return self

    @model_serializer(mode="wrap")
    def _omit_new_defaults(self, said: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the younger words where they change nothing: trainings from before stay valid."""
        words: dict[str, Any] = said(self)
        younger = {name: type(self).model_fields[name].default for name in OPTIONS_ADDED_LATER}
        return {n: v for n, v in words.items() if n not in younger or v != younger[n]}

    @property
    def crop_size(self) -> tuple[int, int]:
        """(width, height) of the crop."""
        return (self.crop, self.crop) if isinstance(self.crop, int) else self.crop


Predict = NoOptions  # the whole image once, logits resized to the label map's size


def dependency_hashes(options: Options) -> dict[str, str | None]:
    """SHA-256 of the file that training starts from; of a published one what its name says.

    Raises:
        UserError: If it is not there.
    """
    if options.start_weights == "imagenet":
        return {
            "start_weights": build_imagenet_file_name(options.backbone)
            .split("-")[1]
            .removesuffix(".pth")
        }
    path = find_weights_file(options)
    return {"start_weights": None if path is None else hashing.compute_file_sha256(path)}


def protocol(options: Options, predict: Predict) -> dict[str, Scalar]:
    """What a reader has to know to train the same model; what is SegMiF's of it and what ours."""
    from segmentation.models.segformer import segmif_differences

    pinned = dependency_hashes(options)["start_weights"]
    named = Path(options.start_weights).name
    width, height = options.crop_size
    top = f"{options.learning_rate:g}, head x{options.head_factor:g}"
    length = options.schedule or options.iterations
    return {
        "model": f"SegFormer {options.backbone} (mmseg), head {options.embedding}",
        "start weights": f"{named} (sha256 {pinned[:6]})" if pinned else "none (from scratch)",
        "iterations": options.iterations,
        "batch": options.batch,
        "learning rate": f"{top}; warm-up {options.warm_up}, poly {options.power:g} over {length}",
        "augmentation": f"rescale {options.rescale[0]:g}-{options.rescale[1]:g}, "
        f"crop {width}x{height}, flip {options.flip:g}"
        f"{', color distortion' if options.distortion else ''}",
        "class 0 in training": "left out" if options.ignore_unlabeled else "a class",
        "chosen model": "last iteration",
        "prediction": "whole image, full resolution",
        "as SegMiF": ", ".join(segmif_differences.list_agreements(options)),
        "ours (SegMiF's)": ", ".join(segmif_differences.list_differences(options)),
    }


def build_imagenet_file_name(backbone: str) -> str:
    """The name of OpenMMLab's file of ImageNet weights; it ends with the start of its SHA-256."""
    return f"{backbone}_20220624-{IMAGENET_HASHES[backbone]}.pth"


def find_weights_file(options: Options) -> Path | None:
    """The file on this machine that training starts from; None for scratch and imagenet.

    Raises:
        UserError: If it is not there, or the packaged file is of another size.
    """
    if options.start_weights in ("scratch", "imagenet"):
        return None
    size = (options.backbone, options.embedding, options.head)
    if options.start_weights == "packaged" and size != PACKAGED_ARCHITECTURE:
        have, need = (
            "{} with embedding {} and head {}".format(*s) for s in (PACKAGED_ARCHITECTURE, size)
        )
        raise UserError(
            f"segformer: start_weights packaged are {have}, but the options ask for {need}; set "
            "start_weights to scratch, imagenet or a path"
        )
    path = PACKAGED_WEIGHTS if options.start_weights == "packaged" else Path(options.start_weights)
    if not path.is_file():
        raise UserError(
            f"segformer: start_weights {options.start_weights}: no file {path}; name a "
            "safetensors or torch file of MiT weights, or set start_weights: scratch"
        )
    return path


def check(options: Options, folder: Path) -> None:
    """Read a start file of the user's, if there is one, before anything is computed.

    Raises:
        UserError: If it does not fit the network.
    """
    if options.start_weights not in ("packaged", "imagenet", "scratch"):
        from segmentation.models.segformer import weights

        weights.check_initial_weights(options, Path(options.start_weights), folder)


def train(
    examples: LabeledImages, options: Options, *, seed: int, device: str, folder: Path
) -> None:
    """Train, or go on training, and leave ``model.safetensors`` and ``model.json`` in ``folder``.

    Raises:
        UserError: If the start weights do not fit, or the loss is no longer a number.
    """
    from segmentation.models.segformer import training

    training.train(examples, options, seed=seed, device=device, folder=folder)


def predict(
    folder: Path, test: LabeledImages, options: Options, predict: Predict, *, device: str
) -> Iterator[tuple[str, LabelMap]]:
    """Key and label map, uint8 (H, W), of each example, with the model that lies in ``folder``."""
    from segmentation.models.segformer import inference

    return inference.predict_label_maps(folder, test, device=device)
