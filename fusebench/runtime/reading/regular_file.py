"""Check that a path is a regular file before it is read.

Opening a named pipe waits for a writer that never comes, and a device can be read without end.
"""

import io
import os
import stat
from pathlib import Path

from fusebench.errors import UserError

SPECIAL_FILE_TYPES = {
    stat.S_IFDIR: "a folder",
    stat.S_IFIFO: "a named pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


def require_regular_file(path: Path | str) -> os.stat_result:
    """Return the file's status, following symbolic links; nothing is opened.

    Raises:
        FileNotFoundError: If there is no such file, or a link leads nowhere.
        UserError: If it is a folder, a named pipe, a socket or a device, or cannot be accessed.
    """
    try:
        status = os.stat(path)  # noqa: PTH116 - a Path of each of many files is slow
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', error)})") from None
    if not stat.S_ISREG(status.st_mode):
        raise UserError(f"{path}: is {describe_file_type(status)}; expected a regular file")
    return status


def describe_file_type(status: os.stat_result) -> str:
    """Describe what is no regular file, e.g. ``a named pipe``."""
    return SPECIAL_FILE_TYPES.get(stat.S_IFMT(status.st_mode), "no regular file")


def open_regular_file(path: Path | str) -> io.FileIO:
    """Open a regular file for reading, following symbolic links; it is not buffered.

    Raises:
        FileNotFoundError: If there is no such file, or a link leads nowhere.
        OSError: If it cannot be read.
        UserError: If it is a folder, a named pipe, a socket or a device.
    """
    return io.FileIO(open_descriptor(path)[0])


def open_descriptor(path: Path | str) -> tuple[int, os.stat_result]:
    """Open a regular file for reading; return its descriptor, which is to be closed, and status.

    Several times as fast as a check before opening, and what is checked is what is read.

    Raises:
        OSError: See `open_regular_file`.
        UserError: The same.
    """
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC)
    except FileNotFoundError:
        raise
    except (OSError, ValueError):
        require_regular_file(path)
        raise
    status = os.fstat(descriptor)
    if not stat.S_ISREG(status.st_mode):
        os.close(descriptor)
        require_regular_file(path)
        raise UserError(f"{path}: was replaced while it was opened; start again")
    return descriptor, status
