"""Group normalization (Wu and He, ECCV 2018) with accurate sums for channels-last tensors.

For channels-last tensors on the CPU torch sums all values of a channel sequentially in their own
precision. At 256 x 256 pixels in float32 that costs two of seven digits: after twenty blocks the
error is 6e-4 of the output's standard deviation, against 2e-5 for channels-first tensors. Here
such tensors are summed in chunks, which is about as fast, since a chunk stays in the cache.
"""

import torch
from torch import Tensor, nn

CHUNK_SIZE = 1 << 17  # values summed in their own precision; sums of chunks are in float64


class AccurateGroupNorm(nn.GroupNorm):
    """Group normalization: (x - mean) / sqrt(variance + eps), then scale and shift per channel.

    Mean and variance are taken over a group of channels and the whole image.
    """

    def forward(self, x: Tensor) -> Tensor:
        """Normalize, (N, C, H, W) to the same shape."""
        is_channels_last = (
            x.is_contiguous(memory_format=torch.channels_last) and not x.is_contiguous()
        )
        if (
            torch.is_grad_enabled()
            or x.device.type != "cpu"
            or x.dtype != torch.float32
            or not is_channels_last
        ):
            return super().forward(x)
        # Moments per channel, then per group (law of total variance).
        mean, variance = (
            moment.view(len(x), self.num_groups, -1) for moment in compute_channel_moments(x)
        )
        group_mean = mean.mean(2, keepdim=True)
        group_variance = (variance + (mean - group_mean).square()).mean(2, keepdim=True)
        # Normalization and affine transform in one multiplication and one addition.
        scale = self.weight.view_as(mean[0]) * (group_variance + self.eps).rsqrt()
        shift = self.bias.view_as(mean[0]) - group_mean * scale
        scale, shift = (term.flatten(1)[:, :, None, None].to(x.dtype) for term in (scale, shift))
        return torch.addcmul(shift, x, scale)


def compute_channel_moments(x: Tensor) -> tuple[Tensor, Tensor]:
    """Compute mean and variance of every channel.

    Args:
        x: (N, C, H, W), channels last.

    Returns:
        Mean and variance, float64, (N, C) each.
    """
    rows = x.permute(0, 2, 3, 1).flatten(1, 2)  # (N, H W, C), a view
    # Sums are taken relative to a value of the channel, so that a large mean costs no digits.
    pivot = rows[:, :1]
    total, squares = x.new_zeros((2, *rows[:, 0].shape), dtype=torch.float64)
    length = max(1, CHUNK_SIZE // rows[:, 0].numel())
    for start in range(0, rows.shape[1], length):
        deviation = rows[:, start : start + length] - pivot
        total += deviation.sum(1)
        squares += deviation.square_().sum(1)
    mean = total / rows.shape[1]
    return mean + pivot[:, 0], squares / rows.shape[1] - mean.square()
