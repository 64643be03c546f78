"""Charts drawn by worker processes: they are most of a report's time, and none needs another."""

from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from bench import workers
from bench.errors import BenchError

FEW = 12  # charts that are drawn before a worker process is ready
Draw = Callable[..., None]  # a function that draws, and what it is to be called with


@contextmanager
def opened() -> Iterator[Draw]:
    """What puts off drawing a chart until the block ends; then all are there.

    Raises:
        BenchError: If a worker process was killed.
    """
    asked: list[tuple[Callable[..., None], tuple[object, ...]]] = []

    def draw(chart: Callable[..., None], *given: object) -> None:
        asked.append((chart, given))

    yield draw
    if len(asked) < FEW or workers.available() < 2:
        for chart, given in asked:
            chart(*given)
        return
    try:
        with workers.pool(workers.available()) as processes:
            for done in [processes.submit(chart, *given) for chart, given in asked]:
                done.result()
    except BrokenProcessPool:
        raise BenchError(
            "drawing charts: a worker process was killed (is the memory full?); run it again"
        ) from None
