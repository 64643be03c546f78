"""Cross-attention interactive fusion module (CAIM): DMFuse section 3.3, eqs. 6-9.

Queries come from one modality, keys and values from the other. Attention is restricted to the
criss-cross path of a pixel: its row and its column, H + W - 1 positions (Huang et al., "CCNet",
ICCV 2019).
"""

from typing import Literal

import torch
from torch import Tensor, nn

Affinity = Literal["paper", "code"]

# Affinities held at once. All of them, H W (H + W), would take gigabytes.
MAX_AFFINITIES = 1 << 22
MAX_AFFINITIES_ON_CPU = 1 << 17  # these fit into the cache, which halves the time


class CrossAttentionInteraction(nn.Module):
    """CAIM; both modalities and all levels share one set of projections.

        d_i(n, m) = K_i(n) Q_v(m),   A_i = softmax_m d_i,
        out_i(n) = sum_m A_i(n, m) V_i(m) + x_i(n)

    and the same with i and v exchanged; m runs over the criss-cross path of n. This is the
    paper's affinity. Its published code has Q_v(n) K_i(m) instead, and a trained scale gamma
    before the sum.
    """

    def __init__(
        self, width: int, *, affinity: Affinity = "paper", scaled: bool = False, reduction: int = 8
    ) -> None:
        """Build.

        Args:
            width: Channels of the features.
            affinity: ``paper`` (key at n, queries on the path) or ``code`` (query at n, keys on
                the path).
            scaled: Whether there is a trained scale gamma; its initial value is 0.
            reduction: Queries and keys have ``width / reduction`` channels.
        """
        super().__init__()
        self.query = nn.Conv2d(width, max(width // reduction, 1), 1)
        self.key = nn.Conv2d(width, max(width // reduction, 1), 1)
        self.value = nn.Conv2d(width, width, 1)
        self.affinity = affinity
        self.gamma = nn.Parameter(torch.zeros(1)) if scaled else None

    def forward(self, infrared: Tensor, visible: Tensor) -> Tensor:
        """Add cross-attention to both modalities.

        Args:
            infrared: (N, width, H, W).
            visible: (N, width, H, W).

        Returns:
            Infrared, then visible features, (N, 2 width, H, W).
        """
        return torch.cat((self._attend(infrared, visible), self._attend(visible, infrared)), dim=1)

    def _attend(self, features: Tensor, other_features: Tensor) -> Tensor:
        """Add to the features of one modality its attention guided by the other modality."""
        pixel, path = self.key(features), self.query(other_features)
        if self.affinity == "code":
            pixel, path = path, pixel
        attended = criss_cross_attention(pixel, path, self.value(features))
        return features + (attended if self.gamma is None else self.gamma * attended)


class ElementwiseSum(nn.Module):
    """Replacement of CAIM in the ablation "w/o CAIM" (DMFuse Table 6): the sum."""

    def forward(self, infrared: Tensor, visible: Tensor) -> Tensor:
        """Add two tensors (N, C, H, W)."""
        return infrared + visible


def criss_cross_attention(pixel: Tensor, path: Tensor, values: Tensor) -> Tensor:
    """Compute attention along row and column with one softmax; the pixel itself counts once.

        out(n) = sum_m softmax_m(pixel(n) path(m)) values(m),   m on the row or column of n

    Rows and columns are two batches of ordinary attentions. Each returns its maximum, its sum and
    its weighted values, so that the two can be merged exactly. Only the affinities of a few lines
    exist at a time, not all H W (H + W) of them.

    Args:
        pixel: (N, C', H, W).
        path: (N, C', H, W).
        values: (N, C, H, W).

    Returns:
        (N, C, H, W).
    """
    inputs = (pixel, path, values)
    rows = _attend_within_lines(*(x.permute(0, 2, 3, 1) for x in inputs), exclude_pixel=False)
    columns = _attend_within_lines(*(x.permute(0, 3, 2, 1) for x in inputs), exclude_pixel=True)
    columns = tuple(x.transpose(1, 2) for x in columns)  # to (N, H, W, .)
    # Merge both softmaxes, relative to the larger of their maxima.
    maximum = torch.maximum(rows[0], columns[0])
    row_weight, column_weight = ((part[0] - maximum).exp() for part in (rows, columns))
    total = row_weight * rows[1] + column_weight * columns[1]
    if torch.is_grad_enabled():
        merged = (row_weight * rows[2] + column_weight * columns[2]) / total
    else:
        merged = (row_weight / total) * rows[2]
        merged.addcmul_(column_weight / total, columns[2])
    return merged.permute(0, 3, 1, 2)


def _attend_within_lines(
    pixel: Tensor, path: Tensor, values: Tensor, *, exclude_pixel: bool
) -> tuple[Tensor, ...]:
    """Compute unnormalized attention within each line.

    Args:
        pixel: (N, lines, L, C').
        path: (N, lines, L, C').
        values: (N, lines, L, C).
        exclude_pixel: Leave the pixel itself out of its line.

    Returns:
        Maximum affinity, (N, lines, L, 1); sum of the exponentials relative to it, the same
        shape; and values weighted by the exponentials, (N, lines, L, C).
    """
    batch, lines, length, _ = pixel.shape
    pixel, path, values = (x.reshape(batch * lines, length, -1) for x in (pixel, path, values))
    is_inference = not torch.is_grad_enabled() and pixel.device.type == "cpu"
    if is_inference and pixel.dtype == path.dtype == values.dtype == torch.float32:
        parts = _attend_in_one_buffer(pixel, path, values, exclude_pixel=exclude_pixel)
        return tuple(part.view(batch, lines, length, -1) for part in parts)
    limit = MAX_AFFINITIES
    if pixel.device.type == "cpu":
        limit = min(MAX_AFFINITIES, MAX_AFFINITIES_ON_CPU)
    lines_per_chunk = max(1, limit // length**2)
    chunks = []
    for first in range(0, batch * lines, lines_per_chunk):
        chunk = slice(first, first + lines_per_chunk)
        affinity = pixel[chunk] @ path[chunk].transpose(1, 2)
        if exclude_pixel:
            affinity.diagonal(dim1=1, dim2=2).fill_(-torch.inf)
        # Lines of length 1 have the maximum -inf, and -inf - (-inf) would be NaN.
        lowest = torch.finfo(affinity.dtype).min
        maximum = affinity.detach().amax(2, keepdim=True).clamp(min=lowest)
        exponentials = affinity.sub_(maximum).exp_()
        total = exponentials.sum(2, keepdim=True)
        chunks.append((maximum, total, exponentials.to(values.dtype) @ values[chunk]))
    return tuple(
        torch.cat(part).reshape(batch, lines, length, -1) for part in zip(*chunks, strict=True)
    )


def _attend_in_one_buffer(
    pixel: Tensor, path: Tensor, values: Tensor, *, exclude_pixel: bool
) -> tuple[Tensor, Tensor, Tensor]:
    """Compute attention within each line without gradients; all lines use the same memory.

    The softmax of torch is faster than its steps, but does not return the sum of the exponentials.
    That follows from its largest value, which is 1 / sum.

    Args:
        pixel: float32, (lines, L, C').
        path: float32, (lines, L, C').
        values: float32, (lines, L, C).
        exclude_pixel: Leave the pixel itself out of its line.

    Returns:
        Maximum affinity and sum of the exponentials relative to it, (lines, L, 1) each, and the
        values weighted by the exponentials, (lines, L, C).
    """
    lines, length, _ = pixel.shape
    if exclude_pixel and length == 1:  # there is no other pixel in the line
        lowest = torch.full_like(pixel[..., :1], torch.finfo(pixel.dtype).min)
        return lowest, torch.zeros_like(lowest), torch.zeros_like(values)
    maximum, total = pixel.new_empty(2, lines, length, 1)
    weighted = torch.empty_like(values)
    lines_per_chunk = max(1, min(lines, MAX_AFFINITIES_ON_CPU // length**2))
    affinities, weights = pixel.new_empty(2, lines_per_chunk, length, length)
    for first in range(0, lines, lines_per_chunk):
        chunk = slice(first, min(first + lines_per_chunk, lines))
        count = chunk.stop - chunk.start
        affinity, weight = affinities[:count], weights[:count]
        torch.bmm(pixel[chunk], path[chunk].transpose(1, 2), out=affinity)
        if exclude_pixel:
            affinity.diagonal(dim1=1, dim2=2).fill_(-torch.inf)
        torch.amax(affinity, 2, keepdim=True, out=maximum[chunk])
        torch.softmax(affinity, 2, out=weight)
        torch.amax(weight, 2, keepdim=True, out=total[chunk])
        torch.bmm(weight, values[chunk], out=weighted[chunk])
    total.reciprocal_()
    return maximum, total, weighted.mul_(total)
