"""Charts drawn by worker processes: they are most of a report's time, and none needs another."""

from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from fusebench.errors import UserError
from fusebench.runtime import process_pool

MIN_CHARTS_FOR_WORKERS = 12  # charts that are drawn before a worker process is ready
DrawFunction = Callable[..., None]  # a function that draws, and what it is to be called with


@contextmanager
def open_figure_pool() -> Iterator[DrawFunction]:
    """What puts off drawing a chart until the block ends; then all are there.

    Raises:
        UserError: If a worker process was killed.
    """
    asked: list[tuple[Callable[..., None], tuple[object, ...]]] = []

    def draw(chart: Callable[..., None], *given: object) -> None:
        asked.append((chart, given))

    yield draw
    if len(asked) < MIN_CHARTS_FOR_WORKERS or process_pool.count_available_cpus() < 2:
        for chart, given in asked:
            chart(*given)
        return
    try:
        with process_pool.open_pool(process_pool.count_available_cpus()) as processes:
            for done in [processes.submit(chart, *given) for chart, given in asked]:
                done.result()
    except BrokenProcessPool:
        raise UserError(
            "drawing charts: a worker process was killed (is the memory full?); run it again"
        ) from None
