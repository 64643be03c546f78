"""Splits of data sets, kept on disk until a file of the data set changes.

A split is used again only if every file below the data set's folders has the same name, size,
times, inode and device (see `fusebench.storage.splits.file_hashes`), and the options and the
program's own code are the same. The folder of the cache can be deleted; a damaged file is written
again.
"""

import hashlib
import json
import os
import time
from array import array
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from fusebench.data.pairs import Split, build_columns
from fusebench.data.split_builder import DatasetReadings
from fusebench.runtime.reading.file_stamp import Stamp, is_settled, read_stamp
from fusebench.storage import hashing
from fusebench.storage.splits import split_file
from fusebench.storage.splits.file_hashes import FileHashes
from fusebench.storage.splits.garbage import pause_collection
from fusebench.storage.splits.index_folder import remove_oldest

FOLDER = ".index"  # in the store
MAX_ENTRIES = 2_000_000  # of files below a data set's folders; nothing is kept if there are more
CODE_FOLDERS = ("data", "datasets", "storage", "simulator", "runtime")  # they decide what is read


class SplitCache:
    """Splits and file hashes of earlier calls.

    Args:
        store: Root of the store; they are kept in its folder `FOLDER`. None: in memory only.

    Attributes:
        file_hashes: Content hashes of image files.
        readings: What was read of data sets in this call; their splits share it.
    """

    def __init__(self, store: Path | None = None) -> None:
        self._folder = None if store is None else store / FOLDER
        self._listings: dict[tuple[Path, ...], str | None] = {}
        self.readings = DatasetReadings()
        self.file_hashes = FileHashes(self._folder, self.readings.image_hashes)

    def get_or_load(
        self, identity: Mapping[str, Any], paths: Sequence[Path], load: Callable[[], Split]
    ) -> Split:
        """Return the split with its hashes; call ``load`` if it is not known.

        Args:
            identity: JSON-ready: everything but files that decides the split.
            paths: Folders and files that decide it; empty if they are not known.
            load: Reads the split.

        Raises:
            UserError: If ``load`` does, or an image cannot be read.
        """
        digest = self._get_listing(tuple(paths)) if self._folder and paths else None
        if self._folder is None or digest is None:
            return self._load(load)
        text = json.dumps(identity, sort_keys=True)
        name = hashlib.sha256(text.encode()).hexdigest()[:16]
        inputs = hashlib.sha256(f"{digest} {_hash_code()}".encode()).hexdigest()
        file = self._folder / f"split-{name}.npz"
        known = split_file.read_split(file, inputs)
        if known is not None:
            return known
        split = self._load(load)
        with suppress(OSError):  # a full or read-only disk: it is read again next time
            self._folder.mkdir(parents=True, exist_ok=True)
            split_file.write_split(file, split, inputs)
            remove_oldest(self._folder, "split-*.npz")
        return split

    def _load(self, load: Callable[[], Split]) -> Split:
        with pause_collection():
            loaded = load()
            hashing.hash_all(loaded, self.file_hashes)
        split = replace(loaded, pairs=build_columns(loaded.pairs))
        split.hashes.update(loaded.hashes)
        return split

    def _get_listing(self, paths: tuple[Path, ...]) -> str | None:
        if paths not in self._listings:
            self._listings[paths] = hash_listing(paths)
        return self._listings[paths]


def hash_listing(paths: Sequence[Path]) -> str | None:
    """Hash names, sizes and times of files and of everything below folders.

    Returns:
        64 hex digits; None if it cannot be relied on: a path is missing (reading may create it),
        a file changed a moment ago or cannot be read, or there are more than `MAX_ENTRIES`.
    """
    names: list[str] = []
    stamps = array("q")
    visited: set[tuple[int, int]] = set()  # folders, by device and inode: links can form circles
    pending = [os.fspath(Path.cwd() / path) for path in paths]
    newest = 0
    now = time.time_ns()
    try:
        while pending and len(names) <= MAX_ENTRIES:
            folder = pending.pop()
            names.append(folder)
            for name, path, stamp in _list_stamps(Path(folder), visited):
                names.append(name)
                if stamp is None:
                    pending.append(path)
                else:
                    newest = max(newest, stamp[1], stamp[2])
                    stamps.extend(stamp)
    except OSError:
        return None
    if len(names) > MAX_ENTRIES:
        return None
    if not is_settled((0, newest, newest, 0, 0), now):
        return None
    digest = hashlib.sha256("\0".join(names).encode(errors="surrogateescape"))
    digest.update(stamps.tobytes())
    return digest.hexdigest()


def _list_stamps(
    path: Path, visited: set[tuple[int, int]]
) -> Iterator[tuple[str, str, Stamp | None]]:
    """Yield name, path and stamp of a file, or of each entry of a folder; None for a subfolder.

    Raises:
        OSError: If the path, or an entry of the folder, is missing or cannot be read.
    """
    status = path.stat()
    if not path.is_dir():
        yield path.name, "", read_stamp(status)
        return
    if (status.st_dev, status.st_ino) in visited:
        return
    visited.add((status.st_dev, status.st_ino))
    with os.scandir(path) as entries:
        for entry in entries:
            is_folder = entry.is_dir()
            yield entry.name, entry.path, None if is_folder else read_stamp(entry.stat())


@cache
def _hash_code() -> str:
    """Hash the code that reads data sets: another version may read them in another way."""
    package = Path(hashing.__file__).parents[1]
    files = [file for folder in CODE_FOLDERS for file in sorted((package / folder).rglob("*.py"))]
    digest = hashlib.sha256(f"pillow {version('pillow')} numpy {version('numpy')}".encode())
    for file in files:
        digest.update(file.read_bytes())
    return digest.hexdigest()
