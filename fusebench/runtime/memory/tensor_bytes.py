"""Peak memory of a network, counted on torch's meta device, where nothing is computed.

Tensors have shapes and no values there, so that an image of any size takes no memory and little
time. The count is exact for the tensors that the network makes; what operators need inside is not
known, so that the measured peak is higher (``python -m benchmarks.memory``).
"""

import copy
import weakref
from collections.abc import Callable, Mapping, Sequence
from itertools import chain
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import nn


def copy_to_meta(network: "nn.Module") -> Any:
    """Return a network of the same structure on the meta device; its values are not copied."""
    import torch

    tensors = {
        id(tensor): torch.nn.Parameter(tensor.to("meta"), requires_grad=False)
        if isinstance(tensor, torch.nn.Parameter)
        else tensor.to("meta")
        for tensor in chain(network.parameters(), network.buffers())
    }
    copied = copy.deepcopy(network, memo=dict(tensors))
    return copied.to("meta")  # tells modules that keep their device, as mmengine's do


def count_peak_bytes(call: Callable[[], object]) -> int:
    """Count the bytes of the tensors of a call at the moment when they are the most.

    Args:
        call: A computation on the meta device; its result is discarded. Tensors that exist
            before, e.g. weights, are not counted.

    Returns:
        Bytes.
    """
    import torch
    from torch.utils._python_dispatch import TorchDispatchMode
    from torch.utils._pytree import tree_leaves

    live = peak = 0
    storages: set[int] = set()

    def drop(number: int, size: int) -> None:
        nonlocal live
        storages.discard(number)
        live -= size

    class ByteCounter(TorchDispatchMode):  # type: ignore[no-untyped-call] # torch's own
        """Count every new storage until it is freed; views and in-place results have no new one."""

        def __torch_dispatch__(
            self,
            func: Any,
            types: Sequence[type],
            args: Sequence[Any] = (),
            kwargs: Mapping[str, Any] | None = None,
        ) -> Any:
            nonlocal live, peak
            result = func(*args, **(kwargs or {}))
            given = {
                leaf.untyped_storage()._cdata
                for leaf in tree_leaves((args, kwargs))
                if isinstance(leaf, torch.Tensor)
            }
            for leaf in tree_leaves(result):
                if not isinstance(leaf, torch.Tensor):
                    continue
                storage = leaf.untyped_storage()
                number = storage._cdata
                if number not in given and number not in storages:
                    storages.add(number)
                    weakref.finalize(storage, drop, number, storage.nbytes())
                    live += storage.nbytes()
            peak = max(peak, live)
            return result

    with torch.no_grad(), ByteCounter():  # type: ignore[no-untyped-call] # torch's own
        call()
    return peak
