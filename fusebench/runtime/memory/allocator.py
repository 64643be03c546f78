"""Setting of the C library's allocator under which freed memory is used again.

By default glibc returns large blocks to the kernel as soon as they are freed, and the kernel fills
each of their pages with zeros before it gives it out again. A network that makes hundreds of large
tensors spends a fifth to a third of its time on that.
"""

import ctypes
from functools import cache

# Numbers of options in glibc's malloc.h.
M_TRIM_THRESHOLD, M_MMAP_THRESHOLD = -1, -3
MAX_KEPT_BYTES = (1 << 31) - 1  # the largest number that mallopt takes


@cache
def keep_freed_memory() -> bool:
    """Let this process keep up to `MAX_KEPT_BYTES` of freed memory for its next tensors.

    Larger blocks, and what exceeds it, are still returned to the kernel when they are freed.

    Returns:
        Whether the C library has this setting; only glibc has.
    """
    try:
        set_option = ctypes.CDLL(None).mallopt
    except (AttributeError, OSError, TypeError):
        return False
    set_option.argtypes, set_option.restype = (ctypes.c_int, ctypes.c_int), ctypes.c_int
    options = (M_MMAP_THRESHOLD, M_TRIM_THRESHOLD)
    return all(set_option(option, MAX_KEPT_BYTES) == 1 for option in options)
