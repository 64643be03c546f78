"""Bounds of the folder of what was read: old archives are removed when new ones are written."""

from contextlib import suppress
from pathlib import Path

MAX_ARCHIVES = 200  # of a kind; one per split and per folder of images


def remove_oldest(folder: Path, pattern: str) -> None:
    """Remove all but the `MAX_ARCHIVES` archives written last, e.g. those of deleted data.

    What an archive held is read again if it is still needed. Files that cannot be removed stay.

    Args:
        folder: Folder of the archives.
        pattern: Glob pattern of the names of one kind.
    """
    with suppress(OSError):  # another process may remove them at the same time
        archives = sorted(folder.glob(pattern), key=lambda path: path.stat().st_mtime_ns)
        for path in archives[:-MAX_ARCHIVES]:
            path.unlink(missing_ok=True)
