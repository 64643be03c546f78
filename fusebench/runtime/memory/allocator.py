"""Freed memory that the process keeps for its next arrays, instead of returning it to the system.

glibc's malloc returns every freed block above 32 MiB at once. The feature maps of a fusion network
are larger, so that the kernel has to map and clear the same pages again for every layer: a fifth
of the processor time of DMFuse and DMNet at 640 x 480. See mallopt(3).
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3  # parameters of mallopt, from malloc.h
MIB = 2**20
KEPT_BLOCK_BYTES = 256 * MIB  # larger blocks are returned: keeping them takes too much memory
KEPT_TOTAL_BYTES = 2**31 - 1  # the largest value that mallopt takes
# What glibc itself sets after a block of 32 MiB was freed.
USUAL_BLOCK_BYTES, USUAL_TOTAL_BYTES = 32 * MIB, 64 * MIB
USER_VARIABLES = ("MALLOC_MMAP_THRESHOLD_", "MALLOC_TRIM_THRESHOLD_", "MALLOC_MMAP_MAX_")


@contextmanager
def keep_freed_memory() -> Iterator[None]:
    """Keep freed memory within the block; return it to the system at its end.

    Nothing happens without glibc, with one that refuses the size (before 2.35), or if the user has
    set malloc's environment variables.
    """
    libc = None if _is_set_by_user() else _load_glibc()
    # The second threshold alone would freeze the first one at its small initial value.
    if libc is None or not libc.mallopt(M_MMAP_THRESHOLD, KEPT_BLOCK_BYTES):
        yield
        return
    libc.mallopt(M_TRIM_THRESHOLD, KEPT_TOTAL_BYTES)
    try:
        yield
    finally:
        libc.mallopt(M_MMAP_THRESHOLD, USUAL_BLOCK_BYTES)
        libc.mallopt(M_TRIM_THRESHOLD, USUAL_TOTAL_BYTES)
        libc.malloc_trim(0)


def _is_set_by_user() -> bool:
    """Return whether environment variables set malloc's thresholds."""
    return any(name in os.environ for name in USER_VARIABLES) or "glibc.malloc" in os.environ.get(
        "GLIBC_TUNABLES", ""
    )


def _load_glibc() -> ctypes.CDLL | None:
    """Return the C library of this process if it is glibc."""
    try:
        is_glibc = (os.confstr("CS_GNU_LIBC_VERSION") or "").startswith("glibc")
    except ValueError:  # the system does not know this name
        return None
    return ctypes.CDLL(None) if is_glibc else None
