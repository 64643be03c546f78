"""Non-maximum suppression over the boxes of all members: the most confident box stays as it is.

    the box with the highest score is kept; boxes of its class with IoU > threshold are dropped; ...

torchvision's `batched_nms`. It compares scores of different detectors as they are: a detector with
higher scores is preferred, whether it is right more often or not.
"""

from collections.abc import Sequence

from pydantic import BaseModel, ConfigDict

from detection.ensembles._shared import IouThreshold, join_boxes
from fusebench.data.boxes import Boxes

VERSION = 1
TITLE = "non-maximum suppression"


class Options(BaseModel):
    """Options of non-maximum suppression.

    Attributes:
        iou: Of two boxes of a class with a higher IoU, the one with the lower score is dropped.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    iou: IouThreshold = 0.5


def combine(predictions: Sequence[Boxes], options: Options) -> Boxes:
    """Return the boxes of all members that are not suppressed, in falling score.

    Args:
        predictions: Boxes of one image with scores, per member.
        options: See `Options`.
    """
    import torch
    from torchvision.ops import batched_nms

    boxes, _ = join_boxes(predictions)
    kept = batched_nms(
        torch.from_numpy(boxes.corners),
        torch.from_numpy(boxes.scores),
        torch.from_numpy(boxes.class_ids),
        options.iou,
    )
    return boxes.select(kept.numpy())


def describe(options: Options) -> str:
    """Describe the options for the protocol."""
    return f"IoU {options.iou:g}"
