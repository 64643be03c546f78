"""Worker processes: started the same way for everything that is spread over the processors."""

import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager


def count_available_cpus() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0))


@contextmanager
def open_pool(count: int, begin: Callable[[], None] | None = None) -> Iterator[ProcessPoolExecutor]:
    """So many fresh processes; after a fault or Ctrl-C in the block nothing more is begun.

    They are spawned, because a fork of a process with threads may hang; Ctrl-C is the parent's to
    answer; and they end with it when it is killed.

    Args:
        count: Processes.
        begin: Called in each of them first.
    """
    spawn = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(count, spawn, _initialize_worker, (os.getpid(), begin)) as processes:
        try:
            yield processes
        except BaseException:
            processes.shutdown(cancel_futures=True)
            raise


def _initialize_worker(parent: int, begin: Callable[[], None] | None) -> None:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_exit_with_parent, args=(parent,), daemon=True).start()
    if begin:
        begin()


def _exit_with_parent(parent: int) -> None:
    """End this process when the one that started it is gone: a pool would wait for ever."""
    while os.getppid() == parent:
        time.sleep(1)
    os._exit(1)
