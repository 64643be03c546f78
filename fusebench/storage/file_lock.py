"""File lock between processes; the system releases it even if its holder is killed."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from filelock import FileLock, Timeout

from fusebench.runtime import printable


@contextmanager
def hold_lock(path: Path, output: str) -> Iterator[None]:
    """Hold a lock within the block; if another process has it, print a message and wait.

    Args:
        path: The lock file. It is not deleted afterwards: a process that waits for the deleted
            file and one that creates it anew would both hold the lock.
        output: What the block creates, for the message.

    Raises:
        OSError: If the lock file cannot be created.
    """
    path.open("ab").close()  # raises where no file can be created; `FileLock` may wait forever
    lock = FileLock(path)
    try:
        lock.acquire(timeout=0)
    except Timeout:
        # Waiting can take hours: the user has to know why nothing happens.
        message = f"waiting for another process that creates {output}"
        printable.print_message(message)
        lock.acquire()
    try:
        yield
    finally:
        lock.release()
