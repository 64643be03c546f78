"""File lock between processes, on this machine and on others that share the folder.

The lock is `flock`, which the system releases even if its holder is killed. Where `flock` does not
reach other machines (see `lock_reach`), a lease is held as well: a file that its holder touches
again and again. A process on another machine takes it over when it has seen no change of the file
for `LEASE_SECONDS` of its own clock, so that clocks that differ do not matter.
"""

import os
import signal
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from filelock import BaseFileLock, FileLock, SoftFileLease, Timeout

from fusebench.runtime import printable
from fusebench.storage import lock_reach

LEASE_SECONDS = 120.0  # without a sign of life, on a file system without locks between machines
HEARTBEAT_SECONDS = 20.0
POLL_SECONDS = 0.2  # between two attempts while waiting
LEASE_SUFFIX = ".lease"


class LockHeldError(Exception):
    """Another process holds the lock.

    Attributes:
        output: What that process creates.
    """

    def __init__(self, output: str) -> None:
        super().__init__(f"another process creates {output}")
        self.output = output


@contextmanager
def hold_lock(path: Path, output: str, *, waits: bool = True) -> Iterator[None]:
    """Hold a lock within the block; if another process has it, print a message and wait.

    Args:
        path: The lock file. It is not deleted afterwards: a process that waits for the deleted
            file and one that creates it anew would both hold the lock.
        output: What the block creates, for the message.
        waits: False: do not wait.

    Raises:
        LockHeldError: If another process has the lock and ``waits`` is false.
        OSError: If the lock file cannot be created.
    """
    path.open("ab").close()  # raises where no file can be created; `FileLock` may wait forever
    with ExitStack() as stack:
        for lock in _build_locks(path, output):
            try:
                lock.acquire(timeout=0)
            except Timeout:
                if not waits:
                    raise LockHeldError(output) from None
                # Waiting can take hours: the user has to know why nothing happens.
                printable.print_message(f"waiting for another process that creates {output}")
                lock.acquire(poll_interval=POLL_SECONDS)
            stack.callback(lock.release)
        yield


def _build_locks(path: Path, output: str) -> list[BaseFileLock]:
    """Build the locks that exclude every other process, in the order of acquisition."""
    reach = lock_reach.find_lock_reach(path.parent)
    locks: list[BaseFileLock] = []
    if reach != "none":
        locks.append(FileLock(path))
    if reach != "all machines":
        locks.append(_build_lease(path, output))
    return locks


def _build_lease(path: Path, output: str) -> SoftFileLease:
    def stop(_: object) -> None:
        # Another machine has taken the work over, because this process stood still for minutes.
        printable.print_message(f"the lock of {output} was lost to another machine; stopping")
        os.kill(os.getpid(), signal.SIGTERM)

    return SoftFileLease(
        path.with_name(path.name + LEASE_SUFFIX),
        lease_duration=LEASE_SECONDS,
        heartbeat_interval=HEARTBEAT_SECONDS,
        on_compromise=stop,
    )
