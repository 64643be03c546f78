"""Options of YOLOv5 in tasks.yaml (pydantic models); imports neither torch nor ultralytics.

The defaults are YOLOv5's own (``hyp.scratch-low.yaml`` of v7.0: SGD 0.01, mosaic, flips, HSV,
scale, translation), with the loss gains of ultralytics' anchor-free head.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

from fusebench.config.paths import PathOrName
from fusebench.runtime.loading.training_batches import is_cuda

FitMode = Literal["letterbox", "stretch"]
Precision = Literal["float32", "float16", "bfloat16"]
RELEASE_NAME_PATTERN = re.compile(r"yolov5([nsmlx])u?\.pt")  # of ultralytics
MAX_EPOCHS = 100_000
MAX_BATCH = 65_536  # images
MAX_GAIN = 1000.0  # of a loss


class Options(BaseModel):
    """Training options: everything that affects the trained network except images and seed.

    Attributes:
        size: Size of the network.
        start_weights: ``scratch``, ``packaged``, a .safetensors or .pt file (absolute or relative
            to the task file), or a release name such as ``yolov5s.pt`` that ultralytics downloads.
        image_size: Side of the square that images are resized to fit, in pixels.
        fit: ``letterbox``: keep the aspect ratio and pad with gray, as YOLOv5. ``stretch``: resize
            to the square regardless of the aspect ratio, as TarDAL.
        epochs: Number of epochs.
        batch: Images per batch.
        nominal_batch: Gradients are accumulated over about nominal_batch / batch batches per
            optimizer step, and the weight decay is meant for this batch size.
        optimizer: SGD with Nesterov momentum, Adam or AdamW.
        learning_rate: After the warm-up.
        final_learning_rate: End of the linear decay, as a fraction of ``learning_rate``.
        momentum: Of SGD; the first beta of Adam and AdamW.
        weight_decay: Of the weights; biases and normalization scales have none.
        warmup_epochs: At most all but the last; learning rate and momentum rise during them.
        warmup_momentum, warmup_bias_learning_rate: Values at the start of the warm-up.
        mosaic: Probability that a sample is composed of four images.
        close_mosaic: Number of last epochs without mosaics.
        flip: Probability of a horizontal flip.
        hue, saturation, brightness: Largest relative change of each.
        scale, translate: Largest relative change of size and position.
        degrees: Largest rotation.
        box_gain, class_gain, distribution_gain: Weights of the three losses.
        freeze: Number of first layers that keep their initial weights.
        mixed_precision: Use 16-bit floats where that is safe (AMP): float16 with scaled losses on
            a GPU, bfloat16 on a CPU (which is slower on a CPU without instructions for it).
            ``auto``: on a GPU, as ultralytics' trainer, and not on a CPU.
        compile: Compile the network with ``torch.compile``, which takes minutes and rounds
            differently. It needs a C++ compiler, and Triton for a GPU.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Literal["n", "s", "m", "l", "x"] = "n"
    start_weights: Annotated[
        str, PathOrName(("scratch", "packaged"), RELEASE_NAME_PATTERN.pattern)
    ] = Field(default="scratch", min_length=1)
    image_size: int = Field(default=640, ge=64, le=8192, multiple_of=32)
    fit: FitMode = "letterbox"
    epochs: int = Field(default=100, ge=1, le=MAX_EPOCHS)
    batch: int = Field(default=16, ge=1, le=MAX_BATCH)
    nominal_batch: int = Field(default=64, ge=1, le=MAX_BATCH)
    optimizer: Literal["SGD", "Adam", "AdamW"] = "SGD"
    learning_rate: float = Field(default=0.01, gt=0, lt=1)
    final_learning_rate: float = Field(default=0.01, ge=0, le=1)
    momentum: float = Field(default=0.937, ge=0, lt=1)
    weight_decay: float = Field(default=0.0005, ge=0, le=10)
    warmup_epochs: float = Field(default=3.0, ge=0, le=MAX_EPOCHS)
    warmup_momentum: float = Field(default=0.8, ge=0, lt=1)
    warmup_bias_learning_rate: float = Field(default=0.1, ge=0, le=10)
    mosaic: float = Field(default=1.0, ge=0, le=1)
    close_mosaic: int = Field(default=0, ge=0, le=MAX_EPOCHS)
    flip: float = Field(default=0.5, ge=0, le=1)
    hue: float = Field(default=0.015, ge=0, le=1)
    saturation: float = Field(default=0.7, ge=0, le=1)
    brightness: float = Field(default=0.4, ge=0, le=1)
    scale: float = Field(default=0.5, ge=0, lt=1)
    translate: float = Field(default=0.1, ge=0, le=1)
    degrees: float = Field(default=0.0, ge=0, le=180)
    box_gain: float = Field(default=7.5, ge=0, le=MAX_GAIN)
    class_gain: float = Field(default=0.5, ge=0, le=MAX_GAIN)
    distribution_gain: float = Field(default=1.5, ge=0, le=MAX_GAIN)
    freeze: int = Field(default=0, ge=0, le=23)
    mixed_precision: bool | Literal["auto"] = "auto"
    compile: bool = False

    @model_serializer(mode="wrap")
    def _omit_new_defaults(self, serialize: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Omit later options with their default value, so that older specs keep their hash.

        A spec does not depend on the device, so that any machine finds the results of another: the
        default of ``mixed_precision`` is False in a spec, as when it was the only default, and the
        protocol of a run on a GPU says its precision. A False that was set is ``"never"``.
        """
        values: dict[str, Any] = serialize(self)
        if self.fit == "letterbox":
            del values["fit"]
        if not self.compile:
            del values["compile"]
        values["mixed_precision"] = {"auto": False, False: "never"}.get(self.mixed_precision, True)
        return values

    def ends_mosaics(self, epoch: int) -> bool:
        """Return whether an epoch, counted from 0, is one of the last, without mosaics."""
        return epoch >= self.epochs - self.close_mosaic


def choose_precision(options: Options, device: str) -> Precision:
    """Return the floats that a training computes with where that is safe, else float32.

    Args:
        options: See `Options`.
        device: Torch device.
    """
    is_gpu = is_cuda(device)
    is_mixed = is_gpu if options.mixed_precision == "auto" else options.mixed_precision
    if not is_mixed:
        return "float32"
    return "float16" if is_gpu else "bfloat16"


class Predict(BaseModel):
    """Prediction options: everything that affects the predictions of a trained network.

    Attributes:
        confidence: Boxes with a lower score are dropped; 0.001 keeps the whole precision-recall
            curve.
        nms_iou: Of two boxes of a class with a higher IoU, the one with the lower score is dropped.
        max_detections: Boxes per image.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    confidence: float = Field(default=0.001, gt=0, lt=1)
    nms_iou: float = Field(default=0.7, gt=0, lt=1)
    max_detections: int = Field(default=300, ge=1, le=100_000)
