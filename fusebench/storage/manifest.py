"""Manifest of a finished folder: size, time of modification and SHA-256 of every file in it.

``manifest.json`` is written when the folder is complete. It ends with a checksum of itself, and its
bytes must be exactly those that `format_manifest` gives, so that a changed byte in it is noticed.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from functools import lru_cache
from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from fusebench.runtime import atomic_write
from fusebench.runtime.file_names import MANIFEST_FILE
from fusebench.storage import hashing

CACHED_MANIFESTS = 512


class FileEntry(BaseModel):
    """What a manifest states about one file.

    Attributes:
        size: Length in bytes.
        mtime_ns: Time of modification in nanoseconds. It is compared to save time only: if it
            differs, the content decides.
        sha256: SHA-256 of the content, 64 hex digits.
    """

    model_config = ConfigDict(extra="forbid", frozen=True)

    size: int
    mtime_ns: int
    sha256: str


Entries = Mapping[str, FileEntry]  # path relative to the folder, with "/", to its entry


class ManifestError(Exception):
    """A manifest was changed or is incomplete."""


def build_entries(folder: Path) -> dict[str, FileEntry]:
    """Compute the entries of all regular files below a folder, sorted by name."""
    paths = [path for path in sorted(folder.rglob("*")) if path.is_file() and not path.is_symlink()]
    return {
        path.relative_to(folder).as_posix(): build_entry(path)
        for path in paths
        if path != folder / MANIFEST_FILE
    }


def build_entry(path: Path) -> FileEntry:
    """Compute the entry of one file."""
    stat = path.stat()
    return FileEntry(
        size=stat.st_size,
        mtime_ns=stat.st_mtime_ns,
        sha256=hashing.compute_file_sha256(path),
    )


def format_manifest(entries: Entries) -> str:
    """Format entries as the text of a manifest."""
    files = {name: entry.model_dump() for name, entry in entries.items()}
    digest = hashlib.sha256(json.dumps(files, sort_keys=True).encode()).hexdigest()
    lines = [f" {json.dumps(name)}: {json.dumps(files[name])}" for name in sorted(files)]
    return '{"files": {\n' + ",\n".join(lines) + f'\n}},\n"sha256": "{digest}"}}\n'


def write_manifest(folder: Path, entries: Entries) -> None:
    """Write the manifest of a folder."""
    atomic_write.write_text_atomically(folder / MANIFEST_FILE, format_manifest(entries))


def read_manifest(folder: Path) -> Entries | None:
    """Read the manifest of a folder; None if it has none.

    Raises:
        ManifestError: If it was changed or is incomplete.
    """
    path = folder / MANIFEST_FILE
    try:
        stat = path.stat()
    except FileNotFoundError:
        return None
    return _read_cached(path, stat.st_mtime_ns, stat.st_size)


@lru_cache(CACHED_MANIFESTS)
def _read_cached(path: Path, modified_ns: int, size: int) -> Entries:
    """Read a manifest; time of modification and size are part of the cache's key."""
    content = path.read_bytes()
    try:
        files = json.loads(content)["files"]
        entries = {name: FileEntry.model_validate(entry) for name, entry in files.items()}
    except (ValueError, KeyError, TypeError, AttributeError, ValidationError):
        raise ManifestError(f"{path.name} cannot be read") from None
    if format_manifest(entries).encode() != content:
        raise ManifestError(f"{path.name} was changed")
    return entries


def find_changes(
    folder: Path, entries: Entries, in_full: Callable[[str], bool]
) -> tuple[dict[str, str], dict[str, FileEntry]]:
    """Compare the files of a folder with its manifest.

    A file whose size and time of modification are those of the manifest is read only where
    ``in_full`` says so; every other file is read. Files that are not in the manifest are ignored.

    Args:
        folder: The folder.
        entries: Its manifest.
        in_full: Tells by name whether a file is read although its time fits.

    Returns:
        What is wrong by name of the file, and new entries of files that were only copied: their
        content is the same, their time is another.

    Raises:
        PermissionError: If a file may not be read.
    """
    damage: dict[str, str] = {}
    copied: dict[str, FileEntry] = {}
    for name, entry in entries.items():
        path = folder / name
        try:
            stat = path.stat()
            is_copied = stat.st_mtime_ns != entry.mtime_ns
            if stat.st_size != entry.size:
                damage[name] = f"{stat.st_size} bytes, written were {entry.size}"
            elif (is_copied or in_full(name)) and hashing.compute_file_sha256(path) != entry.sha256:
                damage[name] = "changed since it was written"
            elif is_copied:
                copied[name] = entry.model_copy(update={"mtime_ns": stat.st_mtime_ns})
        except FileNotFoundError:
            damage[name] = "missing"
        except PermissionError:  # no damage; a repair must not remove it
            raise
        except OSError as error:
            damage[name] = f"cannot be read: {error.strerror}"
    return damage, copied
