"""Drawing of figures in worker processes, because it takes most of a report's time."""

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures.process import BrokenProcessPool
from contextlib import contextmanager
from typing import Any

from fusebench.errors import UserError
from fusebench.runtime import process_pool, progress

MIN_CHARTS_FOR_WORKERS = 12  # fewer charts take less time than starting worker processes
DrawFunction = Callable[..., None]  # called with a function that draws a chart, and its arguments
Job = tuple[Callable[..., Any], tuple[object, ...]]  # a function of a module, and its arguments


@contextmanager
def open_figure_pool() -> Iterator[DrawFunction]:
    """Collect charts within the block; draw all of them, in parallel, when it ends.

    Raises:
        UserError: If a worker process was killed.
    """
    jobs: list[Job] = []

    def draw(chart: Callable[..., None], *arguments: object) -> None:
        jobs.append((chart, arguments))

    yield draw
    run_jobs(jobs, "", are_many=len(jobs) >= MIN_CHARTS_FOR_WORKERS)


def run_jobs(jobs: Sequence[Job], title: str, *, are_many: bool) -> list[Any]:
    """Run jobs in worker processes; return their results in the same order.

    Args:
        jobs: The jobs; functions, arguments and results can be pickled.
        title: Title of the progress bar; empty for none.
        are_many: Whether they take more time than starting worker processes.

    Raises:
        UserError: If a worker process was killed.
    """
    count = min(process_pool.count_available_cpus(), len(jobs))
    if not are_many or count < 2:
        return [function(*arguments) for function, arguments in jobs]
    try:
        with process_pool.open_pool(count) as processes:
            futures = [processes.submit(function, *arguments) for function, arguments in jobs]
            finished = progress.track_progress(futures, title) if title else futures
            return [future.result() for future in finished]
    except BrokenProcessPool:
        raise UserError(
            f"{title or 'drawing charts'}: a worker process was killed, probably because memory "
            "ran out; run it again"
        ) from None
