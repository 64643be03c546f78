"""Content hashes of image files, kept on disk until a file changes.

One NumPy archive per folder of images. A hash is used again only if the file's size, its times of
modification and of status change, its inode and its device are the same: an edit that restores the
time of modification changes the status time. A file that changed less than two seconds
before it was read is not kept, because a later edit could leave the same time. Files that are gone
are left out when an archive is written. The folder can be deleted; a damaged archive is written
again.
"""

import hashlib
import os
import time
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import numpy as np

from fusebench.data.image_files.content_hash import ContentHash, hash_image_file
from fusebench.errors import UserError
from fusebench.runtime.atomic_write import replace_atomically
from fusebench.runtime.reading.file_stamp import Stamp, is_settled, read_stamp
from fusebench.storage import npz
from fusebench.storage.splits.index_folder import remove_oldest

VERSION = 2  # of `hash_image_file` and of the archives


class FileHashes:
    """Content hashes of image files by path, see `fusebench.data.image_files.content_hash`.

    Args:
        folder: Where they are kept; None: in memory only.
        read_hashes: Hashes that were computed while headers were read, by path; may grow later.
    """

    def __init__(
        self, folder: Path | None = None, read_hashes: Mapping[str, ContentHash] | None = None
    ) -> None:
        self._folder = folder
        self._read_hashes = {} if read_hashes is None else read_hashes
        self._tables: dict[str, dict[str, tuple[Stamp, str]]] = {}

    def hash_each(self, paths: Sequence[Path | str]) -> list[str]:
        """Return the content hash of each file, 64 hex digits.

        Raises:
            UserError: If a file is missing or cannot be read.
        """
        hashes: list[str] = [""] * len(paths)
        unknown: list[tuple[Stamp, int]] = []
        changed: set[str] = set()
        for place, path in enumerate(paths):
            folder, name = _split_path(path)
            table = self._get_table(folder)
            entry = table.get(name)
            read = self._read_hashes.get(os.fspath(path))
            if read is not None:  # its content was read a moment ago
                hashes[place] = read.sha256
                if entry is None or entry[0] != read.stamp:
                    table[name] = (read.stamp, read.sha256)
                    changed.add(folder)
                continue
            stamp = _stat(path)
            if entry is not None and entry[0] == stamp:
                hashes[place] = entry[1]
            else:
                unknown.append((stamp, place))
        # The most recently changed files last: then they have settled by the time they are read.
        for stamp, place in sorted(unknown, key=lambda entry: max(entry[0][1:3])):
            now = time.time_ns()
            hashes[place] = hash_image_file(paths[place])
            if is_settled(stamp, now):
                folder, name = _split_path(paths[place])
                self._tables[folder][name] = (stamp, hashes[place])
                changed.add(folder)
        for folder in changed:
            self._write_table(folder)
        return hashes

    def _get_table(self, folder: str) -> dict[str, tuple[Stamp, str]]:
        if folder not in self._tables:
            self._tables[folder] = self._read_table(folder)
        return self._tables[folder]

    def _get_file(self, folder: str) -> Path | None:
        if self._folder is None:
            return None
        name = hashlib.sha256(os.fsencode(Path.cwd() / folder)).hexdigest()[:16]
        return self._folder / f"hashes{VERSION}-{name}.npz"

    def _read_table(self, folder: str) -> dict[str, tuple[Stamp, str]]:
        file = self._get_file(folder)
        if file is None or not file.is_file():
            return {}
        try:
            names, stamps, hashes = npz.read_arrays(file, "names", "stamps", "hashes")
            return {
                name: ((size, modified, changed, inode, device), sha256)
                for name, (size, modified, changed, inode, device), sha256 in zip(
                    names.tolist(), stamps.tolist(), hashes.tolist(), strict=True
                )
            }
        except (UserError, ValueError, TypeError):  # damaged: the files are hashed again
            return {}

    def _write_table(self, folder: str) -> None:
        file = self._get_file(folder)
        if file is None:
            return
        with suppress(OSError):  # a full or read-only disk: the files are hashed again next time
            present = set(os.listdir(folder or "."))  # noqa: PTH208 - fast
            table = {name: entry for name, entry in self._tables[folder].items() if name in present}
            file.parent.mkdir(parents=True, exist_ok=True)
            with replace_atomically(file) as temporary, temporary.open("wb") as stream:
                np.savez(
                    stream,
                    names=np.array(list(table)),
                    stamps=np.array([stamp for stamp, _ in table.values()], np.int64),
                    hashes=np.array([sha256 for _, sha256 in table.values()]),
                )
            remove_oldest(file.parent, "hashes*.npz")


def _split_path(path: Path | str) -> tuple[str, str]:
    """Split a path into its folder, with the slash at its end, and the name of the file."""
    text = os.fspath(path)
    end = text.rfind("/") + 1
    return text[:end], text[end:]


def _stat(path: Path | str) -> Stamp:
    try:
        return read_stamp(os.stat(path))  # noqa: PTH116 - fast
    except FileNotFoundError:
        raise UserError(f"{path}: no such file") from None
    except OSError as error:
        raise UserError(f"{path}: cannot be read ({error.strerror})") from None
