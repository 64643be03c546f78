"""Peak memory of a computation on arrays, measured on two small images."""

import tracemalloc
from collections.abc import Callable, Sequence

import numpy as np
from numpy.typing import NDArray

FIRST_SIDE = 192  # pixels, of an image for what is computed once in a process
SMALL_SIDE, LARGE_SIDE = 256, 384  # pixels; their difference removes what any image needs


def measure_bytes_per_pixel(call: Callable[[Sequence[NDArray[np.uint8]]], object], n: int) -> float:
    """Measure the bytes that each further pixel needs at the same time.

    Only arrays are counted, not the memory that compiled libraries take for themselves.

    Args:
        call: A computation on ``n`` gray images, without side effects.
        n: Number of images.

    Returns:
        Bytes per pixel; 0 or more. The images themselves are not counted.
    """
    call(_make_images(n, FIRST_SIDE))
    small, large = (_measure_peak(call, n, side) for side in (SMALL_SIDE, LARGE_SIDE))
    return max(0.0, (large - small) / (LARGE_SIDE**2 - SMALL_SIDE**2))


def _measure_peak(call: Callable[[Sequence[NDArray[np.uint8]]], object], n: int, side: int) -> int:
    images = _make_images(n, side)
    is_traced = tracemalloc.is_tracing()
    tracemalloc.start()
    try:
        tracemalloc.reset_peak()
        before = tracemalloc.get_traced_memory()[0]
        call(images)
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        if not is_traced:
            tracemalloc.stop()


def _make_images(n: int, side: int) -> list[NDArray[np.uint8]]:
    rng = np.random.default_rng(0)
    return [rng.integers(0, 256, (side, side), np.uint8) for _ in range(n)]
