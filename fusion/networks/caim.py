"""The cross-attention interactive fusion module (CAIM): DMFuse section 3.3, eqs. 6-9.

Each modality is completed by what the other one finds related along its criss-cross path: the
row and the column through a pixel (Huang et al., "CCNet", ICCV 2019), H + W - 1 positions.
"""

from typing import Literal

import torch
from torch import Tensor, nn

Affinity = Literal["paper", "code"]

MAX_AFFINITIES = (
    1 << 22
)  # affinities held at once; the whole of them, H W (H + W), would fill gigabytes
MAX_AFFINITIES_ON_CPU = 1 << 17  # on the CPU, where what fits into the cache takes half the time


class CrossAttentionInteraction(nn.Module):
    """CAIM: one set of projections for both modalities and all levels.

        d_i(n, m) = K_i(n) Q_v(m),   A_i = softmax_m d_i,
        out_i(n) = sum_m A_i(n, m) V_i(m) + x_i(n)

    and the same with i and v exchanged, m running over the criss-cross path of n. That is the
    paper's affinity; its published code has Q_v(n) K_i(m) instead, and a trained scale gamma
    before the sum.
    """

    def __init__(
        self, width: int, *, affinity: Affinity = "paper", scaled: bool = False, reduction: int = 8
    ) -> None:
        """Build.

        Args:
            width: Channels of the features.
            affinity: Whose projection stands at n and whose on the path: ``paper`` or ``code``.
            scaled: Whether there is a gamma, which starts at 0.
            reduction: Queries and keys have ``width / reduction`` channels.
        """
        super().__init__()
        self.query = nn.Conv2d(width, max(width // reduction, 1), 1)
        self.key = nn.Conv2d(width, max(width // reduction, 1), 1)
        self.value = nn.Conv2d(width, width, 1)
        self.affinity = affinity
        self.gamma = nn.Parameter(torch.zeros(1)) if scaled else None

    def forward(self, infrared: Tensor, visible: Tensor) -> Tensor:
        """Both modalities completed, infrared first.

        Args:
            infrared: (N, width, H, W).
            visible: The same shape.

        Returns:
            (N, 2 width, H, W).
        """
        return torch.cat((self._attend(infrared, visible), self._attend(visible, infrared)), dim=1)

    def _attend(self, own: Tensor, other: Tensor) -> Tensor:
        at, path = self.key(own), self.query(other)
        if self.affinity == "code":
            at, path = path, at
        found = criss_cross_attention(at, path, self.value(own))
        return own + (found if self.gamma is None else self.gamma * found)


class ElementwiseSum(nn.Module):
    """What stands in for the module in the ablation "w/o CAIM" (DMFuse Table 6): the sum."""

    def forward(self, infrared: Tensor, visible: Tensor) -> Tensor:
        """Two times (N, C, H, W) to (N, C, H, W)."""
        return infrared + visible


def criss_cross_attention(at: Tensor, path: Tensor, values: Tensor) -> Tensor:
    """Attention along row and column with one softmax over both; the pixel itself counts once.

        out(n) = sum_m softmax_m(at(n) path(m)) values(m),   m on the row or column of n

    Rows and columns are two batches of ordinary attentions. Each keeps its maximum, its sum and
    its weighted values, so that they can be merged exactly; the affinities, H W (H + W) in all,
    exist a few lines at a time only.

    Args:
        at: (N, C', H, W).
        path: (N, C', H, W).
        values: (N, C, H, W).

    Returns:
        (N, C, H, W).
    """
    rows = _attend_within_lines(*(x.permute(0, 2, 3, 1) for x in (at, path, values)), alone=False)
    columns = _attend_within_lines(*(x.permute(0, 3, 2, 1) for x in (at, path, values)), alone=True)
    columns = tuple(x.transpose(1, 2) for x in columns)  # to (N, H, W, .)
    top = torch.maximum(rows[0], columns[0])
    weights = [(part[0] - top).exp() for part in (rows, columns)]
    summed = weights[0] * rows[1] + weights[1] * columns[1]
    mixed = (weights[0] * rows[2] + weights[1] * columns[2]) / summed
    return mixed.permute(0, 3, 1, 2)


def _attend_within_lines(
    at: Tensor, path: Tensor, values: Tensor, *, alone: bool
) -> tuple[Tensor, ...]:
    """Attention within each line, unnormalized.

    Args:
        at: (N, lines, L, C').
        path: The same shape.
        values: (N, lines, L, C).
        alone: Leave the position itself out.

    Returns:
        Maximum and sum (N, lines, L, 1) of the exponentials, weighted values (N, lines, L, C).
    """
    batch, lines, length, _ = at.shape
    at, path, values = (x.reshape(batch * lines, length, -1) for x in (at, path, values))
    parts = []
    held = min(MAX_AFFINITIES, MAX_AFFINITIES_ON_CPU) if at.device.type == "cpu" else MAX_AFFINITIES
    every = max(1, held // length**2)
    for first in range(0, batch * lines, every):
        chosen = slice(first, first + every)
        affinity = at[chosen] @ path[chosen].transpose(1, 2)
        if alone:
            affinity.diagonal(dim1=1, dim2=2).fill_(-torch.inf)
        top = affinity.detach().amax(2, keepdim=True).clamp(min=torch.finfo(affinity.dtype).min)
        shares = affinity.sub_(top).exp_()
        parts.append((top, shares.sum(2, keepdim=True), shares.to(values.dtype) @ values[chosen]))
    return tuple(
        torch.cat(part).reshape(batch, lines, length, -1) for part in zip(*parts, strict=True)
    )
