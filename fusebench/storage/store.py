"""Store of result folders: finished or ``.partial``, and resumable after an interruption.

A stage requests a folder by *spec*, the JSON-ready mapping of everything that affects its result:

    runs/<kind>/<label>-<hash>/           finished: its content is complete
    runs/<kind>/<label>-<hash>.partial/   started: its files are kept and used on restart

``spec.json`` is written last, and then the folder gets its final name in one rename. A folder
without ``.partial`` is therefore complete, whenever the machine went down. A lock lets one process
at a time fill a folder; the system releases it even if that process is killed.
"""

import glob
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fusebench.runtime import file_names
from fusebench.runtime.system_errors import name_file
from fusebench.storage import file_lock
from fusebench.storage.hashing import HASH_GLOB, content_hash


@dataclass(frozen=True)
class ResultFolder:
    """A finished result folder."""

    path: Path
    spec: Mapping[str, Any]


@dataclass(frozen=True)
class Store:
    """Result folders under one root."""

    root: Path

    def get_path(self, kind: str, label: str, spec: Mapping[str, Any]) -> Path:
        """Return the path of the finished folder for ``spec``, whether it exists or not."""
        return self.root / kind / f"{file_names.make_safe_file_name(label)}-{content_hash(spec)}"

    def get_or_create(
        self, kind: str, label: str, spec: Mapping[str, Any], work: Callable[[Path], None]
    ) -> ResultFolder:
        """Return the finished folder for ``spec``; call ``work(folder)`` first if there is none.

        Args:
            kind: Subfolder of the store, e.g. ``fused``.
            label: Readable first part of the folder's name; not hashed.
            spec: Everything that affects the result.
            work: Fills the folder that it gets. It must be able to resume: the folder may hold
                files of an interrupted call.
        """
        final = self.get_path(kind, label, spec)
        if not final.exists():
            locks = self.root / ".locks"
            locks.mkdir(parents=True, exist_ok=True)
            with file_lock.hold_lock(locks / f"{final.name}.lock", final.name):
                if not final.exists():  # another process may have finished it while this one waited
                    _create_folder(final, spec, work)
        return ResultFolder(final, spec)

    def iterate_finished(self, kind: str) -> Iterator[ResultFolder]:
        """Yield the finished folders of one kind, sorted by name."""
        for path in sorted((self.root / kind).glob(f"*/{file_names.SPEC_FILE}")):
            if not path.parent.name.endswith(".partial"):
                yield ResultFolder(path.parent, json.loads(path.read_text()))

    def with_label(self, kind: str, label: str) -> list[Path]:
        """List the finished folders of a label, with any spec."""
        name = glob.escape(file_names.make_safe_file_name(label))
        spec_files = (self.root / kind).glob(f"{name}-{HASH_GLOB}/{file_names.SPEC_FILE}")
        return sorted(file.parent for file in spec_files)


def _create_folder(final: Path, spec: Mapping[str, Any], work: Callable[[Path], None]) -> None:
    """Fill ``<final>.partial``, write its spec and give it its final name."""
    partial = final.with_name(final.name + ".partial")
    partial.mkdir(parents=True, exist_ok=True)
    try:
        with name_file(partial):  # for a file in it that is written without `replace_atomically`
            work(partial)
    except BaseException:
        if not any(partial.iterdir()):
            partial.rmdir()  # nothing to resume from
        raise
    _delete_temporary_files(partial)
    (partial / file_names.SPEC_FILE).write_text(json.dumps(spec, indent=2, sort_keys=True))
    partial.rename(final)


def _delete_temporary_files(folder: Path) -> None:
    """Delete what a process that was killed in `replace_atomically` has left."""
    for path in folder.rglob(".*"):
        if path.is_file():
            path.unlink()
