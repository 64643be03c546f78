"""Prefetching with threads: the next values are computed while the caller uses the present one."""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from itertools import islice
from typing import TypeVar

S = TypeVar("S")
T = TypeVar("T")
AHEAD = 2  # values per thread that are computed ahead


def map_ahead(function: Callable[[S], T], items: Iterable[S], threads: int) -> Iterator[T]:
    """Yield ``function(item)`` of every item in order; threads compute up to 2 x threads ahead.

    Args:
        function: Called in the threads.
        items: Its arguments.
        threads: 0: nothing is computed ahead, and there are no threads.
    """
    if not threads:
        yield from map(function, items)
        return
    remaining = iter(items)
    with ThreadPoolExecutor(threads) as pool:
        futures: deque[Future[T]] = deque(
            pool.submit(function, item) for item in islice(remaining, AHEAD * threads)
        )
        try:
            while futures:
                future = futures.popleft()
                # One future leaves the queue per turn, one enters.
                futures.extend(pool.submit(function, item) for item in islice(remaining, 1))
                yield future.result()
        finally:
            for future in futures:
                future.cancel()
