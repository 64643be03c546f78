"""The check that weights are finite: with a NaN among them, every prediction is meaningless."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from fusebench.errors import UserError

if TYPE_CHECKING:
    from torch import Tensor


def check_finite(tensors: Mapping[str, "Tensor"], where: str, advice: str) -> None:
    """Raise if a weight is NaN or infinite; called before weights are written or used.

    Args:
        tensors: Weights by name, of any dtype.
        where: Start of the message: a file or a training.
        advice: What to do about it.

    Raises:
        UserError: Naming the first such tensor.
    """
    import torch

    for name, value in tensors.items():
        count = int((~torch.isfinite(value)).sum())
        if count:
            raise UserError(
                f"{where}: {name} is not finite ({count} of {value.numel()} values are NaN or "
                f"infinite); {advice}"
            )
