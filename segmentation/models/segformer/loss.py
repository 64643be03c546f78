"""Loss of SegFormer: mmseg's cross-entropy without what waits for a GPU.

mmseg's head also computes the pixel accuracy of every batch, which nothing here uses, and counts
the labeled pixels with a number that the processor has to wait for. The loss has the same bits on
a CPU.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from fusebench.data.label_maps import IGNORE_INDEX

if TYPE_CHECKING:
    from torch import Tensor


def compute_loss(
    network: Any,
    compute_logits: "Callable[[Tensor], Tensor]",
    batch: "Mapping[str, Sequence[Tensor]]",
    crop_size: tuple[int, int],
) -> "Tensor":
    """Compute the loss of a batch.

    Args:
        network: mmseg's network; its preprocessor has mean and standard deviation of the colors.
        compute_logits: Its forward pass, float (N, 3, H, W) to (N, classes, H / 4, W / 4).
        batch: ``inputs``, uint8 RGB (3, h, w), and ``labels``, uint8 (h, w), of every image.
        crop_size: (width, height) that smaller images are padded to, right and below, with the
            mean color and without labels.

    Returns:
        Float (), on the network's device.
    """
    import torch
    from torch.nn import functional

    def pad(image: "Tensor", value: int) -> "Tensor":
        below, right = crop_size[1] - image.shape[-2], crop_size[0] - image.shape[-1]
        return functional.pad(image, (0, right, 0, below), value=value)

    mean, std = network.data_preprocessor.mean, network.data_preprocessor.std
    pixels = torch.stack([pad((image.float() - mean) / std, 0) for image in batch["inputs"]])
    labels = torch.stack([pad(label_map, IGNORE_INDEX) for label_map in batch["labels"]]).long()
    logits = functional.interpolate(
        compute_logits(pixels), labels.shape[1:], mode="bilinear", align_corners=False
    )
    return compute_cross_entropy(logits, labels)


def compute_cross_entropy(logits: "Tensor", labels: "Tensor") -> "Tensor":
    """Compute the mean cross-entropy of the labeled pixels; 0 if there are none.

        loss = sum over labeled pixels of -log softmax(logits)[label] / (number of them + epsilon)

    Args:
        logits: Float (N, classes, H, W).
        labels: int64 (N, H, W), `IGNORE_INDEX` where there is no label.
    """
    import torch
    from torch.nn import functional

    losses = functional.cross_entropy(logits, labels, reduction="none", ignore_index=IGNORE_INDEX)
    epsilon = torch.finfo(torch.float32).eps
    # In double precision, and then rounded, as a Python number divides a float32.
    count = (labels != IGNORE_INDEX).sum().double() + epsilon
    return losses.sum() / count.to(losses.dtype)
