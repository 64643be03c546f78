"""Images that stay decoded in memory for the length of a training, up to a limit."""

from collections.abc import Callable, Iterable

import numpy as np
from numpy.typing import NDArray

from fusebench.runtime.loading import prefetch
from fusebench.runtime.memory import available

MAX_CACHE_MIB = 4096  # of one training
MAX_SHARE_OF_MEMORY = 0.25  # of what is available when the training starts
Arrays = tuple[NDArray[np.uint8], ...]


def get_cache_limit() -> int:
    """Return how many bytes of decoded images a training may keep.

    That is `MAX_CACHE_MIB`, or `MAX_SHARE_OF_MEMORY` of the available memory if that is less, so
    that trainings side by side leave each other memory.
    """
    memory = available.read_available_memory()
    limit = MAX_CACHE_MIB * 2**20
    return limit if memory is None else max(0, min(limit, int(memory.size * MAX_SHARE_OF_MEMORY)))


class ImageCache:
    """Arrays by key; those beyond the limit are not kept but decoded at every use.

    Attributes:
        limit: Largest number of bytes that are kept.
    """

    def __init__(self, limit: int | None = None) -> None:
        self.limit = get_cache_limit() if limit is None else limit
        self._arrays: dict[str, Arrays] = {}
        self._bytes = 0

    def get(self, key: str, load: Callable[[str], Arrays]) -> Arrays:
        """Return the read-only arrays of a key; ``load`` decodes them if they are not kept."""
        if key not in self._arrays:
            arrays = load(key)
            self._keep(key, arrays)
            return arrays
        return self._arrays[key]

    def fill(self, keys: Iterable[str], load: Callable[[str], Arrays], threads: int) -> None:
        """Decode keys until the limit is reached, before worker processes share the cache."""
        missing = [key for key in keys if key not in self._arrays]
        for key, arrays in zip(missing, prefetch.map_ahead(load, missing, threads), strict=False):
            if not self._keep(key, arrays):
                return

    def _keep(self, key: str, arrays: Arrays) -> bool:
        """Keep arrays if they fit; return whether they do."""
        size = sum(array.nbytes for array in arrays)
        for array in arrays:
            array.setflags(write=False)  # every use gets the same memory
        if self._bytes + size > self.limit:
            return False
        self._arrays[key] = arrays
        self._bytes += size
        return True
