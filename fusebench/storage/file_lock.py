"""One process at a time: a lock that the system releases even if its holder is killed."""

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout


@contextmanager
def hold_lock(path: Path, what: str) -> Iterator[None]:
    """Hold the lock ``path`` within the block; while another process has it, say so and wait.

    Args:
        path: The lock file; it stays, because deleting it would let two processes in.
        what: What one process at a time may make, for the message.
    """
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        print(f"waiting for another process that makes {what}", file=sys.stderr)  # noqa: T201
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
