"""Pool of worker processes, set up the same way for every parallel step."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


def count_available_cpus() -> int:
    """Return the number of CPUs that this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def open_pool(
    count: int, initializer: Callable[[], None] | None = None
) -> Iterator[ProcessPoolExecutor]:
    """Open a pool of ``count`` new processes; an error or Ctrl-C ends all of them.

    Processes are spawned, because a fork of a process with threads may deadlock. Workers ignore
    Ctrl-C from their first moment on: it is the parent's to handle. They exit when the parent is
    gone.

    Args:
        count: Number of processes; all of them start now.
        initializer: Called first in each process.
    """
    spawn = multiprocessing.get_context("spawn")
    arguments = (os.getpid(), initializer)
    with ProcessPoolExecutor(count, spawn, _initialize_worker, arguments) as pool:
        try:
            with _block_interrupts():  # processes inherit it
                for _ in range(count):
                    pool.submit(int)  # each starts one, because none is idle yet
            yield pool
        except BaseException:
            # Waiting for the workers here can wait forever: a busy machine showed a pool of
            # Python 3.11 whose workers were idle and whose shutdown did not return.
            workers = list(pool._processes.values())
            pool.shutdown(wait=False, cancel_futures=True)
            for worker in workers:
                worker.terminate()
            raise


@contextmanager
def _block_interrupts() -> Iterator[None]:
    """Let Ctrl-C wait until the end of the block."""
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _initialize_worker(parent: int, initializer: Callable[[], None] | None) -> None:
    threading.Thread(target=_exit_with_parent, args=(parent,), daemon=True).start()
    if initializer:
        initializer()


def _exit_with_parent(parent: int) -> None:
    """End this process when its parent has died; the pool itself would wait forever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
