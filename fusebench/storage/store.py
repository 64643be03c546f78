"""Store of result folders: finished or ``.partial``, and resumable after an interruption.

A stage requests a folder by *spec*, the JSON-ready mapping of everything that affects its result:

    runs/<kind>/<label>-<hash>/           finished: its content is complete
    runs/<kind>/<label>-<hash>.partial/   started: its files are kept and used on restart

When the content is complete, ``spec.json`` and ``manifest.json`` are written, everything is flushed
to the disk, and the folder gets its final name in one rename. A folder without ``.partial`` is
therefore complete, whenever the machine went down. Every finished folder is checked against its
manifest before it is used. A lock lets one process at a time fill a folder; the system releases it
even if that process is killed.
"""

import glob
import json
import shutil
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.runtime import atomic_write, file_names, printable
from fusebench.runtime.system_errors import name_file
from fusebench.storage import file_lock, intact_files, integrity, manifest
from fusebench.storage.hashing import HASH_GLOB, content_hash

LOCK_FOLDER = ".locks"
CACHE_KINDS = ("checked", "statistics")  # made again from other folders if they are damaged


@dataclass(frozen=True)
class ResultFolder:
    """A finished result folder."""

    path: Path
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class Store:
    """Result folders under one root.

    Attributes:
        root: The folder that holds them, below one folder per kind.
        waits: Whether a process waits for another one that fills the same folder. Otherwise that
            is a `file_lock.LockHeldError`; caches are waited for in any case.
    """

    root: Path
    waits: bool = True

    def get_path(self, kind: str, label: str, spec: Mapping[str, Any]) -> Path:
        """Return the path of the finished folder for ``spec``, whether it exists or not."""
        return self.root / kind / f"{file_names.make_safe_file_name(label)}-{content_hash(spec)}"

    def find_finished(
        self, kind: str, label: str, spec: Mapping[str, Any], *, with_images: bool = True
    ) -> Path | None:
        """Return the finished folder for ``spec`` after checking it; None if there is none.

        A damaged cache (`CACHE_KINDS`) is removed, as if there were none.

        Args:
            kind: See `get_or_create`.
            label: The same.
            spec: The same.
            with_images: The same.

        Raises:
            UserError: If a file of the folder is damaged.
        """
        folder = self.get_path(kind, label, spec)
        if not folder.exists():
            return None
        damage = integrity.find_damage(folder, lambda name: with_images or not is_image(name))
        if not with_images:
            damage = {name: why for name, why in damage.items() if not is_image(name)}
        if not damage:
            return folder
        if kind not in CACHE_KINDS:
            raise integrity.build_error(folder, damage)
        printable.print_message(f"{folder}: damaged ({', '.join(damage)}); it is made again")
        discard_folder(folder)
        return None

    def get_or_create(
        self,
        kind: str,
        label: str,
        spec: Mapping[str, Any],
        work: Callable[[Path], None],
        *,
        with_images: bool = True,
    ) -> ResultFolder:
        """Return the finished folder for ``spec``; call ``work(folder)`` first if there is none.

        Args:
            kind: Subfolder of the store, e.g. ``fused``.
            label: Readable first part of the folder's name; not hashed.
            spec: Everything that affects the result.
            work: Fills the folder that it gets. It must be able to resume: the folder may hold
                files of an interrupted call, all of them complete.
            with_images: Whether the images in a finished folder are checked too. False if only a
                few of them are drawn: a PNG has its own checksum. Other files always are.

        Raises:
            UserError: If a file of a finished folder is damaged.
            LockHeldError: If another process fills the folder, and this store does not wait.
        """
        final = self.find_finished(kind, label, spec, with_images=with_images)
        if final is None:
            final = self.get_path(kind, label, spec)
            with self.lock_folder(final):
                # Another process may have finished it while this one waited, or on another machine
                # a moment ago: opening a folder lets NFS ask the server for its names again.
                if final.parent.is_dir():
                    list(final.parent.iterdir())
                if not self.find_finished(kind, label, spec, with_images=with_images):
                    _create_folder(final, spec, work)
        return ResultFolder(final, spec)

    def lock_folder(self, final: Path) -> AbstractContextManager[None]:
        """Return the lock of a folder; who fills or removes the folder holds it."""
        locks = self.root / LOCK_FOLDER
        locks.mkdir(parents=True, exist_ok=True)
        waits = self.waits or final.parent.name in CACHE_KINDS
        return file_lock.hold_lock(locks / f"{final.name}.lock", final.name, waits=waits)

    def iterate_finished(self, kind: str) -> Iterator[ResultFolder]:
        """Yield the finished folders of one kind, sorted by name, each after checking it.

        Folders whose names do not end in a hash are none of the store, e.g. copies.

        Raises:
            UserError: If a file of a folder is damaged.
        """
        spec_files = (self.root / kind).glob(f"*-{HASH_GLOB}/{file_names.SPEC_FILE}")
        for path in sorted(spec_files):
            folder = path.parent
            if folder.name.startswith("."):
                continue
            if damage := integrity.find_damage(folder):
                raise integrity.build_error(folder, damage)
            yield ResultFolder(folder, json.loads(path.read_text(encoding="utf-8")))

    def with_label(self, kind: str, label: str) -> list[Path]:
        """List the finished folders of a label, with any spec."""
        name = glob.escape(file_names.make_safe_file_name(label))
        spec_files = (self.root / kind).glob(f"{name}-{HASH_GLOB}/{file_names.SPEC_FILE}")
        return sorted(file.parent for file in spec_files)


def is_image(name: str) -> bool:
    """Return whether the name of a stored file is that of an image."""
    return name.endswith(".png")


def discard_folder(folder: Path) -> None:
    """Remove a finished folder; it is never seen with a part of its files."""
    hidden = atomic_write.get_temporary_path(folder)
    folder.rename(hidden)
    shutil.rmtree(hidden)


def _create_folder(final: Path, spec: Mapping[str, Any], work: Callable[[Path], None]) -> None:
    """Fill ``<final>.partial``, write spec and manifest, and give it its final name."""
    partial = final.with_name(final.name + file_names.PARTIAL_SUFFIX)
    prepare_partial_folder(partial)
    try:
        with name_file(partial):  # for a file in it that is written without `replace_atomically`
            work(partial)
    except BaseException:
        if not any(partial.iterdir()):
            partial.rmdir()  # nothing to resume from
        raise
    spec_text = json.dumps(spec, indent=2, sort_keys=True)
    (partial / file_names.SPEC_FILE).write_text(spec_text, encoding="utf-8")
    finish_partial_folder(partial, final)
    atomic_write.sync_folder(final.parents[1])


def prepare_partial_folder(partial: Path) -> None:
    """Create a folder to fill, or remove from it what an interruption left incomplete."""
    if partial.is_dir():
        for path in intact_files.remove_incomplete_files(partial):
            printable.print_message(f"{path}: incomplete since an interruption; it is made again")
    partial.mkdir(parents=True, exist_ok=True)


def finish_partial_folder(partial: Path, final: Path) -> None:
    """Write the manifest of a complete folder, flush it to the disk and rename it."""
    for path in partial.rglob(".*"):
        if path.is_file():
            path.unlink()  # of a process that was killed in `replace_atomically`
    manifest.write_manifest(partial, manifest.build_entries(partial))
    atomic_write.sync_tree(partial)
    partial.rename(final)
    atomic_write.sync_folder(final.parent)
