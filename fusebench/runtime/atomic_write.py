"""Atomic and durable file writes: no reader, and no power cut, meets a part of a file.

A rename may reach the disk before the content of the renamed file. Content is therefore flushed to
the disk (fsync) before the rename that makes it count as finished, and the folder after it.
"""

import errno
import os
import secrets
from collections.abc import Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path

from fusebench.runtime.system_errors import name_file

# Names of temporary files: process ids repeat on other machines and in containers.
PROCESS_TOKEN = secrets.token_hex(4)
SYNC_THREADS = 8  # a file system flushes files together that are waited for together
# What file systems answer that cannot flush a folder; their renames need no flush.
UNSUPPORTED_SYNC = {errno.EINVAL, errno.ENOTSUP, errno.EBADF, errno.EACCES, errno.EPERM}


@contextmanager
def replace_atomically(path: Path, *, sync: bool = True) -> Iterator[Path]:
    """Yield a temporary path; when the block succeeds, the file written there becomes ``path``.

    The temporary file lies in the same folder, because a rename is atomic within one file system
    only. It is hidden, so that readers of the folder skip it (`get_temporary_path`). If the block
    fails, it is deleted and ``path`` stays as it was; a killed process leaves it behind.

    Args:
        path: The file to write; its folder must exist.
        sync: Flush the file to the disk before the rename, and its folder after it. False for one
            of many files of a folder that is flushed as a whole (`sync_tree`).

    Raises:
        OSError: With the name of the file, if it cannot be written.
    """
    temporary = get_temporary_path(path)
    try:
        with name_file(path):
            yield temporary
            if sync:
                sync_file(temporary)
            temporary.replace(path)
    except BaseException:
        with suppress(OSError):  # the first error is the one to report
            temporary.unlink()
        raise
    if sync:
        sync_folder(path.parent)


def get_temporary_path(path: Path) -> Path:
    """Return the hidden path beside ``path`` that only this process uses, on any machine.

    It is ``.<name>.<random number of the process>.<process id>`` (`file_names.TEMPORARY_FILE`). A
    forked process has the same random number and another id.
    """
    return path.with_name(f".{path.name}.{PROCESS_TOKEN}.{os.getpid()}")


def write_text_atomically(path: Path, text: str) -> None:
    """Write a text file in UTF-8, completely and durably or not at all."""
    with replace_atomically(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def sync_file(path: Path) -> None:
    """Flush the content of a file to the disk.

    Raises:
        OSError: If the system could not write it, e.g. because the disk is full.
    """
    with path.open("rb") as file:
        os.fsync(file.fileno())


def sync_folder(folder: Path) -> None:
    """Flush the names in a folder to the disk, where the system can do that."""
    try:
        descriptor = os.open(folder, os.O_RDONLY)
    except OSError:  # Windows cannot open folders; its renames are flushed by the file system
        return
    try:
        os.fsync(descriptor)
    except OSError as error:
        if error.errno not in UNSUPPORTED_SYNC:
            raise
    finally:
        os.close(descriptor)


def sync_files(folder: Path) -> None:
    """Flush the files of a folder to the disk, without those in its sub-folders."""
    _sync_all(sorted(folder.iterdir()))


def sync_tree(folder: Path) -> None:
    """Flush all files and folders below ``folder``, and itself, to the disk; no link is followed.

    Raises:
        OSError: If the system could not write one of them.
    """
    files: list[Path] = []
    folders: list[Path] = []
    for current, _, names in os.walk(folder):
        folders.append(Path(current))
        files += [Path(current, name) for name in names]
    _sync_all(files)
    for each in reversed(folders):
        sync_folder(each)


def _sync_all(paths: Iterable[Path]) -> None:
    """Flush the regular files among ``paths``."""
    files = [path for path in paths if path.is_file() and not path.is_symlink()]
    with ThreadPoolExecutor(SYNC_THREADS) as pool:
        list(pool.map(sync_file, files))
