"""What tasks.yaml may set for YOLOv5, checked; light to import.

The defaults are YOLOv5's own (``hyp.scratch-low.yaml`` of v7.0: SGD 0.01, mosaic, flips, HSV,
scale, translation), with the loss gains of ultralytics' anchor-free head.
"""

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, SerializerFunctionWrapHandler, model_serializer

FitMode = Literal["letterbox", "stretch"]


class Options(BaseModel):
    """Everything that decides the trained network, besides the images and the seed.

    Attributes:
        start_weights: ``scratch``, ``packaged``, a .safetensors or .pt file, or a name such as
            ``yolov5s.pt`` that ultralytics then downloads.
        image_size: Images are fitted into a square of this side, in pixels ...
        fit: ... keeping their proportions, the rest gray (``letterbox``, as YOLOv5), or resized
            to the square whatever their proportions (``stretch``, as TarDAL).
        nominal_batch: Gradients are added up over about nominal_batch / batch batches per step,
            and the weight decay is meant for this batch.
        final_learning_rate: Where the linear decay ends, as a share of ``learning_rate``.
        momentum: Of SGD; Adam's and AdamW's first beta.
        warmup_epochs: At most all but the last; rates and momentum rise over them.
        mosaic: Share of samples made of four images.
        close_mosaic: No mosaics in so many last epochs.
        flip: Share of samples mirrored left-right.
        hue, saturation, brightness: Largest relative change of each.
        scale, translate: Largest relative change of size and place.
        degrees: Largest rotation.
        box_gain, class_gain, distribution_gain: Weights of the three losses.
        freeze: So many first layers keep their start weights.
        mixed_precision: 16-bit floats where that is safe: float16 on a GPU, bfloat16 on a CPU
            (which is slower on a CPU that has no instructions for it).
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: Literal["n", "s", "m", "l", "x"] = "n"
    start_weights: str = Field(default="scratch", min_length=1)
    image_size: int = Field(default=640, ge=64, multiple_of=32)
    fit: FitMode = "letterbox"
    epochs: int = Field(default=100, ge=1)
    batch: int = Field(default=16, ge=1)
    nominal_batch: int = Field(default=64, ge=1)
    optimizer: Literal["SGD", "Adam", "AdamW"] = "SGD"
    learning_rate: float = Field(default=0.01, gt=0, lt=1)
    final_learning_rate: float = Field(default=0.01, ge=0, le=1)
    momentum: float = Field(default=0.937, ge=0, lt=1)
    weight_decay: float = Field(default=0.0005, ge=0)
    warmup_epochs: float = Field(default=3.0, ge=0)
    warmup_momentum: float = Field(default=0.8, ge=0, lt=1)
    warmup_bias_learning_rate: float = Field(default=0.1, ge=0)
    mosaic: float = Field(default=1.0, ge=0, le=1)
    close_mosaic: int = Field(default=0, ge=0)
    flip: float = Field(default=0.5, ge=0, le=1)
    hue: float = Field(default=0.015, ge=0, le=1)
    saturation: float = Field(default=0.7, ge=0, le=1)
    brightness: float = Field(default=0.4, ge=0, le=1)
    scale: float = Field(default=0.5, ge=0, lt=1)
    translate: float = Field(default=0.1, ge=0, le=1)
    degrees: float = Field(default=0.0, ge=0, le=180)
    box_gain: float = Field(default=7.5, ge=0)
    class_gain: float = Field(default=0.5, ge=0)
    distribution_gain: float = Field(default=1.5, ge=0)
    freeze: int = Field(default=0, ge=0, le=23)
    mixed_precision: bool = False

    @model_serializer(mode="wrap")
    def _omit_new_defaults(self, said: SerializerFunctionWrapHandler) -> dict[str, Any]:
        """Without the younger words where they change nothing: trainings from before stay valid."""
        words: dict[str, Any] = said(self)
        if self.fit == "letterbox":
            del words["fit"]
        return words


class Predict(BaseModel):
    """Everything that decides the predictions of a trained network.

    Attributes:
        confidence: Boxes below are not saved; 0.001 keeps the whole precision-recall curve.
        nms_iou: Of two boxes of a class that overlap more, the surer one is kept.
        max_detections: Boxes per image.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    confidence: float = Field(default=0.001, gt=0, lt=1)
    nms_iou: float = Field(default=0.7, gt=0, lt=1)
    max_detections: int = Field(default=300, ge=1)
