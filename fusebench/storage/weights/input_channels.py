"""Initial weights of a first convolution for images with more channels than it was trained on."""

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor


def grow_input_channels(weight: "Tensor", channels: int) -> "Tensor":
    """Grow the weight of a first convolution to more input channels.

    A new channel gets the mean of the existing filters, as in Wang et al., "Temporal segment
    networks", ECCV 2016 (cross-modality pre-training), and all filters are scaled by the old number
    of channels over the new one, as in Carreira and Zisserman, "Quo vadis, action recognition?",
    CVPR 2017:

        w'_c = n / m w_c  for c < n,      w'_c = n / m mean(w_1 ... w_n)  for the m - n new ones

    The responses keep their size: for an image whose channels are all equal they are the same.

    Args:
        weight: Floating point (outputs, n, height, width).
        channels: m, at least n.

    Returns:
        The weight itself if m = n, otherwise a new tensor (outputs, m, height, width).

    Raises:
        ValueError: If m < n.
    """
    import torch

    existing = weight.shape[1]
    if channels < existing:
        raise ValueError(f"the convolution reads {existing} channels, more than {channels}")
    if channels == existing:
        return weight
    weight = weight.float()  # a mean of 16-bit floats would be rounded
    mean = weight.mean(dim=1, keepdim=True).expand(-1, channels - existing, -1, -1)
    return torch.cat([weight, mean], dim=1) * (existing / channels)
