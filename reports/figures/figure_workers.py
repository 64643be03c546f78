"""Drawing of figures in worker processes, because it takes most of a report's time."""

from collections.abc import Callable, Iterator
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager

from fusebench.errors import UserError
from fusebench.runtime import process_pool

MIN_CHARTS_FOR_WORKERS = 12  # fewer charts take less time than starting worker processes
DrawFunction = Callable[..., None]  # called with a function that draws a chart, and its arguments


@contextmanager
def open_figure_pool() -> Iterator[DrawFunction]:
    """Collect charts within the block; draw all of them, in parallel, when it ends.

    Raises:
        UserError: If a worker process was killed.
    """
    jobs: list[tuple[Callable[..., None], tuple[object, ...]]] = []

    def draw(chart: Callable[..., None], *arguments: object) -> None:
        jobs.append((chart, arguments))

    yield draw
    if len(jobs) < MIN_CHARTS_FOR_WORKERS or process_pool.count_available_cpus() < 2:
        for chart, arguments in jobs:
            chart(*arguments)
        return
    try:
        count = min(process_pool.count_available_cpus(), len(jobs))
        with process_pool.open_pool(count) as processes:
            for future in [processes.submit(chart, *arguments) for chart, arguments in jobs]:
                future.result()
    except BrokenProcessPool:
        raise UserError(
            "drawing charts: a worker process was killed, probably because memory ran out; "
            "run it again"
        ) from None
