"""Check that a path is a regular file before it is opened.

Opening a named pipe waits for a writer that never comes, and a device can be read without end.
"""

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
        status = os.stat(path)
    except FileNotFoundError:
        raise
    except (OSError, ValueError) as error:  # ValueError: a null character in the name
        raise UserError(f"{path}: cannot be read ({getattr(error, 'strerror', error)})") from None
    if not stat.S_ISREG(status.st_mode):
        file_type = SPECIAL_FILE_TYPES.get(stat.S_IFMT(status.st_mode), "no regular file")
        raise UserError(f"{path}: is {file_type}; expected a regular file")
    return status
