"""Atomic file writes: a reader sees the old file or the complete new one, never a part of it."""

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fusebench.runtime.system_errors import name_file


@contextmanager
def replace_atomically(path: Path, *, sync: bool = False) -> Iterator[Path]:
    """Yield a temporary path; when the block succeeds, the file written there becomes ``path``.

    The temporary file lies in the same folder, because a rename is atomic within one file system
    only. It is called ``.<name>.<process id>``: hidden, so that readers of the folder skip it, and
    different in every process. If the block fails, it is deleted and ``path`` stays as it was; a
    killed process leaves it behind.

    Args:
        path: The file to write; its folder must exist.
        sync: Flush the file to the disk before the rename, so that a power failure cannot leave
            an empty file under the final name.

    Raises:
        OSError: With the name of the file, if it cannot be written.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}")
    try:
        with name_file(path):
            yield temporary
            if sync:
                with temporary.open("rb") as file:
                    os.fsync(file.fileno())
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):  # the first error is the one to report
            temporary.unlink()
        raise
