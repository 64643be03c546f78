"""Pool of worker processes, set up the same way for every parallel step."""

import math
import multiprocessing
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager, suppress
from multiprocessing.process import BaseProcess
from pathlib import Path

CPUS_VARIABLE = "FUSEBENCH_CPUS"  # an engine sets it where several jobs share the cores
CGROUPS, PROCESS_CGROUPS = Path("/sys/fs/cgroup"), Path("/proc/self/cgroup")


def count_available_cpus() -> int:
    """Return the number of CPUs that this process may use.

    That is the lowest of: the number of its affinity (`taskset`, Slurm), the limit on processor
    time of its control group (containers, Kubernetes), and the job's share in ``FUSEBENCH_CPUS``.
    """
    count = len(os.sched_getaffinity(0))
    share = os.environ.get(CPUS_VARIABLE, "")
    if share.isdecimal() and int(share):
        count = min(count, int(share))
    limit = read_cpu_limit(PROCESS_CGROUPS, CGROUPS)
    return count if limit is None else max(1, min(count, math.ceil(limit)))


def read_cpu_limit(process_cgroups: Path, cgroups: Path) -> float | None:
    """Read the lowest limit on processor time of a process, in CPUs; None without a limit.

    Args:
        process_cgroups: Lists the control groups of the process, e.g. /proc/self/cgroup.
        cgroups: Where control groups are mounted, version 2 or 1.
    """
    try:
        lines = process_cgroups.read_text(encoding="ascii", errors="replace").splitlines()
    except OSError:
        return None
    limits = []
    for _, controllers, name in (line.split(":", 2) for line in lines if line.count(":") >= 2):
        mount = cgroups / controllers if controllers else cgroups
        if controllers and "cpu" not in controllers.split(","):
            continue
        group = mount / name.lstrip("/")
        for folder in (group, *group.parents):  # a limit of a group is one of those within it
            if folder == mount.parent or mount not in (folder, *folder.parents):
                break
            limits += _read_group_limit(folder)
    return min(limits, default=None)


def _read_group_limit(folder: Path) -> list[float]:
    """Read the limit of one control group, in CPUs; empty without a limit."""
    with suppress(OSError, ValueError):
        if (folder / "cpu.max").exists():  # version 2: "200000 100000", or "max 100000"
            quota, period = (folder / "cpu.max").read_text().split()
            return [] if quota == "max" else [int(quota) / int(period)]
        microseconds = int((folder / "cpu.cfs_quota_us").read_text())  # version 1; -1: no limit
        period_length = int((folder / "cpu.cfs_period_us").read_text())
        return [microseconds / period_length] if microseconds > 0 else []
    return []


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
    with start_pool(count, initializer) as pool:
        try:
            yield pool
        except BaseException:
            kill_pool(pool)
            raise


def start_pool(count: int, initializer: Callable[[], None] | None = None) -> ProcessPoolExecutor:
    """Start the pool of `open_pool`; its caller has to end it, with `kill_pool` after an error."""
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(count, spawn, _initialize_worker, (os.getpid(), initializer))
    with _block_interrupts():  # processes inherit it
        for _ in range(count):
            pool.submit(int)  # each starts one, because none is idle yet
    return pool


def list_workers(pool: ProcessPoolExecutor) -> list[BaseProcess]:
    """List the processes of a pool that has not ended."""
    return list((pool._processes or {}).values())


def kill_pool(pool: ProcessPoolExecutor) -> None:
    """End the processes of a pool, whatever they do, and return at once."""
    # Waiting for the workers here can wait forever: a busy machine showed a pool of
    # Python 3.11 whose workers were idle and whose shutdown did not return.
    workers = list_workers(pool)
    pool.shutdown(wait=False, cancel_futures=True)
    for worker in workers:
        worker.terminate()


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
